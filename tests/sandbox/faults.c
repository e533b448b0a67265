/* Trouble on demand, see faults.h. */
#include "faults.h"

#include "json.h"

#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const group_names[SBX_GROUP_COUNT] = {
    "token", "profile", "events", "entities", "audiences", "config", "identity",
};

static const char *const fault_names[] = {
    "none", "error", "down", "refused", "throttled", "cut", "corrupt", "hang", "drip",
};

/* Everything is a number in here, flags included, so that one table describes it all. */
struct settings {
    double delay_ms;
    double deviation_ms;
    double slow_rate;
    double slow_ms;
    double error_rate;
    double error_status;
    double cut_rate;
    double corrupt_rate;
    double hang_rate;
    double drip_rate;
    double drip_bytes;
    double drip_interval_ms;
    double throttle_allow;
    double throttle_window_ms;
    double retry_after_ms;
    double refuse;
    double down;
    double times;
};

static const struct settings calm = {
    .error_status = 500,
    .drip_bytes = 64,
    .drip_interval_ms = 50,
    .throttle_allow = -1,
    .throttle_window_ms = 1000,
    .retry_after_ms = 500,
    .times = -1,
};

static const struct field {
    const char *name;
    size_t offset;
    double least;
    double most;
    bool flag;
} fields[] = {
    {"delayMs", offsetof(struct settings, delay_ms), 0, 600000, false},
    {"deviationMs", offsetof(struct settings, deviation_ms), 0, 600000, false},
    {"slowRate", offsetof(struct settings, slow_rate), 0, 1, false},
    {"slowMs", offsetof(struct settings, slow_ms), 0, 600000, false},
    {"errorRate", offsetof(struct settings, error_rate), 0, 1, false},
    {"errorStatus", offsetof(struct settings, error_status), 400, 599, false},
    {"cutRate", offsetof(struct settings, cut_rate), 0, 1, false},
    {"corruptRate", offsetof(struct settings, corrupt_rate), 0, 1, false},
    {"hangRate", offsetof(struct settings, hang_rate), 0, 1, false},
    {"dripRate", offsetof(struct settings, drip_rate), 0, 1, false},
    {"dripBytes", offsetof(struct settings, drip_bytes), 1, 65536, false},
    {"dripIntervalMs", offsetof(struct settings, drip_interval_ms), 1, 60000, false},
    {"throttleAllow", offsetof(struct settings, throttle_allow), -1, 1e9, false},
    {"throttleWindowMs", offsetof(struct settings, throttle_window_ms), 1, 3600000, false},
    {"retryAfterMs", offsetof(struct settings, retry_after_ms), 0, 3600000, false},
    {"refuse", offsetof(struct settings, refuse), 0, 1, true},
    {"down", offsetof(struct settings, down), 0, 1, true},
    {"times", offsetof(struct settings, times), -1, 1e9, false},
};

enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

struct config {
    struct settings groups[SBX_GROUP_COUNT];
    struct sbx_shapes shapes;
};

struct window {
    int64_t start_ms;
    double count;
};

struct sbx_faults {
    pthread_mutex_t lock; /* guards everything below */
    struct config config;
    struct window windows[SBX_GROUP_COUNT];
    uint64_t random;
};

static double *setting(struct settings *settings, size_t field)
{
    return (double *)(void *)((char *)settings + fields[field].offset);
}

static void reset_config(struct config *config)
{
    for (size_t i = 0; i < SBX_GROUP_COUNT; i++) {
        config->groups[i] = calm;
    }
    config->shapes = sbx_shapes_usual;
}

sbx_faults *sbx_faults_new(uint64_t seed)
{
    sbx_faults *faults = sbx_alloc(sizeof(*faults));
    pthread_mutex_init(&faults->lock, NULL);
    reset_config(&faults->config);
    faults->random = seed;
    return faults;
}

void sbx_faults_free(sbx_faults *faults)
{
    if (faults != NULL) {
        pthread_mutex_destroy(&faults->lock);
        free(faults);
    }
}

void sbx_faults_seed(sbx_faults *faults, uint64_t seed)
{
    pthread_mutex_lock(&faults->lock);
    faults->random = seed;
    pthread_mutex_unlock(&faults->lock);
}

const char *sbx_group_name(enum sbx_group group)
{
    return group < SBX_GROUP_COUNT ? group_names[group] : "none";
}

const char *sbx_fault_name(enum sbx_fault fault)
{
    return fault_names[fault];
}

static json_t *number(double value)
{
    return value == floor(value) ? json_integer((json_int_t)value) : json_real(value);
}

json_t *sbx_faults_get(sbx_faults *faults)
{
    pthread_mutex_lock(&faults->lock);
    struct config config = faults->config;
    pthread_mutex_unlock(&faults->lock);
    json_t *out = json_object();
    json_t *operations = json_object();
    json_object_set_new(out, "operations", operations);
    for (size_t i = 0; i < SBX_GROUP_COUNT; i++) {
        json_t *group = json_object();
        for (size_t j = 0; j < FIELD_COUNT; j++) {
            double value = *setting(&config.groups[i], j);
            json_object_set_new(group, fields[j].name,
                                fields[j].flag ? json_boolean(value != 0) : number(value));
        }
        json_object_set_new(operations, group_names[i], group);
    }
    json_object_set_new(out, "shapes", sbx_shapes_describe(&config.shapes));
    return out;
}

static bool set_field(struct settings *settings, const char *name, const json_t *value,
                      struct sbx_error *error)
{
    for (size_t j = 0; j < FIELD_COUNT; j++) {
        const struct field *field = &fields[j];
        if (strcmp(field->name, name) != 0) {
            continue;
        }
        if (field->flag && json_is_boolean(value)) {
            *setting(settings, j) = json_is_true(value) ? 1 : 0;
            return true;
        }
        double wanted = 0;
        if (field->flag || !sbx_json_number(&wanted, value) ||
            !(wanted >= field->least && wanted <= field->most)) {
            return field->flag ? sbx_fail(error, "\"%s\" is true or false", name)
                               : sbx_fail(error, "\"%s\" is a number from %g to %g", name,
                                          field->least, field->most);
        }
        *setting(settings, j) = wanted;
        return true;
    }
    return sbx_fail(error, "there is no fault setting \"%.80s\"", name);
}

static bool set_group(struct settings *settings, json_t *wanted, struct sbx_error *error)
{
    if (!json_is_object(wanted)) {
        return sbx_fail(error, "an operation's faults are an object");
    }
    const char *name;
    json_t *value;
    json_object_foreach(wanted, name, value)
    {
        if (!set_field(settings, name, value, error)) {
            return false;
        }
    }
    return true;
}

static bool set_operations(struct config *config, json_t *wanted, struct sbx_error *error)
{
    /* "*" first, whatever its place, so that single operations refine it. */
    json_t *all = json_object_get(wanted, "*");
    for (size_t i = 0; all != NULL && i < SBX_GROUP_COUNT; i++) {
        if (i != SBX_GROUP_TOKEN && !set_group(&config->groups[i], all, error)) {
            return false;
        }
    }
    const char *name;
    json_t *value;
    json_object_foreach(wanted, name, value)
    {
        size_t i = 0;
        while (i < SBX_GROUP_COUNT && strcmp(name, group_names[i]) != 0) {
            i++;
        }
        if (i < SBX_GROUP_COUNT) {
            if (!set_group(&config->groups[i], value, error)) {
                return false;
            }
        } else if (strcmp(name, "*") != 0) {
            return sbx_fail(error,
                            "there is no operation \"%.80s\": use token, profile, events, "
                            "entities, audiences, config, identity or *",
                            name);
        }
    }
    return true;
}

static bool change_config(struct config *config, const json_t *wanted, struct sbx_error *error)
{
    if (!json_is_object(wanted)) {
        return sbx_fail(error, "faults are a JSON object");
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)wanted, name, value)
    {
        bool known = strcmp(name, "operations") == 0 || strcmp(name, "shapes") == 0;
        if (!known || !json_is_object(value)) {
            return sbx_fail(error, "faults have the objects \"operations\" and \"shapes\" only");
        }
    }
    return set_operations(config, json_object_get(wanted, "operations"), error) &&
           sbx_shapes_change(&config->shapes, json_object_get(wanted, "shapes"), error);
}

bool sbx_faults_set(sbx_faults *faults, const json_t *wanted, bool patch, struct sbx_error *error)
{
    pthread_mutex_lock(&faults->lock);
    struct config config = faults->config;
    if (!patch) {
        reset_config(&config);
    }
    bool done = change_config(&config, wanted, error);
    if (done) {
        faults->config = config;
        memset(faults->windows, 0, sizeof(faults->windows));
    }
    pthread_mutex_unlock(&faults->lock);
    return done;
}

bool sbx_faults_set_text(sbx_faults *faults, const char *text, struct sbx_error *error)
{
    const char *dot = strchr(text, '.');
    const char *equals = dot != NULL ? strchr(dot, '=') : NULL;
    json_t *value = equals != NULL ? json_loads(equals + 1, JSON_DECODE_ANY, NULL) : NULL;
    if (value == NULL) {
        return sbx_fail(error, "\"%.100s\" is not OPERATION.SETTING=VALUE", text);
    }
    char *group = sbx_copy_n(text, (size_t)(dot - text));
    char *name = sbx_copy_n(dot + 1, (size_t)(equals - dot) - 1);
    json_t *wanted = strcmp(group, "shapes") == 0
                         ? json_pack("{s:{s:o}}", "shapes", name, value)
                         : json_pack("{s:{s:{s:o}}}", "operations", group, name, value);
    bool done = sbx_faults_set(faults, wanted, true, error);
    json_decref(wanted);
    free(group);
    free(name);
    return done;
}

bool sbx_faults_set_delay(sbx_faults *faults, const char *text, struct sbx_error *error)
{
    const char *equals = strchr(text, '=');
    const char *amount = equals != NULL ? equals + 1 : text;
    char *group = equals != NULL ? sbx_copy_n(text, (size_t)(equals - text)) : sbx_copy("*");
    double mean = 0;
    double deviation = 0;
    int used = 0;
    bool readable = (sscanf(amount, "%lf+-%lf%n", &mean, &deviation, &used) == 2 ||
                     (deviation = 0, sscanf(amount, "%lf%n", &mean, &used) == 1)) &&
                    amount[used] == '\0';
    bool done = false;
    if (!readable) {
        sbx_fail(error, "\"%.100s\" is not [OPERATION=]MEAN[+-DEVIATION] in milliseconds", text);
    } else {
        json_t *wanted = json_pack("{s:{s:{s:f, s:f}}}", "operations", group, "delayMs", mean,
                                   "deviationMs", deviation);
        done = wanted != NULL ? sbx_faults_set(faults, wanted, true, error)
                              : sbx_fail(error, "\"%.100s\" is not a delay", text);
        json_decref(wanted);
    }
    free(group);
    return done;
}

/* splitmix64; the caller holds the lock. */
static double draw(sbx_faults *faults)
{
    uint64_t z = faults->random += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static int64_t draw_delay(sbx_faults *faults, const struct settings *settings)
{
    double delay = settings->delay_ms;
    if (settings->deviation_ms > 0) {
        double radius = sqrt(-2 * log(1 - draw(faults)));
        delay += settings->deviation_ms * radius * cos(6.283185307179586 * draw(faults));
    }
    if (settings->slow_rate > 0 && draw(faults) < settings->slow_rate) {
        delay += settings->slow_ms;
    }
    return delay > 0 ? (int64_t)(delay + 0.5) : 0;
}

static bool over_window(struct window *window, const struct settings *settings, int64_t now_ms)
{
    if (settings->throttle_allow < 0) {
        return false;
    }
    if (now_ms - window->start_ms >= settings->throttle_window_ms) {
        *window = (struct window){.start_ms = now_ms};
    }
    window->count++;
    return window->count > settings->throttle_allow;
}

static enum sbx_fault draw_fault(sbx_faults *faults, const struct settings *settings)
{
    const struct {
        enum sbx_fault fault;
        double rate;
    } chances[] = {
        {SBX_FAULT_HANG, settings->hang_rate}, {SBX_FAULT_ERROR, settings->error_rate},
        {SBX_FAULT_CUT, settings->cut_rate},   {SBX_FAULT_CORRUPT, settings->corrupt_rate},
        {SBX_FAULT_DRIP, settings->drip_rate},
    };
    for (size_t i = 0; i < sizeof(chances) / sizeof(chances[0]); i++) {
        if (chances[i].rate > 0 && draw(faults) < chances[i].rate) {
            return chances[i].fault;
        }
    }
    return SBX_FAULT_NONE;
}

void sbx_faults_plan(sbx_faults *faults, enum sbx_group group, int64_t now_ms,
                     struct sbx_fault_plan *out)
{
    *out = (struct sbx_fault_plan){0};
    if (group >= SBX_GROUP_COUNT) {
        return;
    }
    pthread_mutex_lock(&faults->lock);
    struct settings *settings = &faults->config.groups[group];
    out->delay_ms = draw_delay(faults, settings);
    out->status = (unsigned)settings->error_status;
    out->retry_after_ms = (int)settings->retry_after_ms;
    out->drip_bytes = (int)settings->drip_bytes;
    out->drip_interval_ms = (int)settings->drip_interval_ms;
    if (settings->times != 0) {
        if (settings->down != 0) {
            out->fault = SBX_FAULT_DOWN;
        } else if (settings->refuse != 0) {
            out->fault = SBX_FAULT_REFUSED;
        } else if (over_window(&faults->windows[group], settings, now_ms)) {
            out->fault = SBX_FAULT_THROTTLED;
        } else {
            out->fault = draw_fault(faults, settings);
        }
        if (out->fault != SBX_FAULT_NONE && settings->times > 0) {
            settings->times--;
        }
    }
    pthread_mutex_unlock(&faults->lock);
}

struct sbx_shapes sbx_faults_shapes(sbx_faults *faults)
{
    pthread_mutex_lock(&faults->lock);
    struct sbx_shapes shapes = faults->config.shapes;
    pthread_mutex_unlock(&faults->lock);
    return shapes;
}

bool sbx_faults_entry_fails(sbx_faults *faults)
{
    pthread_mutex_lock(&faults->lock);
    double rate = faults->config.shapes.entry_error_rate;
    bool fails = rate > 0 && draw(faults) < rate;
    pthread_mutex_unlock(&faults->lock);
    return fails;
}
