/* Lines wait in a buffer until they are written; a write that fails half way is taken up where it
 * stopped, so that a full disk tears no line. */
#include "audit/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/tail.h"
#include "util/clock.h"

enum { FORMAT = 1, WAITING_BYTES_MAX = 256 * 1024, PATH_BYTES_MAX = 4096, ROTATED_DIGITS = 12 };

struct pc_audit_file {
    char path[PATH_BYTES_MAX];
    int fd;
    bool plain; /* a regular file, which has a size and an end that can be read */
    uint64_t size;
    uint64_t first_sequence; /* of the file */
    pc_audit_hasher *hasher;
    pc_audit_place place;   /* of the newest line */
    pc_audit_place settled; /* of the newest line when nothing waited */
    pc_buffer waiting;
    size_t written; /* bytes of `waiting` that are in the file */
    size_t begun;   /* where the line that is being made begins in `waiting` */
    int64_t second; /* the time that `second_text` tells, since 1970 */
    char second_text[32];
};

static pc_status unusable(const char *path, const char *what)
{
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, "AUDIT_FILE_UNUSABLE", "audit.file: %s: %s",
                         path, what);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Lines of one second are many, and breaking a time down takes as long as a hash. */
static void put_time(pc_audit_file *file, int64_t wall_ms)
{
    char ms[8];
    if (wall_ms / 1000 != file->second) {
        struct tm utc;
        file->second = wall_ms / 1000;
        time_t seconds = (time_t)file->second;
        (void)gmtime_r(&seconds, &utc);
        (void)strftime(file->second_text, sizeof file->second_text, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    (void)snprintf(ms, sizeof ms, ".%03dZ", (int)(wall_ms % 1000));
    pc_buffer_append_text(&file->waiting, file->second_text);
    pc_buffer_append_text(&file->waiting, ms);
}

pc_buffer *pc_audit_file_begin(pc_audit_file *file, pc_audit_event event, int64_t wall_ms)
{
    char head[48];
    file->begun = file->waiting.size;
    (void)snprintf(head, sizeof head, "{\"seq\":%" PRIu64 ",\"time\":\"", file->place.sequence + 1);
    pc_buffer_append_text(&file->waiting, head);
    put_time(file, wall_ms);
    pc_buffer_append_text(&file->waiting, "\",\"event\":\"");
    pc_buffer_append_text(&file->waiting, pc_audit_event_name(event));
    pc_buffer_append_text(&file->waiting, "\"");
    return &file->waiting;
}

bool pc_audit_file_end(pc_audit_file *file)
{
    pc_buffer *waiting = &file->waiting;
    uint8_t hash[PC_AUDIT_HASH_BYTES];
    char end[PC_AUDIT_END_BYTES + 2];
    char hex[PC_AUDIT_HEX_BYTES];
    size_t size = waiting->size - file->begun;
    if (waiting->failed || size + PC_AUDIT_END_BYTES > PC_AUDIT_LINE_BYTES_MAX ||
        !pc_buffer_reserve(waiting, sizeof end) ||
        !pc_audit_hash(file->hasher, hash, file->place.hash,
                       (const char *)waiting->bytes + file->begun, size)) {
        waiting->size = file->begun;
        waiting->failed = false;
        return false;
    }
    pc_audit_hex(hex, hash);
    (void)snprintf(end, sizeof end, ",\"hash\":\"%s\"}\n", hex);
    pc_buffer_append_text(waiting, end);
    file->place.sequence++;
    memcpy(file->place.hash, hash, sizeof hash);
    return true;
}

size_t pc_audit_file_waiting(const pc_audit_file *file)
{
    return file->waiting.size - file->written;
}

uint64_t pc_audit_file_size(const pc_audit_file *file)
{
    return file->plain ? file->size : 0;
}

pc_audit_place pc_audit_file_place(const pc_audit_file *file)
{
    return file->place;
}

pc_status pc_audit_file_flush(pc_audit_file *file)
{
    while (file->written < file->waiting.size) {
        ssize_t n = write(file->fd, file->waiting.bytes + file->written,
                          file->waiting.size - file->written);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return pc_status_new(PC_CODE_UNAVAILABLE, "AUDIT_NOT_WRITTEN", "%s",
                                 strerror(n == 0 ? ENOSPC : errno));
        }
        file->written += (size_t)n;
        file->size += (size_t)n;
    }
    file->waiting.size = 0;
    file->written = 0;
    file->settled = file->place;
    return PC_OK;
}

bool pc_audit_file_sync(pc_audit_file *file)
{
    return !file->plain || fdatasync(file->fd) == 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Opens and locks; `*out` is closed by the caller also after a failure. */
static pc_status open_locked(int *out, struct stat *about, const char *path)
{
    *out = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (*out < 0 || fstat(*out, about) != 0) {
        return unusable(path, strerror(errno));
    }
    if (S_ISREG(about->st_mode) && flock(*out, LOCK_EX | LOCK_NB) != 0) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "AUDIT_FILE_IN_USE",
                             "audit.file: %s: another server writes there; give each its own",
                             path);
    }
    return PC_OK;
}

/* The newest file that was rotated away from `path`, "" when there is none. */
static void find_rotated(char out[PATH_BYTES_MAX], const char *path)
{
    char copy[PATH_BYTES_MAX];
    char copy2[PATH_BYTES_MAX];
    char newest[32] = "";
    (void)snprintf(copy, sizeof copy, "%s", path);
    (void)snprintf(copy2, sizeof copy2, "%s", path);
    const char *base = basename(copy2);
    size_t base_size = strlen(base);
    DIR *folder = opendir(dirname(copy));
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        const char *number = entry->d_name + base_size + 1;
        if (strncmp(entry->d_name, base, base_size) == 0 && entry->d_name[base_size] == '.' &&
            strlen(number) == ROTATED_DIGITS && strspn(number, "0123456789") == ROTATED_DIGITS &&
            strcmp(number, newest) > 0) {
            (void)snprintf(newest, sizeof newest, "%s", number);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    out[0] = '\0';
    if (newest[0] != '\0') {
        (void)snprintf(out, PATH_BYTES_MAX, "%.4000s.%s", path, newest);
    }
}

/* What the line that begins a file goes on from. */
static pc_status read_rotated(pc_audit_tail *out, const char *path)
{
    char rotated[PATH_BYTES_MAX];
    *out = (pc_audit_tail){.torn_bytes = 0};
    find_rotated(rotated, path);
    if (rotated[0] == '\0') {
        return PC_OK;
    }
    int fd = open(rotated, O_RDONLY | O_CLOEXEC);
    bool found = fd >= 0 && pc_audit_tail_read(out, fd);
    if (fd >= 0) {
        (void)close(fd);
    }
    return found ? PC_OK : unusable(rotated, "the trail cannot go on from this file");
}

static bool put_open(pc_audit_file *file, uint64_t torn_bytes)
{
    char hex[PC_AUDIT_HEX_BYTES];
    char text[160];
    file->first_sequence = file->place.sequence + 1;
    pc_audit_hex(hex, file->place.hash);
    pc_buffer *line = pc_audit_file_begin(file, PC_AUDIT_OPEN, pc_clock_wall_ms());
    (void)snprintf(text, sizeof text,
                   ",\"format\":%d,\"former\":\"%s\",\"torn_bytes\":%" PRIu64
                   ",\"version\":\"" PC_VERSION "\"",
                   FORMAT, hex, torn_bytes);
    pc_buffer_append_text(line, text);
    return pc_audit_file_end(file);
}

/* The file has lines: the last whole one is where the chain goes on. */
static bool put_resumed(pc_audit_file *file, const pc_audit_tail *tail)
{
    char text[96];
    if (tail->torn_bytes > 0 || tail->lacks_end) {
        pc_buffer_append_text(&file->waiting, "\n");
    }
    if (tail->torn_bytes > 0) {
        pc_buffer *line = pc_audit_file_begin(file, PC_AUDIT_CUT, pc_clock_wall_ms());
        (void)snprintf(text, sizeof text, ",\"torn_bytes\":%" PRIu64, tail->torn_bytes);
        pc_buffer_append_text(line, text);
        if (!pc_audit_file_end(file)) {
            return false;
        }
    }
    pc_buffer *line = pc_audit_file_begin(file, PC_AUDIT_RESUMED, pc_clock_wall_ms());
    pc_buffer_append_text(line, ",\"version\":\"" PC_VERSION "\"");
    return pc_audit_file_end(file);
}

static pc_status take_file(pc_audit_file *file, const struct stat *about)
{
    pc_audit_tail tail = {.torn_bytes = 0};
    file->plain = S_ISREG(about->st_mode);
    file->size = file->plain ? (uint64_t)about->st_size : 0;
    if (file->size > 0) {
        if (!pc_audit_tail_read(&tail, file->fd)) {
            return pc_status_new(PC_CODE_FAILED_PRECONDITION, "AUDIT_FILE_FOREIGN",
                                 "audit.file: %s: is not empty and no audit trail; name another "
                                 "file or move this one",
                                 file->path);
        }
    } else if (file->plain) {
        pc_status status = read_rotated(&tail, file->path);
        if (!pc_status_ok(&status)) {
            return status;
        }
    }
    file->place = tail.place;
    file->settled = tail.place;
    file->first_sequence = tail.first_sequence;
    bool put = file->size > 0 ? put_resumed(file, &tail) : put_open(file, tail.torn_bytes);
    return put ? PC_OK : pc_status_out_of_memory();
}

pc_status pc_audit_file_open(pc_audit_file **out, const char *path)
{
    *out = NULL;
    if (strlen(path) >= PATH_BYTES_MAX - ROTATED_DIGITS - 2) {
        return unusable(path, strerror(ENAMETOOLONG));
    }
    pc_audit_file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return pc_status_out_of_memory();
    }
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    pc_buffer_init(&file->waiting, WAITING_BYTES_MAX);
    file->second = -1;
    struct stat about = {0};
    pc_status status = open_locked(&file->fd, &about, path);
    if (pc_status_ok(&status)) {
        status = pc_audit_hasher_new(&file->hasher);
    }
    if (pc_status_ok(&status)) {
        status = take_file(file, &about);
    }
    if (!pc_status_ok(&status)) {
        pc_audit_file_close(file);
        return status;
    }
    *out = file;
    return PC_OK;
}

void pc_audit_file_close(pc_audit_file *file)
{
    if (file == NULL) {
        return;
    }
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    pc_audit_hasher_free(file->hasher);
    pc_buffer_deinit(&file->waiting);
    free(file);
}

/* ---- rotation -------------------------------------------------------------------------------- */

/* Gives up the lines that are not whole in the old file. The chain goes back to the last one that
 * is; `*torn_bytes` is what stands behind it. */
static uint64_t give_up_waiting(pc_audit_file *file, uint64_t *torn_bytes)
{
    const char *text = (const char *)file->waiting.bytes;
    uint64_t lost = 0;
    size_t whole = file->written;
    while (whole > 0 && text[whole - 1] != '\n') {
        whole--;
    }
    pc_audit_line last;
    size_t end = whole > 0 ? whole - 1 : 0;
    if (pc_audit_line_read(&last, text + whole, file->written - whole)) {
        /* It lacks nothing but its line end. */
        whole = end = file->written;
    }
    *torn_bytes = file->written - whole;
    for (size_t i = whole; i < file->waiting.size; i++) {
        lost += i > end && text[i] == '\n';
    }
    if (lost > 0) {
        size_t begin = end;
        while (begin > 0 && text[begin - 1] != '\n') {
            begin--;
        }
        if (pc_audit_line_read(&last, text + begin, end - begin)) {
            file->place.sequence = last.sequence;
            memcpy(file->place.hash, last.hash, sizeof last.hash);
        } else {
            file->place = file->settled;
        }
    }
    file->waiting.size = 0;
    file->written = 0;
    file->settled = file->place;
    return lost;
}

/* Whether the path still means the file that we write to. */
static bool is_in_place(const pc_audit_file *file)
{
    struct stat there;
    struct stat ours;
    return !file->plain || (stat(file->path, &there) == 0 && fstat(file->fd, &ours) == 0 &&
                            there.st_dev == ours.st_dev && there.st_ino == ours.st_ino);
}

pc_status pc_audit_file_reopen(pc_audit_file *file, uint64_t *lost)
{
    struct stat about = {0};
    *lost = 0;
    if (is_in_place(file)) {
        return PC_OK;
    }
    int fd = -1;
    pc_status status = open_locked(&fd, &about, file->path);
    if (pc_status_ok(&status) && (!S_ISREG(about.st_mode) || about.st_size > 0)) {
        status = unusable(file->path, "there is another file; the trail stays in the old one");
    }
    if (!pc_status_ok(&status)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    uint64_t torn_bytes;
    *lost = give_up_waiting(file, &torn_bytes);
    (void)close(file->fd);
    file->fd = fd;
    file->size = 0;
    return put_open(file, torn_bytes) ? PC_OK : pc_status_out_of_memory();
}

pc_status pc_audit_file_rotate(pc_audit_file *file, uint64_t *lost)
{
    char to[PATH_BYTES_MAX + 32];
    *lost = 0;
    (void)snprintf(to, sizeof to, "%s.%0*" PRIu64, file->path, ROTATED_DIGITS,
                   file->first_sequence);
    if (is_in_place(file)) {
        if (access(to, F_OK) == 0) {
            return unusable(to, "is there already; the trail stays in the old file");
        }
        if (rename(file->path, to) != 0) {
            return unusable(file->path, strerror(errno));
        }
    }
    return pc_audit_file_reopen(file, lost);
}
