/* The trail: what lines say, and that nothing blocks or is lost in silence when the disk is full.
 */
#include "check.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audit/trail.h"
#include "audit/verify.h"
#include "util/clock.h"

typedef struct {
    char folder[64];
    char path[128];
    pc_log *log;
    FILE *log_file;
    pc_audit_trail *trail;
} fixture;

static fixture open_trail(void)
{
    fixture f = {.folder = "/tmp/pc-audit-XXXXXX"};
    assert_non_null(mkdtemp(f.folder));
    (void)snprintf(f.path, sizeof f.path, "%s/audit", f.folder);
    f.log_file = tmpfile();
    const pc_log_options log = {PC_LOG_INFO, true, fileno(f.log_file), "key", 3};
    check_ok(pc_log_new(&f.log, &log));
    const pc_audit_options options = {
        .file = f.path, .sync_ms = 1, .sourced_rate = 10, .log = f.log};
    check_ok(pc_audit_trail_new(&f.trail, &options));
    return f;
}

static void close_trail(fixture *f)
{
    char command[128];
    pc_audit_trail_free(f->trail);
    pc_log_free(f->log);
    (void)fclose(f->log_file);
    (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
}

static pc_audit_report verify(const fixture *f)
{
    static char bytes[1 << 16];
    pc_audit_verifier *verifier;
    pc_audit_report report;
    FILE *file = fopen(f->path, "rb");
    assert_non_null(file);
    check_ok(pc_audit_verifier_new(&verifier, NULL));
    pc_audit_verifier_file(verifier);
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, file)) > 0;) {
        pc_audit_verifier_feed(verifier, bytes, size);
    }
    (void)fclose(file);
    pc_audit_verifier_end(verifier, &report);
    pc_audit_verifier_free(verifier);
    return report;
}

/* Waits until the trail counts so many lines. */
static void wait_for_lines(const fixture *f, uint64_t lines)
{
    int64_t end = pc_clock_now_ns() + INT64_C(20000000000);
    while (pc_audit_trail_count(f->trail).lines < lines) {
        assert_true(pc_clock_now_ns() < end);
        (void)usleep(1000);
    }
}

static pc_audit_access some_access(void)
{
    static const char *const fields[] = {"profile.person", "summary"};
    pc_audit_access access = PC_AUDIT_ACCESS_INIT;
    access.rpc = "GetContext";
    access.reason = "";
    access.caller = "spiffe://corp/\"desk\"\n";
    access.peer = "ipv4:127.0.0.1";
    access.request_id = "r-1";
    access.purpose = "service";
    access.policy = "v7";
    access.namespace_code = "Email";
    access.id = "ada@example.com";
    access.sandbox = "prod";
    access.merge_policy = "m";
    access.fields = fields;
    access.field_count = 2;
    access.sections[0] = (pc_audit_section){"profile", "OK", 1200};
    access.sections[1] = (pc_audit_section){"summary", "LATE", -1};
    access.section_count = 2;
    return access;
}

static pc_audit_access some_handshake(uint64_t source)
{
    pc_audit_access access = PC_AUDIT_ACCESS_INIT;
    access.event = PC_AUDIT_HANDSHAKE;
    access.reason = "CERTIFICATE_MISSING";
    access.peer = "ipv4:127.0.0.1";
    access.source = source;
    return access;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_trail__a_line_says_who_saw_what_of_whom(void **state)
{
    (void)state;
    fixture f = open_trail();
    const pc_audit_access access = some_access();
    pc_audit_trail_put(f.trail, &access);
    wait_for_lines(&f, 1);
    pc_audit_trail_free(f.trail);
    f.trail = NULL;
    char line[4096];
    FILE *file = fopen(f.path, "r");
    assert_non_null(fgets(line, sizeof line, file)); /* open */
    assert_non_null(fgets(line, sizeof line, file));
    (void)fclose(file);
    assert_null(strstr(line, "ada"));
    json_t *json = json_loads(line, 0, NULL);
    assert_non_null(json);
    const char *rpc = NULL;
    const char *caller = NULL;
    const char *purpose = NULL;
    const char *policy = NULL;
    const char *identity = NULL;
    const char *status = NULL;
    const char *late = NULL;
    const char *path = NULL;
    int age = 0;
    int sequence = 0;
    assert_int_equal(
        json_unpack(json, "{s:i, s:s, s:s, s:s, s:s, s:s, s:{s:{s:s, s:i}, s:{s:s}}, s:[s, s]}",
                    "seq", &sequence, "rpc", &rpc, "caller", &caller, "purpose", &purpose, "policy",
                    &policy, "identity", &identity, "sections", "profile", "status", &status,
                    "age_ms", &age, "summary", "status", &late, "fields", &path, &path),
        0);
    assert_int_equal(sequence, 2);
    assert_string_equal(rpc, "GetContext");
    assert_string_equal(caller, access.caller);
    assert_string_equal(purpose, "service");
    assert_string_equal(policy, "v7");
    assert_string_equal(identity, pc_log_identity(f.log, "", "email", "ada@example.com").hash);
    assert_string_equal(status, "OK");
    assert_string_equal(late, "LATE");
    assert_int_equal(age, 1200);
    assert_string_equal(path, "summary");
    json_decref(json);
    assert_int_equal(verify(&f).fault, PC_AUDIT_WHOLE);
    close_trail(&f);
}

/* A call that is refused before its mask is looked at may name anything. */
static void test_trail__what_is_no_path_cannot_break_a_line(void **state)
{
    (void)state;
    static const char *const fields[] = {"a\nb", "x\"y", "+49 30 1234", "profile.person"};
    fixture f = open_trail();
    pc_audit_access access = some_access();
    access.fields = fields;
    access.field_count = PC_COUNT_OF(fields);
    pc_audit_trail_put(f.trail, &access);
    wait_for_lines(&f, 1);
    pc_audit_trail_free(f.trail);
    f.trail = NULL;
    char line[4096];
    FILE *file = fopen(f.path, "r");
    assert_non_null(fgets(line, sizeof line, file)); /* open */
    assert_non_null(fgets(line, sizeof line, file));
    (void)fclose(file);
    assert_non_null(strstr(line, "\"fields\":[\"?\",\"?\",\"?\",\"profile.person\"]"));
    assert_int_equal(verify(&f).fault, PC_AUDIT_WHOLE);
    close_trail(&f);
}

static void test_trail__texts_that_are_too_long_are_cut_and_the_line_stays_whole(void **state)
{
    (void)state;
    fixture f = open_trail();
    static char longest[5000];
    memset(longest, '\x01', sizeof longest - 1);
    const char *fields[100];
    for (size_t i = 0; i < PC_COUNT_OF(fields); i++) {
        fields[i] = "profile.person.name.first_name.and.so.on.and.so.forth";
    }
    pc_audit_access access = some_access();
    access.caller = access.peer = access.request_id = access.purpose = access.policy = longest;
    access.sandbox = access.merge_policy = access.namespace_code = access.id = longest;
    access.fields = fields;
    access.field_count = PC_COUNT_OF(fields);
    pc_audit_trail_put(f.trail, &access);
    wait_for_lines(&f, 1);
    pc_audit_report report = verify(&f);
    assert_int_equal(report.fault, PC_AUDIT_WHOLE);
    assert_int_equal(report.events[PC_AUDIT_ACCESS], 1);
    assert_int_equal(pc_audit_trail_count(f.trail).dropped, 0);
    close_trail(&f);
}

static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_trail__a_full_disk_holds_up_nobody_and_what_is_dropped_is_told(void **state)
{
    (void)state;
    enum { RECORDS = 60000 };
    fixture f = open_trail();
    const pc_audit_access access = some_access();
    (void)signal(SIGXFSZ, SIG_IGN);
    set_file_limit(20000);
    for (int i = 0; i < RECORDS; i++) {
        pc_audit_trail_put(f.trail, &access);
    }
    int64_t end = pc_clock_now_ns() + INT64_C(20000000000);
    while (!pc_audit_trail_count(f.trail).failing) {
        assert_true(pc_clock_now_ns() < end);
        (void)usleep(1000);
    }
    assert_int_equal(verify(&f).fault, PC_AUDIT_TORN);
    pc_audit_figures figures = pc_audit_trail_count(f.trail);
    assert_true(figures.failures > 0);
    assert_true(figures.dropped > 0);
    set_file_limit(RLIM_INFINITY);
    wait_for_lines(&f, RECORDS - figures.dropped + 1);
    pc_audit_trail_free(f.trail);
    f.trail = NULL;
    /* What was torn is completed, not cut. */
    pc_audit_report report = verify(&f);
    assert_int_equal(report.fault, PC_AUDIT_WHOLE);
    assert_int_equal(report.events[PC_AUDIT_CUT], 0);
    assert_int_equal(report.dropped, figures.dropped);
    assert_int_equal(report.events[PC_AUDIT_ACCESS] + report.dropped, RECORDS);
    close_trail(&f);
}

/* Ends the trail first, so that it has told all. */
static pc_audit_report end_trail(fixture *f)
{
    pc_audit_trail_free(f->trail);
    f->trail = NULL;
    return verify(f);
}

static void test_trail__a_flood_from_one_source_is_counted_and_hides_no_other(void **state)
{
    (void)state;
    fixture f = open_trail();
    pc_audit_access access = some_handshake(7);
    for (int i = 0; i < 500; i++) {
        pc_audit_trail_put(f.trail, &access);
    }
    access = some_handshake(8);
    pc_audit_trail_put(f.trail, &access);
    access = some_access();
    pc_audit_trail_put(f.trail, &access);
    const uint64_t left_out = pc_audit_trail_count(f.trail).left_out;
    pc_audit_report report = end_trail(&f);
    assert_int_equal(report.fault, PC_AUDIT_WHOLE);
    assert_int_equal(report.left_out, left_out);
    assert_int_equal(report.left_out + report.events[PC_AUDIT_HANDSHAKE], 501);
    /* Ten at once and one in each second, however slow this is. */
    assert_true(report.events[PC_AUDIT_HANDSHAKE] >= 11);
    assert_true(report.left_out > 250);
    assert_int_equal(report.events[PC_AUDIT_ACCESS], 1);
    close_trail(&f);
}

static void test_trail__sources_without_number_do_not_fill_the_disk(void **state)
{
    (void)state;
    fixture f = open_trail();
    for (uint64_t i = 0; i < 1000; i++) {
        const pc_audit_access access = some_handshake(2 + i);
        pc_audit_trail_put(f.trail, &access);
    }
    pc_audit_report report = end_trail(&f);
    assert_int_equal(report.left_out + report.events[PC_AUDIT_HANDSHAKE], 1000);
    assert_true(report.events[PC_AUDIT_HANDSHAKE] >= 100);
    assert_true(report.left_out > 250);
    close_trail(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trail__a_line_says_who_saw_what_of_whom),
        cmocka_unit_test(test_trail__what_is_no_path_cannot_break_a_line),
        cmocka_unit_test(test_trail__texts_that_are_too_long_are_cut_and_the_line_stays_whole),
        cmocka_unit_test(test_trail__a_flood_from_one_source_is_counted_and_hides_no_other),
        cmocka_unit_test(test_trail__sources_without_number_do_not_fill_the_disk),
        cmocka_unit_test(test_trail__a_full_disk_holds_up_nobody_and_what_is_dropped_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
