/* Answers that core was given and nobody has taken: those of callers who ask for much and do not
 * read, or read slowly. What a call is answered with counts from then on until core has passed it
 * to the system, for its connection and for all together. Each of the two has a bound; what is not
 * taken for long is given up.
 *
 * Up to the first PC_UNREAD_STEP bytes of a connection count for that connection only: so the calls
 * of one that reads write no memory that others write too. Threads: any, unless it says otherwise.
 */
#ifndef PC_RPC_UNREAD_H
#define PC_RPC_UNREAD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/call.h"
#include "rpc/connections.h"

/* What an answer takes beside its bytes: the call, ours and core's. */
enum { PC_UNREAD_CALL_BYTES = 8192 };

enum { PC_UNREAD_STEP = 16384 };

typedef struct pc_unread pc_unread;

typedef struct {
    size_t bytes_max;            /* of all connections; 0: no bound */
    size_t connection_bytes_max; /* 0: no bound */
    int64_t time_max_ns;         /* for which an answer may wait, and a second more for each MiB
                                    of it; 0: no bound */
} pc_unread_options;

typedef struct {
    size_t bytes;
    uint64_t refused;  /* answers that were not given, since too many bytes wait */
    uint64_t given_up; /* calls that were ended, since their answer was not taken */
} pc_unread_figures;

/* How an answer stands to the bounds. */
typedef enum { PC_UNREAD_FITS, PC_UNREAD_OF_CONNECTION, PC_UNREAD_OF_ALL } pc_unread_verdict;

/* The part of a call that belongs to this. All zero at first; not reset from use to use. */
typedef struct {
    pc_call *next, *previous; /* in the roll of all calls there are */
    atomic_size_t bytes;      /* that count at present */
    atomic_uint turns;        /* odd while something waits */
    unsigned turns_seen;      /* of who looks, like the next */
    int64_t seen_ns;
} pc_unread_part;

/* NULL on lack of memory. Owned: pc_unread_free, when no call is left. */
pc_unread *pc_unread_new(const pc_unread_options *options);
void pc_unread_free(pc_unread *unread);

/* A call's memory has been made, or is about to be freed. */
void pc_unread_enrol(pc_unread *unread, pc_call *call);
void pc_unread_strike_off(pc_unread *unread, pc_call *call);

/* Whether the call may be answered with so many bytes. A connection that owes nothing may always
 * be. Behind a front a connection is that of many callers: up to twice its bound it still gets what
 * is no larger than PC_UNREAD_STEP, so that one who does not read holds up few others. Counts those
 * that may not. */
pc_unread_verdict pc_unread_judge(pc_unread *unread, const pc_call *call, size_t bytes);

/* What to tell the caller of it; not for PC_UNREAD_FITS. */
pc_status pc_unread_status(pc_unread_verdict verdict);

/* Counts what the call is answered with, before core has it, and counts it out when it is taken or
 * lost; nothing where nothing was given. One answer at a time. */
void pc_unread_give(pc_unread *unread, pc_call *call, size_t bytes);
void pc_unread_taken(pc_unread *unread, pc_call *call);

/* Gives up what has waited too long without being taken whole. When there is too much in all, the
 * connections that owe most are ended by `cut(self, peer)`, which may not be possible and then is
 * false; when that does not help, a second is too long on those that owe more than a little. To be
 * called some times a second, on one thread. */
void pc_unread_look(pc_unread *unread, pc_connections *connections, int64_t now_ns,
                    bool (*cut)(void *self, const char *peer), void *self);

void pc_unread_count(const pc_unread *unread, pc_unread_figures *out);

#endif
