/* What can change while the server runs: certificates, secrets, rules. Each such thing is an item:
 * the files that it is made from, and a function that reads them and puts the new in the place of
 * the old. It is called when one of the files has changed, when it is asked for (SIGHUP), or when
 * its time is up; one that fails has changed nothing.
 *
 * A file counts as changed when its name leads to another file, or its size or times are others; so
 * a rename, a rewrite and a link that is set anew (as Kubernetes does) are all seen. A change is
 * acted upon once the files have been the same for a moment, so that a certificate and its key,
 * written one after the other, are read together.
 *
 * Threads: one of its own looks and calls `load`; the functions are called on one thread (main),
 * but for pc_reload_ask, pc_reload_all and pc_reload_read, which any thread may call. */
#ifndef PC_RELOAD_RELOAD_H
#define PC_RELOAD_RELOAD_H

#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

typedef struct pc_reload pc_reload;

typedef struct {
    const char *kind;         /* "certificate": for the log and metrics; a constant */
    const char *const *paths; /* copied; those that do not exist yet are watched for as well */
    size_t path_count;
    int64_t every_ms; /* load anew after this time, changed or not; 0: only when changed */
    int64_t retry_ms; /* after a load that failed; 0: not before the files change, or it is asked */
    /* The first load need not succeed. */
    bool may_come_later;
    /* Reads and swaps. May block, but while it does nothing else is reloaded. */
    pc_status (*load)(void *self);
    void *self;
} pc_reload_item;

typedef struct {
    int64_t interval_ms; /* between two looks at the files; 0: none, only what is asked for */
    /* Told of each load after the first, on the thread that loads; `status` is borrowed. NULL for
     * none. */
    void (*on_loaded)(void *self, const char *kind, const pc_status *status);
    void *self;
} pc_reload_options;

typedef struct {
    const char *kind;
    uint64_t successes;
    uint64_t failures;
    int64_t success_wall_ms; /* of the last; 0: none yet */
} pc_reload_figures;

/* Owned: pc_reload_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_reload_new(pc_reload **out, const pc_reload_options *options);

/* Loads an item for the first time, on this thread, and watches it from then on. Errors: those of
 * `load`, and then it is not watched; RESOURCE_EXHAUSTED. With `may_come_later` a load that fails
 * is told to on_loaded instead. `*handle_out`, which may be NULL, is for pc_reload_ask. Before
 * pc_reload_start. */
PC_NODISCARD pc_status pc_reload_add(pc_reload *reload, const pc_reload_item *item,
                                     size_t *handle_out);

/* Starts the thread. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_reload_start(pc_reload *reload);

/* Has one item, or all, loaded soon. Does not wait. Not in a signal handler. */
void pc_reload_ask(pc_reload *reload, size_t handle);
void pc_reload_all(pc_reload *reload);

size_t pc_reload_count(const pc_reload *reload);

/* What became of the loads of an item, `index` below the count. */
void pc_reload_read(const pc_reload *reload, size_t index, pc_reload_figures *out);

/* Waits for a load that is under way; after it nothing is called any more. NULL is allowed. */
void pc_reload_free(pc_reload *reload);

#endif
