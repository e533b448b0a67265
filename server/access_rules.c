/* Loads, tells the log, and asks. */
#include "access_rules.h"

#include <stdlib.h>
#include <string.h>

#include "policy/quota.h"
#include "service/access.h"

enum { METHODS_MAX = 64 };

struct pc_access_rules {
    const pc_config *config;
    const char *file; /* the configuration's */
    pc_log *log;
    pc_policy_holder *holder;
    pc_right rights[METHODS_MAX]; /* by method */
    size_t method_count;
};

static void tell_loaded(const pc_access_rules *rules, const pc_policy *policy)
{
    PC_LOG(rules->log, PC_LOG_INFO, "policy.loaded", pc_log_text("file", rules->file),
           pc_log_text("version", pc_policy_version(policy)),
           pc_log_int("callers", (int64_t)pc_policy_caller_count(policy)));
}

static pc_status load(pc_policy **out, const char *file, const pc_config *config)
{
    pc_config_errors errors = {0};
    pc_status status = PC_OK;
    if (!pc_policy_load(out, &errors, file, config)) {
        status = pc_status_new(PC_CODE_FAILED_PRECONDITION, "POLICY_INVALID",
                               "access.policy_file is wrong; profilectl policy check tells so too");
    }
    for (size_t i = 0; i < errors.count; i++) {
        pc_status_add_violation(&status, "access.policy_file", errors.lines[i]);
    }
    pc_config_errors_deinit(&errors);
    return status;
}

pc_status pc_access_rules_new(pc_access_rules **out, const pc_config *config, pc_log *log)
{
    *out = NULL;
    if (config->access.policy_file[0] == '\0') {
        return PC_OK;
    }
    pc_policy *policy;
    pc_status status = load(&policy, config->access.policy_file, config);
    if (!pc_status_ok(&status)) {
        return status;
    }
    pc_access_rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL) {
        pc_policy_unref(policy);
        return pc_status_out_of_memory();
    }
    rules->config = config;
    rules->file = config->access.policy_file;
    rules->log = log;
    tell_loaded(rules, policy);
    rules->holder = pc_policy_holder_new(policy);
    if (rules->holder == NULL) {
        free(rules);
        return pc_status_out_of_memory();
    }
    *out = rules;
    return PC_OK;
}

void pc_access_rules_free(pc_access_rules *rules)
{
    if (rules != NULL) {
        pc_policy_holder_free(rules->holder);
        free(rules);
    }
}

void pc_access_rules_set_methods(pc_access_rules *rules, const pc_method *rows, size_t count)
{
    if (rules == NULL) {
        return;
    }
    rules->method_count = count < METHODS_MAX ? count : METHODS_MAX;
    for (size_t i = 0; i < rules->method_count; i++) {
        rules->rights[i] = pc_right_of_path(rows[i].path);
    }
}

pc_status pc_access_rules_look_up(pc_access_rules *rules, pc_call *call)
{
    return rules == NULL ? PC_OK : pc_policy_look_up(rules->holder, call);
}

pc_status pc_access_rules_admit(pc_access_rules *rules, pc_call *call, size_t method)
{
    if (rules == NULL) {
        return PC_OK;
    }
    return pc_policy_admit(call,
                           method < rules->method_count ? rules->rights[method] : PC_RIGHT_UNKNOWN);
}

static bool is_in_force(const pc_access_rules *rules, const pc_policy *policy)
{
    pc_policy *present = pc_policy_holder_get(rules->holder);
    bool same = strcmp(pc_policy_version(present), pc_policy_version(policy)) == 0;
    pc_policy_unref(present);
    return same;
}

static pc_status load_anew(void *self)
{
    pc_access_rules *rules = self;
    pc_policy *policy;
    pc_status status = load(&policy, rules->file, rules->config);
    if (pc_status_ok(&status) && is_in_force(rules, policy)) {
        pc_policy_unref(policy);
    } else if (pc_status_ok(&status)) {
        tell_loaded(rules, policy);
        pc_policy_holder_set(rules->holder, policy);
    }
    for (const pc_violation *v = pc_status_violations(&status); v != NULL; v = v->next) {
        PC_LOG(rules->log, PC_LOG_ERROR, "policy.wrong", pc_log_text("message", v->description));
    }
    return status;
}

pc_status pc_access_rules_watch(pc_access_rules *rules, pc_reload *reload)
{
    if (rules == NULL) {
        return PC_OK;
    }
    const pc_reload_item item = {
        .kind = "policy",
        .paths = &rules->file,
        .path_count = 1,
        .load = load_anew,
        .self = rules,
    };
    return pc_reload_add(reload, &item, NULL);
}

bool pc_access_rules_quota(const pc_access_rules *rules, const char *caller, double *rate,
                           double *burst)
{
    if (rules == NULL) {
        return false;
    }
    pc_policy *policy = pc_policy_holder_get(rules->holder);
    bool bounded = pc_policy_quota(policy, caller, rate, burst);
    pc_policy_unref(policy);
    return bounded;
}

pc_policy_holder *pc_access_rules_holder(const pc_access_rules *rules)
{
    return rules == NULL ? NULL : rules->holder;
}
