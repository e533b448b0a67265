/* A delay that lasts: one that two answers in a row have felt, or that has gone on without an
 * answer for so long that it is none that will be over when it is known. Nothing is held against
 * calls for a hiccup. Threads: one observes; the figure may be read on any. */
#ifndef PC_DOOR_LASTING_H
#define PC_DOOR_LASTING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero is a server at ease. */
typedef struct {
    atomic_int_least64_t lasting_ns;
    int64_t answered_ns; /* the delay of the last answer */
} pc_lasting;

enum { PC_LASTING_UNANSWERED_MS = 500 };

/* Takes a delay into account: of an answer, or of one that is still waited for. */
void pc_lasting_observe(pc_lasting *lasting, int64_t delay_ns, bool answered);

static inline int64_t pc_lasting_ns(const pc_lasting *lasting)
{
    return atomic_load_explicit(&lasting->lasting_ns, memory_order_relaxed);
}

#endif
