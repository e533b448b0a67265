/* Reads the first line and, backwards, the last whole one. */
#include "audit/tail.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL_BYTES_MAX = 1024 * 1024 };

/* Reads all that was asked for. */
static bool read_at(int fd, char *out, size_t size, uint64_t place)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(fd, out + done, size - done, (off_t)(place + done));
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static bool read_first(pc_audit_tail *out, int fd, uint64_t size)
{
    char text[PC_AUDIT_LINE_BYTES_MAX + 1];
    size_t some = size < sizeof text ? (size_t)size : sizeof text;
    pc_audit_line line;
    if (!read_at(fd, text, some, 0)) {
        return false;
    }
    const char *end = memchr(text, '\n', some);
    if (end == NULL || !pc_audit_line_read(&line, text, (size_t)(end - text))) {
        return false;
    }
    out->first_sequence = line.sequence;
    return true;
}

static void take(pc_audit_tail *out, const pc_audit_line *line)
{
    out->place.sequence = line->sequence;
    memcpy(out->place.hash, line->hash, sizeof line->hash);
}

/* The last line of the text that is one; false when there is none. `text` begins anywhere. */
static bool find_last(pc_audit_tail *out, const char *text, size_t size)
{
    size_t end = size;
    while (end > 0) {
        pc_audit_line line;
        if (text[end - 1] != '\n') {
            end--;
            continue;
        }
        size_t begin = end - 1;
        while (begin > 0 && text[begin - 1] != '\n') {
            begin--;
        }
        if (pc_audit_line_read(&line, text + begin, end - 1 - begin)) {
            take(out, &line);
            out->torn_bytes = size - end;
            if (pc_audit_line_read(&line, text + end, size - end)) {
                take(out, &line);
                out->torn_bytes = 0;
                out->lacks_end = true;
            }
            return true;
        }
        end = begin;
    }
    return false;
}

bool pc_audit_tail_read(pc_audit_tail *out, int fd)
{
    struct stat about;
    *out = (pc_audit_tail){.torn_bytes = 0};
    if (fstat(fd, &about) != 0 || about.st_size <= 0) {
        return false;
    }
    uint64_t size = (uint64_t)about.st_size;
    size_t some = size < TAIL_BYTES_MAX ? (size_t)size : TAIL_BYTES_MAX;
    char *text = malloc(some);
    bool found = text != NULL && read_at(fd, text, some, size - some) &&
                 find_last(out, text, some) && read_first(out, fd, size);
    free(text);
    return found;
}
