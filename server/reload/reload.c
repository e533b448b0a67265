/* One thread that looks at the files at intervals: inotify would tell sooner, but not on every file
 * system, and it follows no links. */
#include "reload/reload.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/clock.h"
#include "util/thread.h"

enum { ITEMS_MAX = 16, SETTLE_MS = 200 };

typedef struct {
    pc_reload_item given; /* `paths` are our copies */
    atomic_bool asked;
    /* The reload thread only: */
    uint64_t seen;  /* the files at the last look */
    uint64_t tried; /* those of the last load */
    int64_t due_ns;
    /* Read by others: */
    atomic_uint_least64_t successes;
    atomic_uint_least64_t failures;
    atomic_int_least64_t success_wall_ms;
} watched;

struct pc_reload {
    pc_reload_options options;
    watched items[ITEMS_MAX];
    size_t count;
    bool is_started;
    pthread_t thread;

    pthread_mutex_t lock; /* guards: stopping, woken */
    pthread_cond_t changed;
    bool stopping;
    bool woken; /* an item may have been asked for */
};

/* ---- looking --------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t mark, uint64_t number)
{
    for (int shift = 0; shift < 64; shift += 8) {
        mark = (mark ^ (number >> shift & 0xff)) * 0x100000001b3;
    }
    return mark;
}

/* A number that is another one when a file has changed. */
static uint64_t look_at(const watched *item)
{
    uint64_t mark = 0xcbf29ce484222325;
    for (size_t i = 0; i < item->given.path_count; i++) {
        struct stat about;
        if (stat(item->given.paths[i], &about) != 0) {
            mark = mix(mark, 0);
            continue;
        }
        mark = mix(mark, about.st_dev);
        mark = mix(mark, about.st_ino);
        mark = mix(mark, (uint64_t)about.st_size);
        mark = mix(mark, (uint64_t)about.st_mtim.tv_sec);
        mark = mix(mark, (uint64_t)about.st_mtim.tv_nsec);
        mark = mix(mark, (uint64_t)about.st_ctim.tv_sec);
        mark = mix(mark, (uint64_t)about.st_ctim.tv_nsec);
    }
    return mark;
}

/* Whether the item is to be loaded now. */
static bool is_due(const pc_reload *reload, watched *item)
{
    bool asked = atomic_exchange(&item->asked, false);
    bool changed = false;
    if (reload->options.interval_ms > 0) {
        uint64_t mark = look_at(item);
        changed = mark != item->tried && mark == item->seen;
        item->seen = mark;
    }
    return asked || changed || pc_clock_now_ns() >= item->due_ns;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int64_t next_due(const watched *item, bool good)
{
    int64_t wait_ms =
        !good && item->given.retry_ms > 0 ? item->given.retry_ms : item->given.every_ms;
    return wait_ms == 0 ? PC_NEVER_NS : pc_clock_after_ms(pc_clock_now_ns(), wait_ms);
}

/* The files are looked at first: what changes while they are read is a change. */
static pc_status load(watched *item)
{
    item->tried = look_at(item);
    item->seen = item->tried;
    pc_status status = item->given.load(item->given.self);
    bool good = pc_status_ok(&status);
    atomic_fetch_add(good ? &item->successes : &item->failures, 1);
    if (good) {
        atomic_store(&item->success_wall_ms, pc_clock_wall_ms());
    }
    item->due_ns = next_due(item, good);
    return status;
}

static void tell(const pc_reload *reload, const watched *item, const pc_status *status)
{
    if (reload->options.on_loaded != NULL) {
        reload->options.on_loaded(reload->options.self, item->given.kind, status);
    }
}

/* Loads what is due; when to look again. */
static int64_t turn(pc_reload *reload)
{
    int64_t next_ns = PC_NEVER_NS;
    for (size_t i = 0; i < reload->count; i++) {
        watched *item = &reload->items[i];
        if (is_due(reload, item)) {
            pc_status status = load(item);
            tell(reload, item, &status);
            pc_status_clear(&status);
        }
        next_ns = item->due_ns < next_ns ? item->due_ns : next_ns;
        int64_t look_ms = reload->options.interval_ms;
        if (look_ms > SETTLE_MS && item->seen != item->tried) {
            look_ms = SETTLE_MS;
        }
        int64_t look_ns =
            look_ms == 0 ? PC_NEVER_NS : pc_clock_after_ms(pc_clock_now_ns(), look_ms);
        next_ns = look_ns < next_ns ? look_ns : next_ns;
    }
    return next_ns;
}

static void *watch(void *argument)
{
    pc_reload *reload = argument;
    int64_t next_ns = 0;
    pthread_mutex_lock(&reload->lock);
    while (!reload->stopping) {
        if (!reload->woken && pc_clock_now_ns() < next_ns) {
            if (next_ns == PC_NEVER_NS) {
                pthread_cond_wait(&reload->changed, &reload->lock);
            } else {
                const struct timespec until = {.tv_sec = next_ns / 1000000000,
                                               .tv_nsec = next_ns % 1000000000};
                (void)pthread_cond_timedwait(&reload->changed, &reload->lock, &until);
            }
            continue;
        }
        reload->woken = false;
        pthread_mutex_unlock(&reload->lock);
        next_ns = turn(reload);
        pthread_mutex_lock(&reload->lock);
    }
    pthread_mutex_unlock(&reload->lock);
    return NULL;
}

static void wake(pc_reload *reload)
{
    pthread_mutex_lock(&reload->lock);
    reload->woken = true;
    pthread_cond_signal(&reload->changed);
    pthread_mutex_unlock(&reload->lock);
}

void pc_reload_ask(pc_reload *reload, size_t handle)
{
    atomic_store(&reload->items[handle].asked, true);
    wake(reload);
}

void pc_reload_all(pc_reload *reload)
{
    for (size_t i = 0; i < reload->count; i++) {
        atomic_store(&reload->items[i].asked, true);
    }
    wake(reload);
}

/* ---- figures --------------------------------------------------------------------------------- */

size_t pc_reload_count(const pc_reload *reload)
{
    return reload->count;
}

void pc_reload_read(const pc_reload *reload, size_t index, pc_reload_figures *out)
{
    const watched *item = &reload->items[index];
    *out = (pc_reload_figures){
        .kind = item->given.kind,
        .successes = atomic_load(&item->successes),
        .failures = atomic_load(&item->failures),
        .success_wall_ms = atomic_load(&item->success_wall_ms),
    };
}

/* ---- life ------------------------------------------------------------------------------------ */

static void forget(watched *item)
{
    for (size_t i = 0; i < item->given.path_count; i++) {
        free((char *)(uintptr_t)item->given.paths[i]);
    }
    free((void *)(uintptr_t)item->given.paths);
    item->given.paths = NULL;
    item->given.path_count = 0;
}

static bool copy_paths(watched *item, const pc_reload_item *from)
{
    const char **paths = calloc(from->path_count + 1, sizeof *paths);
    item->given.paths = paths;
    item->given.path_count = 0;
    for (size_t i = 0; paths != NULL && i < from->path_count; i++) {
        paths[i] = strdup(from->paths[i]);
        if (paths[i] == NULL) {
            return false;
        }
        item->given.path_count++;
    }
    return paths != NULL;
}

pc_status pc_reload_add(pc_reload *reload, const pc_reload_item *item, size_t *handle_out)
{
    if (reload->count == ITEMS_MAX) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "TOO_MANY_WATCHED",
                             "at most %d things can be reloaded", ITEMS_MAX);
    }
    watched *added = &reload->items[reload->count];
    *added = (watched){.given = *item};
    if (!copy_paths(added, item)) {
        forget(added);
        return pc_status_out_of_memory();
    }
    pc_status status = load(added);
    if (!pc_status_ok(&status)) {
        if (!item->may_come_later) {
            forget(added);
            return status;
        }
        tell(reload, added, &status);
        pc_status_clear(&status);
    }
    if (handle_out != NULL) {
        *handle_out = reload->count;
    }
    reload->count++;
    return PC_OK;
}

pc_status pc_reload_new(pc_reload **out, const pc_reload_options *options)
{
    *out = NULL;
    pc_reload *reload = calloc(1, sizeof *reload);
    if (reload == NULL) {
        return pc_status_out_of_memory();
    }
    reload->options = *options;
    pthread_mutex_init(&reload->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&reload->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out = reload;
    return PC_OK;
}

pc_status pc_reload_start(pc_reload *reload)
{
    if (!pc_thread_start(&reload->thread, "reload", watch, reload)) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_THREADS",
                             "cannot start the thread that looks for changed files");
    }
    reload->is_started = true;
    return PC_OK;
}

void pc_reload_free(pc_reload *reload)
{
    if (reload == NULL) {
        return;
    }
    if (reload->is_started) {
        pthread_mutex_lock(&reload->lock);
        reload->stopping = true;
        pthread_cond_signal(&reload->changed);
        pthread_mutex_unlock(&reload->lock);
        pthread_join(reload->thread, NULL);
    }
    for (size_t i = 0; i < reload->count; i++) {
        forget(&reload->items[i]);
    }
    pthread_cond_destroy(&reload->changed);
    pthread_mutex_destroy(&reload->lock);
    free(reload);
}
