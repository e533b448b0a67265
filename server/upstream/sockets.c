/* libcurl says which sockets to watch and when its next timeout is; we tell it what has happened.
 */
#include "upstream/sockets.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/clock.h"

enum { EVENTS_MAX = 64, WAIT_MS_MAX = 60 * 1000 };

/* What a socket that is watched is assigned in libcurl. */
static char is_watched;

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *assigned)
{
    (void)easy;
    pc_sockets *sockets = self;
    if (what == CURL_POLL_REMOVE) {
        /* One that is closed by now has left by itself. */
        (void)epoll_ctl(sockets->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) |
                                          ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u),
                                .data.fd = fd};
    int operation = assigned == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    int failed = epoll_ctl(sockets->epoll, operation, fd, &event);
    if (failed != 0 && (errno == EEXIST || errno == ENOENT)) {
        /* A number that was closed and opened again between two words of libcurl's. */
        failed =
            epoll_ctl(sockets->epoll, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    }
    if (failed == 0 && assigned == NULL) {
        curl_multi_assign(sockets->multi, fd, &is_watched);
    }
    return failed == 0 ? 0 : -1;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *self)
{
    (void)multi;
    pc_sockets *sockets = self;
    sockets->due_ns =
        timeout_ms < 0 ? PC_NEVER_NS : pc_clock_after_ms(pc_clock_now_ns(), timeout_ms);
    return 0;
}

pc_status pc_sockets_open(pc_sockets *sockets, CURLM *multi)
{
    struct epoll_event event = {.events = EPOLLIN};
    *sockets = (pc_sockets){.multi = multi, .due_ns = PC_NEVER_NS};
    sockets->epoll = epoll_create1(EPOLL_CLOEXEC);
    sockets->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    event.data.fd = sockets->wake;
    if (sockets->epoll < 0 || sockets->wake < 0 ||
        epoll_ctl(sockets->epoll, EPOLL_CTL_ADD, sockets->wake, &event) != 0) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "TOO_MANY_FILES",
                             "the upstream's sockets cannot be watched: raise the limit on open "
                             "files");
    }
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, sockets);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, sockets);
    return PC_OK;
}

void pc_sockets_close(pc_sockets *sockets)
{
    if (sockets->epoll >= 0) {
        (void)close(sockets->epoll);
    }
    if (sockets->wake >= 0) {
        (void)close(sockets->wake);
    }
}

static int ms_until(int64_t until_ns)
{
    int64_t left_ns = until_ns == PC_NEVER_NS ? PC_NEVER_NS : until_ns - pc_clock_now_ns();
    if (left_ns <= 0) {
        return 0;
    }
    /* Rounded up, as waking too early would only mean going round once more. */
    return left_ns >= WAIT_MS_MAX * INT64_C(1000000) ? WAIT_MS_MAX
                                                     : (int)((left_ns + 999999) / 1000000);
}

static int action_of(uint32_t events)
{
    return ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
           ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
           /* Reading tells what is wrong. */
           ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_IN | CURL_CSELECT_ERR : 0);
}

void pc_sockets_turn(pc_sockets *sockets, int64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int running;
    int wait_ms = ms_until(until_ns < sockets->due_ns ? until_ns : sockets->due_ns);
    int count = epoll_wait(sockets->epoll, events, EVENTS_MAX, wait_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == sockets->wake) {
            uint64_t times;
            ssize_t ignored = read(sockets->wake, &times, sizeof times);
            (void)ignored;
        } else {
            curl_multi_socket_action(sockets->multi, events[i].data.fd, action_of(events[i].events),
                                     &running);
        }
    }
    if (sockets->due_ns <= pc_clock_now_ns()) {
        sockets->due_ns = PC_NEVER_NS; /* unless it says so again */
        curl_multi_socket_action(sockets->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

void pc_sockets_wake(pc_sockets *sockets)
{
    const uint64_t one = 1;
    /* A full counter wakes too. */
    ssize_t ignored = write(sockets->wake, &one, sizeof one);
    (void)ignored;
}
