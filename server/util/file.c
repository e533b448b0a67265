/* Straight into one block, without a buffer between. */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pc_status cannot_read(const char *reason, const char *path, int number)
{
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, reason, "%s: cannot be read: %s", path,
                         strerror(number));
}

/* One byte more than the file had is asked for, so that one that has grown meanwhile is noticed. */
static pc_status read_all(char *bytes, size_t *size, size_t size_max, int fd, const char *path,
                          const char *reason)
{
    *size = 0;
    while (*size <= size_max) {
        ssize_t count = read(fd, bytes + *size, size_max + 1 - *size);
        if (count == 0) {
            bytes[*size] = '\0';
            return PC_OK;
        }
        if (count < 0 && errno != EINTR) {
            return cannot_read(reason, path, errno);
        }
        *size += count < 0 ? 0 : (size_t)count;
    }
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, reason, "%s: changed while it was read",
                         path);
}

static pc_status read_open(char **out, size_t *size_out, const char *path, size_t size_max,
                           const char *reason, int fd)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return cannot_read(reason, path, errno);
    }
    if (!S_ISREG(about.st_mode)) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, reason, "%s: is no file", path);
    }
    if ((uint64_t)about.st_size > size_max) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, reason, "%s: is larger than %zu bytes",
                             path, size_max);
    }
    size_t size = (size_t)about.st_size;
    char *bytes = malloc(size + 1);
    if (bytes == NULL) {
        return pc_status_out_of_memory();
    }
    pc_status status = read_all(bytes, size_out, size, fd, path, reason);
    if (!pc_status_ok(&status)) {
        explicit_bzero(bytes, size + 1);
        free(bytes);
        bytes = NULL;
    }
    *out = bytes;
    return status;
}

pc_status pc_file_read(char **out, size_t *size_out, const char *path, size_t size_max,
                       const char *reason)
{
    *out = NULL;
    *size_out = 0;
    /* What is no file must not hold us up before it can be seen to be none. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return cannot_read(reason, path, errno);
    }
    pc_status status = read_open(out, size_out, path, size_max, reason, fd);
    (void)close(fd);
    return status;
}
