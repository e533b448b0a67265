/* What one caller may do: a rule of the policy file with its role, compiled. Nothing in it changes,
 * and all of it lives as long as its policy.
 * Threads: any. */
#ifndef PC_POLICY_GRANT_H
#define PC_POLICY_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/mask.h"
#include "policy/value_masks.h"
#include "util/criticality.h"

/* What may be called: the RPCs, and the services beside them. */
typedef enum {
    PC_RIGHT_GET_CONTEXT,
    PC_RIGHT_BATCH_GET_CONTEXTS,
    PC_RIGHT_GET_PROFILE,
    PC_RIGHT_BATCH_GET_PROFILES,
    PC_RIGHT_LIST_EVENTS,
    PC_RIGHT_STREAM_EVENTS,
    PC_RIGHT_LIST_SEGMENT_MEMBERSHIPS,
    PC_RIGHT_GET_IDENTITIES,
    PC_RIGHT_GET_ENTITY,
    PC_RIGHT_PREFETCH_CONTEXTS,
    PC_RIGHT_DELETE_PROFILE,
    PC_RIGHT_HEALTH,
    PC_RIGHT_REFLECTION,
    PC_RIGHT_CHANNELZ,
    PC_RIGHT_COUNT,
    PC_RIGHT_UNKNOWN = PC_RIGHT_COUNT /* of methods that there are not */
} pc_right;

/* "GetContext"; "" for PC_RIGHT_UNKNOWN. */
const char *pc_right_name(pc_right right);

/* The right that a method's path asks for. */
pc_right pc_right_of_path(const char *path);

/* The messages that answers are made of. The first have the numbers of Section (context.proto). */
typedef enum {
    PC_VIEW_PROFILE = 1, /* of a context: without identities and segments */
    PC_VIEW_EVENTS = 2,
    PC_VIEW_SEGMENTS = 3,
    PC_VIEW_IDENTITIES = 4,
    PC_VIEW_INSIGHTS = 5,
    PC_VIEW_SUMMARY = 6,
    PC_VIEW_ENTITY = 7,
    PC_VIEW_WHOLE_PROFILE = 8, /* as GetProfile gives it */
    PC_VIEW_COUNT = 9
} pc_view;

#define PC_VIEW_BIT(view) (1u << (view))

/* Name of a view's field in Context; "" for those that have none. */
const char *pc_view_name(pc_view view);

/* What a list of the file names. */
typedef struct {
    const char *const *names;
    size_t count;
    bool all;    /* "*" */
    size_t line; /* 0: it is not given */
} pc_name_list;

/* A path of `fields` or `masks`, for explanations. */
typedef struct {
    const char *path;
    size_t line;
    bool dropped; /* denied by `masks` */
} pc_policy_path;

typedef struct {
    const pc_policy_path *paths;
    size_t count;
    size_t line; /* 0: it is not given */
} pc_policy_paths;

typedef struct {
    const pc_mask *mask;          /* what may be seen; NULL: nothing */
    const pc_mask *clear;         /* the part of it that is shown as it is, by which may be
                                     searched; NULL: nothing */
    const pc_value_masks *values; /* NULL: all are shown as they are */
    const uint8_t *missing;       /* texts of PC_DENIED_PATHS: what a caller that asks for all does
                                     not get, as read_mask would name it */
    size_t missing_size;
} pc_view_rights;

/* An insight that reads what may not be seen as it is. */
typedef struct {
    const char *name;
    const char *path; /* the field that it reads, such as profile.person.birth_date */
} pc_hidden_insight;

typedef struct {
    const pc_hidden_insight *insights;
    size_t count;
} pc_hidden_insights;

/* SectionInfo.denied_paths. */
enum { PC_DENIED_PATHS = 9, PC_DENIED_PATHS_BYTES_MAX = 4 * 1024 };

/* The lines of the file that decide, for explanations. 0: the key is not given. */
typedef struct {
    size_t rule;
    size_t rpcs;
    size_t sections;
    size_t purposes;
    size_t default_purpose;
    size_t max_staleness;
    size_t rate;
    size_t share;
    size_t masks;
    size_t criticality;
} pc_grant_lines;

typedef struct {
    const char *name;  /* the caller's name or pattern, as in the file */
    const char *role;  /* "" without one */
    unsigned rights;   /* 1 << pc_right */
    unsigned sections; /* PC_VIEW_BIT of each up to PC_VIEW_ENTITY */
    pc_view_rights views[PC_VIEW_COUNT];
    pc_hidden_insights hidden;
    pc_name_list namespaces;
    pc_name_list sandboxes;
    pc_name_list merge_policies;
    uint32_t purposes;   /* bits by the policy's list */
    int default_purpose; /* place in it; -1: none */
    bool has_least_staleness;
    bool has_most_staleness;
    int64_t least_staleness_ms; /* what a caller may ask for */
    int64_t most_staleness_ms;  /* the same, and what it may be given */
    double rate;                /* calls a second; 0: no bound */
    double burst;               /* calls at once */
    int share;                  /* percent of the upstream's budget; 0: as configured for all */
    pc_criticality criticality; /* the most critical it may be */
    pc_policy_paths allow;
    pc_policy_paths deny;
    pc_policy_paths masked;
    pc_grant_lines lines;
} pc_grant;

/* Whether the list has the name. Namespaces are compared without case. */
bool pc_name_list_has(const pc_name_list *list, const char *name);
bool pc_name_list_has_namespace(const pc_name_list *list, const char *name);
bool pc_name_list_has_namespace_bytes(const pc_name_list *list, const uint8_t *name, size_t size);

#endif
