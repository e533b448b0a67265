/* The headers that cmocka wants before its own, and checks for statuses. */
#ifndef PC_TESTS_CHECK_H
#define PC_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/status.h"

/* Fails the test with the message of a status that is not OK. */
static inline void check_ok(pc_status status)
{
    if (!pc_status_ok(&status)) {
        print_error("%s %s: %s\n", pc_code_name(status.code), pc_status_reason(&status),
                    pc_status_message(&status));
        pc_status_clear(&status);
        fail();
    }
}

/* Checks code and reason, and clears. */
static inline void check_failure(pc_status status, pc_code code, const char *reason)
{
    assert_string_equal(pc_code_name(status.code), pc_code_name(code));
    assert_string_equal(pc_status_reason(&status), reason);
    pc_status_clear(&status);
}

#endif
