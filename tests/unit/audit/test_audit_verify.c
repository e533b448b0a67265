/* The verifier against trails that the file writes, whole and spoilt in every way. */
#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/file.h"
#include "audit/verify.h"

enum { TEXT_BYTES = 256 * 1024 };

typedef struct {
    char folder[64];
    char path[128];
} fixture;

typedef struct {
    size_t size;
    char bytes[TEXT_BYTES];
} text;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/pc-audit-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof f->path, "%s/audit", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* ---- trails ---------------------------------------------------------------------------------- */

static void write_lines(pc_audit_file *file, int count)
{
    for (int i = 0; i < count; i++) {
        pc_buffer *line = pc_audit_file_begin(file, PC_AUDIT_ACCESS, 1790000000000 + i);
        pc_buffer_append_text(line, ",\"rpc\":\"GetContext\"");
        assert_true(pc_audit_file_end(file));
    }
    check_ok(pc_audit_file_flush(file));
}

static void write_trail(const char *path, int count)
{
    pc_audit_file *file;
    check_ok(pc_audit_file_open(&file, path));
    write_lines(file, count);
    pc_audit_file_close(file);
}

static text *read_file(const char *path)
{
    text *t = calloc(1, sizeof *t);
    FILE *file = fopen(path, "rb");
    assert_non_null(t);
    assert_non_null(file);
    t->size = fread(t->bytes, 1, sizeof t->bytes, file);
    (void)fclose(file);
    return t;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static pc_audit_report verify_in_pieces(const text *const *files, size_t count, size_t piece,
                                        const pc_audit_place *anchor)
{
    pc_audit_verifier *verifier;
    pc_audit_report report;
    check_ok(pc_audit_verifier_new(&verifier, anchor));
    for (size_t i = 0; i < count; i++) {
        pc_audit_verifier_file(verifier);
        for (size_t at = 0; at < files[i]->size; at += piece) {
            size_t left = files[i]->size - at;
            pc_audit_verifier_feed(verifier, files[i]->bytes + at, left < piece ? left : piece);
        }
    }
    pc_audit_verifier_end(verifier, &report);
    pc_audit_verifier_free(verifier);
    return report;
}

static pc_audit_report verify(const text *t)
{
    return verify_in_pieces(&t, 1, TEXT_BYTES, NULL);
}

static size_t line_begin(const text *t, int number)
{
    size_t at = 0;
    for (int i = 1; i < number; i++) {
        at = (size_t)((const char *)memchr(t->bytes + at, '\n', t->size - at) - t->bytes) + 1;
    }
    return at;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_verify__a_whole_trail_is_whole_in_pieces_of_any_size(void **state)
{
    const fixture *f = *state;
    write_trail(f->path, 20);
    text *t = read_file(f->path);
    for (size_t piece = 1; piece < 600; piece += 13) {
        pc_audit_report report = verify_in_pieces((const text *const *)&t, 1, piece, NULL);
        assert_int_equal(report.fault, PC_AUDIT_WHOLE);
        assert_int_equal(report.lines, 21);
        assert_int_equal(report.events[PC_AUDIT_ACCESS], 20);
        assert_int_equal(report.last.sequence, 21);
    }
    free(t);
}

static void test_verify__any_byte_that_is_changed_is_found(void **state)
{
    const fixture *f = *state;
    write_trail(f->path, 3);
    text *t = read_file(f->path);
    for (size_t i = 0; i < t->size; i++) {
        t->bytes[i] ^= 1;
        pc_audit_report report = verify(t);
        t->bytes[i] ^= 1;
        /* A changed line end at the very end only tears the last line. */
        assert_true(report.fault != PC_AUDIT_WHOLE);
        assert_true(report.fault != PC_AUDIT_TORN || i + 1 == t->size);
    }
    assert_int_equal(verify(t).fault, PC_AUDIT_WHOLE);
    free(t);
}

static void test_verify__any_line_that_is_taken_out_is_found(void **state)
{
    const fixture *f = *state;
    write_trail(f->path, 5);
    for (int number = 1; number < 6; number++) {
        text *t = read_file(f->path);
        size_t begin = line_begin(t, number);
        size_t end = line_begin(t, number + 1);
        memmove(t->bytes + begin, t->bytes + end, t->size - end);
        t->size -= end - begin;
        pc_audit_report report = verify(t);
        assert_int_equal(report.fault, number == 1 ? PC_AUDIT_NO_OPEN : PC_AUDIT_MISSING);
        assert_int_equal(report.fault_line, number);
        assert_int_equal(report.fault_count, 1);
        free(t);
    }
}

static void test_verify__a_line_that_comes_again_is_found(void **state)
{
    const fixture *f = *state;
    write_trail(f->path, 3);
    text *t = read_file(f->path);
    size_t begin = line_begin(t, 3);
    size_t size = line_begin(t, 4) - begin;
    memmove(t->bytes + begin + size, t->bytes + begin, t->size - begin);
    t->size += size;
    pc_audit_report report = verify(t);
    assert_int_equal(report.fault, PC_AUDIT_OUT_OF_ORDER);
    assert_int_equal(report.fault_line, 4);
    free(t);
}

static void test_verify__an_anchor_finds_a_trail_that_was_cut_or_written_anew(void **state)
{
    const fixture *f = *state;
    write_trail(f->path, 5);
    text *t = read_file(f->path);
    pc_audit_place last = verify(t).last;
    assert_int_equal(verify_in_pieces((const text *const *)&t, 1, 100, &last).fault,
                     PC_AUDIT_WHOLE);
    t->size = line_begin(t, 6);
    assert_int_equal(verify(t).fault, PC_AUDIT_WHOLE);
    assert_int_equal(verify_in_pieces((const text *const *)&t, 1, 100, &last).fault,
                     PC_AUDIT_NO_ANCHOR);
    t->size -= 3;
    assert_int_equal(verify(t).fault, PC_AUDIT_TORN);
    assert_int_equal(verify_in_pieces((const text *const *)&t, 1, 100, &last).fault,
                     PC_AUDIT_NO_ANCHOR);
    free(t);
}

/* As after kill -9 in the middle of a write, at every byte of the last two lines. */
static void test_file__what_a_crash_tore_is_told_and_stays(void **state)
{
    const fixture *f = *state;
    write_trail(f->path, 3);
    text *t = read_file(f->path);
    for (size_t size = line_begin(t, 3); size < t->size; size++) {
        write_file(f->path, t->bytes, size);
        write_trail(f->path, 2);
        text *repaired = read_file(f->path);
        pc_audit_report report = verify(repaired);
        bool torn = t->bytes[size - 1] != '\n' && t->bytes[size] != '\n';
        assert_int_equal(report.fault, PC_AUDIT_WHOLE);
        assert_int_equal(report.events[PC_AUDIT_CUT], torn);
        assert_int_equal(report.events[PC_AUDIT_RESUMED], 1);
        assert_memory_equal(repaired->bytes, t->bytes, size);
        assert_true(torn == (report.torn_bytes > 0));
        free(repaired);
    }
    free(t);
}

static void test_file__torn_bytes_that_no_cut_tells_of_are_a_fault(void **state)
{
    const fixture *f = *state;
    write_trail(f->path, 3);
    text *t = read_file(f->path);
    write_file(f->path, t->bytes, t->size - 10);
    write_trail(f->path, 1);
    free(t);
    t = read_file(f->path);
    /* One byte more of what was torn. */
    size_t torn = line_begin(t, 4);
    memmove(t->bytes + torn + 1, t->bytes + torn, t->size - torn);
    t->size++;
    pc_audit_report report = verify(t);
    assert_int_equal(report.fault, PC_AUDIT_NO_LINE);
    assert_int_equal(report.fault_line, 4);
    free(t);
}

static void test_file__the_chain_goes_over_rotated_files_and_restarts(void **state)
{
    const fixture *f = *state;
    pc_audit_file *file;
    uint64_t lost = 1;
    char rotated[160];
    check_ok(pc_audit_file_open(&file, f->path));
    write_lines(file, 3);
    check_ok(pc_audit_file_rotate(file, &lost));
    assert_int_equal(lost, 0);
    write_lines(file, 2);
    check_ok(pc_audit_file_rotate(file, &lost));
    check_ok(pc_audit_file_flush(file));
    pc_audit_file_close(file);
    /* The newest goes, as when a start meets a trail that was rotated and never begun anew. */
    assert_int_equal(unlink(f->path), 0);
    write_trail(f->path, 1);
    const text *files[3];
    (void)snprintf(rotated, sizeof rotated, "%s.000000000001", f->path);
    files[0] = read_file(rotated);
    (void)snprintf(rotated, sizeof rotated, "%s.000000000005", f->path);
    files[1] = read_file(rotated);
    files[2] = read_file(f->path);
    pc_audit_report report = verify_in_pieces(files, 3, 77, NULL);
    assert_int_equal(report.fault, PC_AUDIT_WHOLE);
    assert_int_equal(report.events[PC_AUDIT_OPEN], 3);
    const text *swapped[3] = {files[1], files[0], files[2]};
    report = verify_in_pieces(swapped, 3, 77, NULL);
    assert_int_equal(report.fault, PC_AUDIT_NOT_TIED);
    assert_int_equal(report.fault_file, 1);
    const text *without[2] = {files[0], files[2]};
    assert_int_equal(verify_in_pieces(without, 2, 77, NULL).fault, PC_AUDIT_MISSING);
    for (size_t i = 0; i < 3; i++) {
        free((void *)(uintptr_t)files[i]);
    }
}

static void test_file__a_file_that_was_moved_away_is_begun_anew(void **state)
{
    const fixture *f = *state;
    pc_audit_file *file;
    uint64_t lost;
    char moved[160];
    check_ok(pc_audit_file_open(&file, f->path));
    write_lines(file, 1);
    check_ok(pc_audit_file_reopen(file, &lost)); /* nothing was moved */
    write_lines(file, 1);
    (void)snprintf(moved, sizeof moved, "%s.1", f->path);
    assert_int_equal(rename(f->path, moved), 0);
    check_ok(pc_audit_file_reopen(file, &lost));
    write_lines(file, 1);
    pc_audit_file_close(file);
    const text *files[2] = {read_file(moved), read_file(f->path)};
    pc_audit_report report = verify_in_pieces(files, 2, 1000, NULL);
    assert_int_equal(report.fault, PC_AUDIT_WHOLE);
    assert_int_equal(report.events[PC_AUDIT_OPEN], 2);
    free((void *)(uintptr_t)files[0]);
    free((void *)(uintptr_t)files[1]);
}

static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The operator makes room by moving the file to another disk: at every byte of two lines. */
static void test_file__a_file_moved_away_from_a_full_disk_loses_only_what_it_counts(void **state)
{
    const fixture *f = *state;
    char moved[160];
    (void)snprintf(moved, sizeof moved, "%s.1", f->path);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 300; limit < 700; limit += 3) {
        pc_audit_file *file;
        uint64_t lost;
        check_ok(pc_audit_file_open(&file, f->path));
        write_lines(file, 0);
        for (int i = 0; i < 5; i++) {
            (void)pc_audit_file_begin(file, PC_AUDIT_ACCESS, 1790000000000);
            assert_true(pc_audit_file_end(file));
        }
        set_file_limit(limit);
        check_failure(pc_audit_file_flush(file), PC_CODE_UNAVAILABLE, "AUDIT_NOT_WRITTEN");
        set_file_limit(RLIM_INFINITY);
        assert_int_equal(rename(f->path, moved), 0);
        check_ok(pc_audit_file_reopen(file, &lost));
        write_lines(file, 2);
        pc_audit_file_close(file);
        const text *files[2] = {read_file(moved), read_file(f->path)};
        pc_audit_report report = verify_in_pieces(files, 2, 1000, NULL);
        assert_int_equal(report.fault, PC_AUDIT_WHOLE);
        assert_int_equal(report.events[PC_AUDIT_ACCESS] + lost, 7);
        assert_int_equal(unlink(f->path), 0);
        assert_int_equal(unlink(moved), 0);
        free((void *)(uintptr_t)files[0]);
        free((void *)(uintptr_t)files[1]);
    }
}

static void test_file__what_is_no_trail_is_left_alone(void **state)
{
    const fixture *f = *state;
    pc_audit_file *file;
    write_file(f->path, "notes\n", 6);
    check_failure(pc_audit_file_open(&file, f->path), PC_CODE_FAILED_PRECONDITION,
                  "AUDIT_FILE_FOREIGN");
    text *t = read_file(f->path);
    assert_int_equal(t->size, 6);
    free(t);
    assert_int_equal(unlink(f->path), 0);
    check_ok(pc_audit_file_open(&file, f->path));
    pc_audit_file *second;
    check_failure(pc_audit_file_open(&second, f->path), PC_CODE_FAILED_PRECONDITION,
                  "AUDIT_FILE_IN_USE");
    pc_audit_file_close(file);
    check_failure(pc_audit_file_open(&file, "/nonexistent/audit"), PC_CODE_FAILED_PRECONDITION,
                  "AUDIT_FILE_UNUSABLE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_verify__a_whole_trail_is_whole_in_pieces_of_any_size,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_verify__any_byte_that_is_changed_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_verify__any_line_that_is_taken_out_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_verify__a_line_that_comes_again_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_verify__an_anchor_finds_a_trail_that_was_cut_or_written_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__what_a_crash_tore_is_told_and_stays, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_file__torn_bytes_that_no_cut_tells_of_are_a_fault,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__the_chain_goes_over_rotated_files_and_restarts,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file__a_file_that_was_moved_away_is_begun_anew, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_file__a_file_moved_away_from_a_full_disk_loses_only_what_it_counts, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_file__what_is_no_trail_is_left_alone, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
