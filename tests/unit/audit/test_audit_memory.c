/* The audit trail with each allocation failing in turn: it opens or says why not, each record
 * becomes a line or is counted as dropped, and what is written verifies. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/trail.h"
#include "audit/verify.h"
#include "failing/failing.h"

enum { RECORDS = 50 };

/* False when the trail could not be opened. */
static bool write_records(const char *path, pc_log *log)
{
    const pc_audit_options options = {
        .file = path, .sync_ms = -1, .rotate_bytes = 1000, .log = log};
    pc_audit_trail *trail;
    pc_status status = pc_audit_trail_new(&trail, &options);
    if (!pc_status_ok(&status)) {
        assert_null(trail);
        pc_status_clear(&status);
        return false;
    }
    pc_audit_access access = PC_AUDIT_ACCESS_INIT;
    access.rpc = "GetContext";
    access.reason = "";
    for (int i = 0; i < RECORDS; i++) {
        pc_audit_trail_put(trail, &access);
    }
    pc_audit_trail_free(trail);
    return true;
}

static pc_audit_report verify(const char *path)
{
    char bytes[4096];
    pc_audit_verifier *verifier;
    pc_audit_report report;
    check_ok(pc_audit_verifier_new(&verifier, NULL));
    pc_audit_verifier_file(verifier);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, file)) > 0;) {
        pc_audit_verifier_feed(verifier, bytes, size);
    }
    (void)fclose(file);
    pc_audit_verifier_end(verifier, &report);
    pc_audit_verifier_free(verifier);
    return report;
}

static void test_trail__every_allocation_may_fail(void **state)
{
    (void)state;
    char folder[] = "/tmp/pc-audit-XXXXXX";
    char path[64];
    char command[128];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/audit", folder);
    FILE *sink = tmpfile();
    pc_log *log;
    const pc_log_options log_options = {PC_LOG_ERROR, true, fileno(sink), "key", 3};
    check_ok(pc_log_new(&log, &log_options));
    int refused = 0;
    bool through = false;
    for (long i = 0; !through; i++) {
        failing_after(i);
        bool opened = write_records(path, log);
        through = !failing_end();
        refused += !opened;
        if (opened) {
            pc_audit_report report = verify(path);
            assert_int_equal(report.fault, PC_AUDIT_WHOLE);
        }
        (void)snprintf(command, sizeof command, "rm -f %s*", path);
        assert_int_equal(system(command), 0);
    }
    assert_true(refused > 3);
    pc_log_free(log);
    (void)fclose(sink);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trail__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
