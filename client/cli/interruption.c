/* Ctrl-C and SIGTERM during long work. Cancelling takes a lock, which a signal handler must not; so
 * the handler writes a byte to a pipe, and a thread cancels. */
#include "interruption.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static int wake[2] = {-1, -1};
static atomic_bool happened;

static void on_signal(int number)
{
    int saved = errno;
    (void)number;
    atomic_store(&happened, true);
    ssize_t written = write(wake[1], "", 1);
    /* The pipe has room for one byte, and a second signal ends the process; without a pipe there is
     * nobody to wake. */
    (void)written;
    errno = saved;
}

static void *wait_and_cancel(void *cancellation)
{
    char byte;
    while (read(wake[0], &byte, 1) < 0 && errno == EINTR) {
    }
    profilecontext_cancel(cancellation);
    return NULL;
}

bool interruption_watch(profilecontext_cancellation *cancellation)
{
    if (cancellation != NULL) {
        pthread_t thread;
        if (pipe2(wake, O_CLOEXEC) != 0 ||
            pthread_create(&thread, NULL, wait_and_cancel, cancellation) != 0) {
            return false;
        }
        pthread_detach(thread);
    }
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    return sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0;
}

bool interruption_happened(void)
{
    return atomic_load(&happened);
}

void interruption_sleep(int64_t ms)
{
    for (int64_t left = ms; left > 0 && !interruption_happened(); left -= 100) {
        (void)poll(NULL, 0, left < 100 ? (int)left : 100);
    }
}
