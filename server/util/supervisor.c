/* One datagram for each message, to a socket whose name came in the environment. */
#include "util/supervisor.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/clock.h"

static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || name[1] == '\0' ||
        length >= sizeof address.sun_path) {
        return -1;
    }
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') {
        address.sun_path[0] = '\0'; /* Linux's abstract names begin with a NUL. */
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, size) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* The time between signs of life that is asked of this very process, or 0. */
static int64_t read_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (usec == NULL || (pid != NULL && strtoimax(pid, NULL, 10) != getpid())) {
        return 0;
    }
    intmax_t value = strtoimax(usec, NULL, 10);
    return value <= 0 ? 0 : (int64_t)(value / 1000 == 0 ? 1 : value / 1000);
}

void pc_supervisor_open(pc_supervisor *supervisor)
{
    const char *name = getenv("NOTIFY_SOCKET");
    supervisor->socket = name == NULL ? -1 : connect_to(name);
    supervisor->watchdog_ms = supervisor->socket < 0 ? 0 : read_watchdog_ms();
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

bool pc_supervisor_tell(const pc_supervisor *supervisor, const char *lines)
{
    size_t length = strlen(lines);
    return supervisor->socket >= 0 &&
           send(supervisor->socket, lines, length, MSG_NOSIGNAL) == (ssize_t)length;
}

bool pc_supervisor_tell_reloading(const pc_supervisor *supervisor)
{
    char lines[96];
    (void)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reloading",
                   pc_clock_now_ns() / 1000);
    return pc_supervisor_tell(supervisor, lines);
}

void pc_supervisor_close(pc_supervisor *supervisor)
{
    if (supervisor->socket >= 0) {
        (void)close(supervisor->socket);
    }
    *supervisor = (pc_supervisor){.socket = -1};
}
