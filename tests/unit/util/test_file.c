/* Files of any size, and what is no file. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"

static void test_file__is_read_whole_up_to_its_bound(void **state)
{
    (void)state;
    static const char content[] = "one\0two\n";
    char path[] = "/tmp/test-file-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, content, sizeof content), sizeof content);
    close(fd);
    char *read = NULL;
    size_t size = 0;
    check_ok(pc_file_read(&read, &size, path, sizeof content, "BAD"));
    assert_int_equal(size, sizeof content);
    assert_memory_equal(read, content, sizeof content);
    assert_int_equal(read[size], 0);
    free(read);
    check_failure(pc_file_read(&read, &size, path, sizeof content - 1, "BAD"),
                  PC_CODE_FAILED_PRECONDITION, "BAD");
    assert_null(read);
    assert_int_equal(truncate(path, 0), 0);
    check_ok(pc_file_read(&read, &size, path, 0, "BAD"));
    assert_int_equal(size, 0);
    assert_string_equal(read, "");
    free(read);
    unlink(path);
}

static void test_file__what_is_none_is_refused_with_its_path(void **state)
{
    (void)state;
    char path[64];
    (void)snprintf(path, sizeof path, "/tmp/test-file-%d", (int)getpid());
    char *read = NULL;
    size_t size = 0;
    pc_status status = pc_file_read(&read, &size, path, 10, "BAD");
    assert_non_null(strstr(pc_status_message(&status), path));
    check_failure(status, PC_CODE_FAILED_PRECONDITION, "BAD");
    check_failure(pc_file_read(&read, &size, "/tmp", 1 << 20, "BAD"), PC_CODE_FAILED_PRECONDITION,
                  "BAD");
    assert_int_equal(mkfifo(path, 0600), 0);
    check_failure(pc_file_read(&read, &size, path, 10, "BAD"), PC_CODE_FAILED_PRECONDITION, "BAD");
    unlink(path);
    check_failure(pc_file_read(&read, &size, "/dev/zero", 10, "BAD"), PC_CODE_FAILED_PRECONDITION,
                  "BAD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file__is_read_whole_up_to_its_bound),
        cmocka_unit_test(test_file__what_is_none_is_refused_with_its_path),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
