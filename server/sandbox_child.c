/* posix_spawn, a pipe for its one line of greeting, and a bounded goodbye. */
#include "sandbox_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"

enum { LINE_BYTES_MAX = 256, ARGUMENTS_MAX = 64, STOP_WAIT_MS = 5000 };

struct pc_sandbox_child {
    pid_t pid;
    int output; /* its standard output; kept open so that later lines do not end it */
    char url[LINE_BYTES_MAX];
};

static pc_status not_started(const char *program, const char *why)
{
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, "SANDBOX_NOT_STARTED",
                         "the entity sandbox `%s` did not start: %s", program, why);
}

static pc_status spawn(pc_sandbox_child *child, const char *program, const char *const *arguments)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return not_started(program, "no pipe can be had");
    }
    char *argv[ARGUMENTS_MAX + 2] = {(char *)(uintptr_t)program};
    for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i] != NULL; i++) {
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    /* Signals that this process blocks or handles are the child's own business again. */
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    /* A group of its own: Ctrl-C ends us, and we end it when the last call is answered. */
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    int error = posix_spawnp(&child->pid, program, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    child->output = ends[0];
    if (error != 0) {
        child->pid = 0;
        return not_started(program, error == ENOENT
                                        ? "there is no such program; install it or name it with "
                                          "--sandbox-program"
                                        : strerror(error));
    }
    return PC_OK;
}

/* Its first line, without the end. */
static pc_status read_line(char *line, const pc_sandbox_child *child, const char *program,
                           int64_t wait_ms)
{
    size_t used = 0;
    int64_t until = pc_clock_after_ms(pc_clock_now_ns(), wait_ms);
    for (;;) {
        int64_t left_ms = (until - pc_clock_now_ns()) / 1000000;
        struct pollfd readable = {.fd = child->output, .events = POLLIN};
        int ready = left_ms <= 0 ? 0 : poll(&readable, 1, (int)(left_ms > 1000 ? 1000 : left_ms));
        if (left_ms <= 0) {
            return not_started(program, "it took too long");
        }
        if (ready <= 0) {
            continue;
        }
        ssize_t n = read(child->output, line + used, 1);
        if (n == 0) {
            return not_started(program, "it ended at once; its own message is above");
        }
        if (n < 0 && errno != EINTR) {
            return not_started(program, strerror(errno));
        }
        if (n == 1 && line[used] == '\n') {
            line[used] = '\0';
            return PC_OK;
        }
        used += n == 1 && used < LINE_BYTES_MAX - 1;
    }
}

pc_status pc_sandbox_child_start(pc_sandbox_child **out, const char *program,
                                 const char *const *arguments, int64_t wait_ms)
{
    *out = NULL;
    pc_sandbox_child *child = calloc(1, sizeof *child);
    if (child == NULL) {
        return pc_status_out_of_memory();
    }
    child->output = -1;
    char line[LINE_BYTES_MAX];
    pc_status status = spawn(child, program, arguments);
    if (pc_status_ok(&status)) {
        status = read_line(line, child, program, wait_ms);
    }
    if (pc_status_ok(&status)) {
        const char *url = strstr(line, "http://127.0.0.1:");
        if (url == NULL) {
            status = not_started(program, "it did not say where it listens");
        } else {
            (void)snprintf(child->url, sizeof child->url, "%s", url);
        }
    }
    if (!pc_status_ok(&status)) {
        pc_sandbox_child_stop(child);
        return status;
    }
    *out = child;
    return PC_OK;
}

const char *pc_sandbox_child_url(const pc_sandbox_child *child)
{
    return child->url;
}

void pc_sandbox_child_stop(pc_sandbox_child *child)
{
    if (child == NULL) {
        return;
    }
    if (child->pid > 0) {
        (void)kill(child->pid, SIGTERM);
        int64_t until = pc_clock_after_ms(pc_clock_now_ns(), STOP_WAIT_MS);
        while (waitpid(child->pid, NULL, WNOHANG) == 0) {
            if (pc_clock_now_ns() > until) {
                (void)kill(child->pid, SIGKILL);
                (void)waitpid(child->pid, NULL, 0);
                break;
            }
            (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        }
    }
    if (child->output >= 0) {
        close(child->output);
    }
    free(child);
}
