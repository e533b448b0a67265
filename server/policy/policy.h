/* The access rules: one immutable object, compiled from one YAML file (README.md in this folder).
 * What the file does not grant is denied.
 *
 * Which rule decides: the one that names the caller in full, else the one whose pattern (`prefix*`)
 * has the longest prefix. No name and no pattern may stand twice, so there is always one or none.
 * Threads: a policy never changes; any thread may read it while it has a reference. */
#ifndef PC_POLICY_POLICY_H
#define PC_POLICY_POLICY_H

#include "config/config.h"
#include "policy/grant.h"

typedef struct pc_policy pc_policy;

enum { PC_PURPOSES_MAX = 32, PC_CONSENT_RULES_MAX = 32, PC_CONSENT_VALUES_MAX = 16 };

/* A rule of `consents`: without this consent, for these purposes, that is not shown. */
typedef struct {
    uint32_t purposes;
    unsigned views;        /* PC_VIEW_BIT of each that it may leave something out of */
    const char *needs;     /* path in Profile, as in the file */
    pc_wire_path path;     /* the same, compiled */
    pc_wire_path any_path; /* of marketing channels: `consents.marketing.any.val`; depth 0: none */
    pc_wire_path identity_path; /* in IdentityConsents; depth 0: none */
    uint32_t values;            /* bits by the numbers of ConsentValue */
    pc_hidden_insights hidden;
    const pc_mask *left[PC_VIEW_COUNT]; /* of all that the view has, what needs no consent; NULL:
                                           nothing */
    size_t line;
} pc_consent_rule;

/* Compiles a file. The server's configuration says which insights there are, whose paths are held
 * against the fields; NULL: none. `*out` has one reference, the caller's: pc_policy_unref. False
 * when something is wrong: then `errors` says what, a line each with file, line and column. */
PC_NODISCARD bool pc_policy_load(pc_policy **out, pc_config_errors *errors, const char *path,
                                 const pc_config *config);

/* The same from memory; `name` stands for the file. */
PC_NODISCARD bool pc_policy_compile(pc_policy **out, pc_config_errors *errors, const char *name,
                                    const unsigned char *text, size_t size,
                                    const pc_config *config);

pc_policy *pc_policy_ref(pc_policy *policy);
void pc_policy_unref(pc_policy *policy);

/* 12 hexadecimal digits of the file's hash, for log, metrics and audit. */
const char *pc_policy_version(const pc_policy *policy);

/* How many rules for callers there are. */
size_t pc_policy_caller_count(const pc_policy *policy);

/* What the caller may do; NULL: nothing. */
const pc_grant *pc_policy_grant(const pc_policy *policy, const char *caller);

/* Whether calls state a purpose: whether the file has a list of them. */
bool pc_policy_has_purposes(const pc_policy *policy);

/* Place of a purpose in the list, or -1. */
int pc_policy_purpose(const pc_policy *policy, const char *purpose);

/* "" for -1. */
const char *pc_policy_purpose_name(const pc_policy *policy, int purpose);

const pc_consent_rule *pc_policy_consents(const pc_policy *policy, size_t *count);

/* The path of the file as it was given. */
const char *pc_policy_file(const pc_policy *policy);

#endif
