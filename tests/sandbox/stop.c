/* Stop signals, see stop.h. */
#include "stop.h"

#include <pthread.h>
#include <signal.h>

static void stop_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

void sbx_stop_block_signals(void)
{
    sigset_t set;
    stop_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool sbx_stop_requested(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

void sbx_stop_wait(void)
{
    sigset_t set;
    stop_set(&set);
    while (sigwaitinfo(&set, NULL) < 0) {
        /* interrupted by something else: wait on */
    }
}
