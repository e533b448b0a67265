/* The sign of life comes from threads that work, and from no others. */
#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "util/attributes.h"
#include "watchdog.h"

enum { PERIOD_MS = 30, LONG_MS = 20000 };

typedef struct {
    int ours; /* where the signs come */
    pc_supervisor supervisor;
    pc_timers *timers;
    pc_workers *workers;
    pc_rpc_server *server;
    pc_watchdog *watchdog;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    f = (fixture){.ours = ends[0], .supervisor = {ends[1], PERIOD_MS}};
    check_ok(pc_timers_new(&f.timers));
    check_ok(pc_workers_new(&f.workers, 1));
    const pc_rpc_options options = {.address = "127.0.0.1:0",
                                    .threads = 1,
                                    .request_bytes_max = 1024,
                                    .answer_bytes_max = 1024,
                                    .max_concurrent_streams = 10,
                                    .keepalive_ms = 60000,
                                    .keepalive_timeout_ms = 20000};
    check_ok(pc_rpc_server_new(&f.server, &options, NULL, 0));
    check_ok(pc_rpc_server_start(f.server));
    const pc_watchdog_parts parts = {&f.supervisor, f.timers, f.workers, f.server};
    check_ok(pc_watchdog_new(&f.watchdog, &parts));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    pc_rpc_server_drain(f->server, 0);
    pc_watchdog_free(f->watchdog);
    pc_timers_free(f->timers);
    pc_workers_free(f->workers);
    pc_rpc_server_free(f->server);
    pc_supervisor_close(&f->supervisor);
    close(f->ours);
    return 0;
}

static bool sign_comes(const fixture *f, int within_ms)
{
    struct pollfd fd = {.fd = f->ours, .events = POLLIN};
    char lines[64] = "";
    if (poll(&fd, 1, within_ms) != 1) {
        return false;
    }
    assert_true(recv(f->ours, lines, sizeof lines - 1, 0) > 0);
    assert_string_equal(lines, "WATCHDOG=1");
    return true;
}

static void signs_of_life_go_on(void **state)
{
    for (int i = 0; i < 4; i++) {
        assert_true(sign_comes(*state, LONG_MS));
    }
}

typedef struct {
    pc_job job;
    sem_t begun;
    sem_t let_go;
} hanging;

static void hang(pc_job *job)
{
    hanging *h = PC_CONTAINER_OF(job, hanging, job);
    sem_post(&h->begun);
    sem_wait(&h->let_go);
}

static void hanging_workers_give_none(void **state)
{
    fixture *f = *state;
    hanging h = {.job = {.run = hang}};
    sem_init(&h.begun, 0, 0);
    sem_init(&h.let_go, 0, 0);
    pc_workers_run(f->workers, &h.job);
    sem_wait(&h.begun);
    /* Those of rounds before, and one that had passed the worker. */
    int before = 0;
    while (sign_comes(f, 10 * PERIOD_MS)) {
        before++;
        assert_true(before < 100);
    }
    sem_post(&h.let_go);
    assert_true(sign_comes(f, LONG_MS));
    sem_destroy(&h.begun);
    sem_destroy(&h.let_go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(signs_of_life_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hanging_workers_give_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
