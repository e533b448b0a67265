/* Trouble on demand: delays, errors and broken answers, set per kind of operation at start or at
 * run time. */
#ifndef SBX_FAULTS_H
#define SBX_FAULTS_H

#include "shapes.h"
#include "text.h"

#include <jansson.h>
#include <stdint.h>

enum sbx_group {
    SBX_GROUP_TOKEN,
    SBX_GROUP_PROFILE,  /* single and batch lookups, and deletion, of profiles */
    SBX_GROUP_EVENTS,   /* single and batch */
    SBX_GROUP_ENTITIES, /* accounts and opportunities */
    SBX_GROUP_AUDIENCES,
    SBX_GROUP_CONFIG,   /* merge policies and namespaces */
    SBX_GROUP_IDENTITY, /* XIDs and graphs */
    SBX_GROUP_COUNT,
    SBX_GROUP_NONE /* never disturbed: the admin endpoint */
};

enum sbx_fault {
    SBX_FAULT_NONE,
    SBX_FAULT_ERROR,   /* an error status with its usual body */
    SBX_FAULT_DOWN,    /* 503 with a page of HTML, as from a load balancer */
    SBX_FAULT_REFUSED, /* 403: not licensed */
    SBX_FAULT_THROTTLED,
    SBX_FAULT_CUT,     /* half of the body, then the connection closes */
    SBX_FAULT_CORRUPT, /* status 200 and a body that is no JSON */
    SBX_FAULT_HANG,    /* no answer, ever */
    SBX_FAULT_DRIP,    /* the right answer, a few bytes at a time */
};

struct sbx_fault_plan {
    enum sbx_fault fault;
    int64_t delay_ms;
    unsigned status;
    int retry_after_ms;
    int drip_bytes;
    int drip_interval_ms;
};

typedef struct sbx_faults sbx_faults;

sbx_faults *sbx_faults_new(uint64_t seed);
void sbx_faults_free(sbx_faults *faults);
void sbx_faults_seed(sbx_faults *faults, uint64_t seed);

/* The whole configuration as JSON, new reference. Any thread; so for all below. */
json_t *sbx_faults_get(sbx_faults *faults);
/* Replaces everything (or, when patching, what is named). Nothing changes when it cannot be
 * understood. */
bool sbx_faults_set(sbx_faults *faults, const json_t *wanted, bool patch, struct sbx_error *error);
/* One setting as on the command line: "profile.delayMs=500", "*.errorRate=0.1",
 * "shapes.notFoundAsEmpty=true". */
bool sbx_faults_set_text(sbx_faults *faults, const char *text, struct sbx_error *error);
/* "500+-100", "500" or "profile=500+-100"; without a group: all but token. */
bool sbx_faults_set_delay(sbx_faults *faults, const char *text, struct sbx_error *error);

/* What shall happen to one request. */
void sbx_faults_plan(sbx_faults *faults, enum sbx_group group, int64_t now_ms,
                     struct sbx_fault_plan *out);
struct sbx_shapes sbx_faults_shapes(sbx_faults *faults);
/* Throws the dice for one entry of a batch. */
bool sbx_faults_entry_fails(sbx_faults *faults);

const char *sbx_group_name(enum sbx_group group);
const char *sbx_fault_name(enum sbx_fault fault);

#endif
