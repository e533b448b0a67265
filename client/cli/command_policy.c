/* The decisions are the server's own code; here they are only told. */
#include "command_policy.h"

#include <stdlib.h>
#include <string.h>

#include "json_writer.h"
#include "policy/explain.h"

enum { FIELDS_MAX = 100, ARENA_BYTES_MAX = 64 * 1024 * 1024 };

static exit_code misuse(display *err, const char *what)
{
    display_addf(err, STYLE_PLAIN, "profilectl: %s. See profilectl policy --help.", what);
    display_end(err);
    return EXIT_CODE_MISUSE;
}

static void print_errors(display *err, const pc_config_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        display_add(err, STYLE_PLAIN, errors->lines[i]);
        display_end(err);
    }
}

/* ---- the question ---------------------------------------------------------------------------- */

/* NULL when it is one; else what is wrong. `list` is cut into pieces. */
static const char *read_question(pc_policy_question *out, const options *chosen,
                                 const char **fields, char *list)
{
    static const char *const levels[] = {"routing", "agent", "batch", "prefetch"};
    *out = (pc_policy_question){
        .caller = chosen->policy_caller == NULL ? "" : chosen->policy_caller,
        .right = PC_RIGHT_UNKNOWN,
        .purpose = chosen->purpose,
        .namespace_code = chosen->namespace_code,
        .sandbox = chosen->sandbox[0] == '\0' ? NULL : chosen->sandbox,
        .merge_policy = chosen->merge_policy[0] == '\0' ? NULL : chosen->merge_policy,
        .usual_merge_policy = "",
        .has_staleness = chosen->max_staleness_ms >= 0,
        .staleness_ms = chosen->max_staleness_ms,
        .fields = fields,
    };
    for (int right = 0; chosen->rpc != NULL && right < PC_RIGHT_COUNT; right++) {
        if (strcmp(pc_right_name((pc_right)right), chosen->rpc) == 0) {
            out->right = (pc_right)right;
        }
    }
    if (out->right == PC_RIGHT_UNKNOWN) {
        return "--rpc takes the name of an RPC, such as GetContext, or Health, Reflection or "
               "Channelz";
    }
    for (int i = 0; chosen->criticality != NULL && i < PC_CRITICALITY_COUNT; i++) {
        if (strcmp(levels[i], chosen->criticality) == 0) {
            out->has_criticality = true;
            out->criticality = (pc_criticality)i;
        }
    }
    if (chosen->criticality != NULL && !out->has_criticality) {
        return "--criticality takes routing, agent, batch or prefetch";
    }
    char *rest = NULL;
    for (char *path = list == NULL ? NULL : strtok_r(list, ",", &rest); path != NULL;
         path = strtok_r(NULL, ",", &rest)) {
        if (out->field_count == FIELDS_MAX) {
            return "--fields takes 100 paths at most";
        }
        fields[out->field_count++] = path;
    }
    return NULL;
}

/* Denied as a whole, or where the caller has named what it wants, in part. */
static bool is_allowed(const pc_policy_question *question, const pc_policy_answer *answer)
{
    bool allowed = pc_status_ok(&answer->refusal);
    for (size_t i = 0; question->field_count > 0 && i < answer->outcome_count; i++) {
        allowed = allowed && answer->outcomes[i].denied.count == 0;
    }
    return allowed;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void print_reasons(display *out, const char *file, const char *word,
                          const pc_policy_reasons *reasons)
{
    for (size_t i = 0; i < reasons->count; i++) {
        const pc_policy_reason *reason = &reasons->reasons[i];
        display_addf(out, STYLE_PLAIN, "    %s %s  ", word, reason->path);
        display_addf(out, STYLE_FAINT, "%s:%zu %s", file, reason->line, reason->key);
        display_end(out);
    }
}

static void print_answer(display *out, const pc_policy *policy, const pc_policy_question *question,
                         const pc_policy_answer *answer)
{
    const char *file = pc_policy_file(policy);
    const pc_grant *grant = answer->grant;
    bool allowed = is_allowed(question, answer);
    display_add(out, allowed ? STYLE_GOOD : STYLE_BAD, allowed ? "allowed" : "denied");
    display_addf(out, STYLE_PLAIN, ": %s for %s", pc_right_name(question->right),
                 question->caller[0] == '\0' ? "callers without a name" : question->caller);
    display_end(out);
    if (grant != NULL) {
        display_addf(out, STYLE_PLAIN, "  rule %s:%zu %s%s%s", file, grant->lines.rule, grant->name,
                     grant->role[0] == '\0' ? "" : ", role ", grant->role);
        display_end(out);
    }
    if (!pc_status_ok(&answer->refusal)) {
        display_addf(out, STYLE_PLAIN, "  %s: %s", pc_status_reason(&answer->refusal),
                     pc_status_message(&answer->refusal));
        if (answer->line > 0) {
            display_addf(out, STYLE_FAINT, "  %s:%zu", file, answer->line);
        }
        display_end(out);
    }
    if (answer->purpose >= 0) {
        display_addf(out, STYLE_PLAIN, "  purpose %s  ",
                     pc_policy_purpose_name(policy, answer->purpose));
        display_addf(out, STYLE_FAINT, "%s:%zu", file, answer->purpose_line);
        display_end(out);
    }
    for (size_t i = 0; i < answer->outcome_count; i++) {
        const pc_policy_outcome *outcome = &answer->outcomes[i];
        const char *name =
            pc_view_name(outcome->view == PC_VIEW_WHOLE_PROFILE ? PC_VIEW_PROFILE : outcome->view);
        display_addf(out, STYLE_PLAIN, "  %s: %s", name,
                     !outcome->any               ? "denied"
                     : outcome->denied.count > 0 ? "shown in part"
                                                 : "shown");
        display_end(out);
        print_reasons(out, file, "denied", &outcome->denied);
        print_reasons(out, file, "masked", &outcome->masked);
        print_reasons(out, file, "needs", &outcome->consents);
    }
}

static void put_text(json_writer *to, const char *key, const char *text)
{
    json_key(to, key);
    json_string(to, text, strlen(text));
}

static void put_number(json_writer *to, const char *key, size_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%zu", number);
    json_key(to, key);
    json_raw(to, text);
}

static void put_reasons(json_writer *to, const char *key, const pc_policy_reasons *reasons)
{
    json_key(to, key);
    json_open(to, '[');
    for (size_t i = 0; i < reasons->count; i++) {
        json_open(to, '{');
        put_text(to, "path", reasons->reasons[i].path);
        put_number(to, "line", reasons->reasons[i].line);
        put_text(to, "key", reasons->reasons[i].key);
        json_close(to, '}');
    }
    json_close(to, ']');
}

static bool print_json(display *out, const pc_policy *policy, const pc_policy_question *question,
                       const pc_policy_answer *answer)
{
    json_writer to = {.pretty = true, .empty = true};
    json_open(&to, '{');
    json_key(&to, "allowed");
    json_raw(&to, is_allowed(question, answer) ? "true" : "false");
    put_text(&to, "caller", question->caller);
    put_text(&to, "rpc", pc_right_name(question->right));
    put_text(&to, "file", pc_policy_file(policy));
    put_text(&to, "version", pc_policy_version(policy));
    if (answer->grant != NULL) {
        put_number(&to, "ruleLine", answer->grant->lines.rule);
        put_text(&to, "rule", answer->grant->name);
        put_text(&to, "role", answer->grant->role);
    }
    if (!pc_status_ok(&answer->refusal)) {
        put_text(&to, "reason", pc_status_reason(&answer->refusal));
        put_text(&to, "message", pc_status_message(&answer->refusal));
        put_number(&to, "line", answer->line);
    }
    put_text(&to, "purpose", pc_policy_purpose_name(policy, answer->purpose));
    json_key(&to, "sections");
    json_open(&to, '[');
    for (size_t i = 0; i < answer->outcome_count; i++) {
        const pc_policy_outcome *outcome = &answer->outcomes[i];
        json_open(&to, '{');
        put_text(
            &to, "section",
            pc_view_name(outcome->view == PC_VIEW_WHOLE_PROFILE ? PC_VIEW_PROFILE : outcome->view));
        put_text(&to, "state",
                 !outcome->any               ? "denied"
                 : outcome->denied.count > 0 ? "part"
                                             : "shown");
        put_reasons(&to, "denied", &outcome->denied);
        put_reasons(&to, "masked", &outcome->masked);
        put_reasons(&to, "needs", &outcome->consents);
        json_close(&to, '}');
    }
    json_close(&to, ']');
    json_close(&to, '}');
    char *text = json_finish(&to);
    if (text != NULL) {
        (void)fprintf(out->out, "%s\n", text);
    }
    free(text);
    return text != NULL;
}

/* ---- the commands ---------------------------------------------------------------------------- */

static exit_code explain(const pc_policy *policy, const pc_policy_question *question,
                         const options *chosen, display *out, display *err)
{
    pc_arena arena;
    pc_policy_answer answer;
    pc_arena_init(&arena, NULL, 0, ARENA_BYTES_MAX);
    pc_status status = pc_policy_explain(&answer, &arena, policy, question);
    exit_code code = EXIT_CODE_MISUSE;
    if (pc_status_ok(&status)) {
        code = is_allowed(question, &answer) ? EXIT_CODE_OK : EXIT_CODE_OTHER;
        if (!chosen->json) {
            print_answer(out, policy, question, &answer);
        } else if (!print_json(out, policy, question, &answer)) {
            code = EXIT_CODE_OTHER;
        }
    }
    for (const pc_violation *v = pc_status_violations(&status); v != NULL; v = v->next) {
        display_addf(err, STYLE_PLAIN, "profilectl: --fields: %s", v->description);
        display_end(err);
    }
    pc_status_clear(&status);
    pc_status_clear(&answer.refusal);
    pc_arena_deinit(&arena);
    return code;
}

/* The policy, with the insights of the server's configuration where that is given. Both are owned
 * by the caller: pc_policy_unref, pc_config_free. */
static bool load(pc_policy **out, pc_config **config, const options *chosen, display *err)
{
    pc_config_errors errors = {0};
    *config = NULL;
    bool good = chosen->config_file == NULL || pc_config_read(config, &errors, chosen->config_file);
    *out = NULL;
    good = good && pc_policy_load(out, &errors, chosen->policy_file, *config);
    print_errors(err, &errors);
    pc_config_errors_deinit(&errors);
    return good;
}

static exit_code test(const options *chosen, display *out, display *err)
{
    const char *fields[FIELDS_MAX];
    pc_policy_question question;
    char *list = chosen->fields == NULL ? NULL : strdup(chosen->fields);
    const char *wrong = read_question(&question, chosen, fields, list);
    pc_policy *policy = NULL;
    pc_config *config = NULL;
    exit_code code = EXIT_CODE_MISUSE;
    if (wrong != NULL) {
        code = misuse(err, wrong);
    } else if (load(&policy, &config, chosen, err)) {
        if (config != NULL) {
            question.usual_merge_policy = config->upstream.merge_policy;
        }
        code = explain(policy, &question, chosen, out, err);
    }
    pc_policy_unref(policy);
    pc_config_free(config);
    free(list);
    return code;
}

static exit_code check(const options *chosen, display *out, display *err)
{
    pc_policy *policy;
    pc_config *config;
    bool good = load(&policy, &config, chosen, err);
    if (good) {
        display_addf(out, STYLE_PLAIN, "%s: right; version %s, %zu rules for callers",
                     chosen->policy_file, pc_policy_version(policy),
                     pc_policy_caller_count(policy));
        display_end(out);
    }
    pc_policy_unref(policy);
    pc_config_free(config);
    return good ? EXIT_CODE_OK : EXIT_CODE_OTHER;
}

exit_code command_policy(const options *chosen, display *out, display *err)
{
    const char *action = chosen->policy_action;
    out->width = DISPLAY_UNLIMITED;
    if (chosen->policy_file == NULL) {
        return misuse(err, "policy needs a file: policy check FILE, or policy test --policy FILE");
    }
    if (strcmp(action, "check") == 0) {
        return check(chosen, out, err);
    }
    return strcmp(action, "test") == 0 ? test(chosen, out, err)
                                       : misuse(err, "policy takes test or check");
}
