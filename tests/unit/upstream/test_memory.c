/* Every allocation of a whole fetch fails in turn: making the client, starting, waiting for the
 * token, sending, judging. Each time there is one well-formed end, no crash and (with the address
 * sanitizer) no leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector.h"
#include "failing/failing.h"
#include "fake_http.h"
#include "upstream/entity.h"
#include "util/clock.h"

enum { HEDGED_TIMEOUT_MS = 500 };

static bool is_of_server(void)
{
    return fake_http_thread;
}

static void on_done(void *self, pc_status status, const pc_entity_result *result)
{
    assert_true(pc_status_ok(&status) == (result->body != NULL));
    collector_record(self, status, NULL, NULL);
}

/* Lack of memory must be said, not taken for trouble of the upstream. */
static void assert_out_of_memory(pc_status status)
{
    if (status.code != PC_CODE_RESOURCE_EXHAUSTED) {
        fail_msg("%s %s", pc_code_name(status.code), pc_status_reason(&status));
    }
    pc_status_clear(&status);
}

static void plain(pc_entity_options *options)
{
    (void)options;
}

static void hedged(pc_entity_options *options)
{
    options->hedge_after_ms = 1;
    options->hedge_percent = 100;
    options->timeout_ms = HEDGED_TIMEOUT_MS;
}

static void retried(pc_entity_options *options)
{
    options->retry_percent = 100;
}

/* False when nothing failed any more. */
static bool fetch_with_failure(long at, const char *base, collector *seen,
                               const pc_entity_query *query, void (*change)(pc_entity_options *))
{
    pc_entity_options options = PC_ENTITY_OPTIONS_DEFAULT;
    options.base_url = base;
    options.ims_url = base;
    options.client_id = "c";
    options.client_secret = "s";
    options.scopes = "openid";
    options.org_id = "o";
    change(&options);
    pc_entity_client *client = NULL;
    failing_after(at);
    pc_status status = pc_entity_client_new(&client, &options);
    bool done = false;
    if (pc_status_ok(&status)) {
        status = pc_entity_fetch(client, query, on_done, &seen->items[0], NULL);
        if (pc_status_ok(&status)) {
            collector_wait(seen, 1);
            status = seen->items[0].status;
            seen->items[0].status = PC_OK;
            done = true;
        }
    }
    bool failed = failing_end();
    pc_entity_client_free(client);
    if (failed) {
        /* A failure whose cause is shown but not carried may still end well. */
        if (!pc_status_ok(&status)) {
            assert_out_of_memory(status);
        }
    } else {
        assert_true(done && pc_status_ok(&status));
    }
    return failed;
}

static fake_http *new_server(char *base, size_t base_size)
{
    fake_http *server = fake_http_new(0);
    fake_http_url(server, "", base, base_size);
    fake_http_set(server, "/ims/token/v3",
                  fake_text(200, "{\"access_token\":\"t1\",\"expires_in\":86399}"));
    fake_http_set(server, "/data/core/ups/access/entities",
                  fake_text(200, "{\"X1\":{\"entityId\":\"X1\",\"entity\":{\"a\":1}}}"));
    fake_http_set(server, "/data/core/ups/audiences/bulk-get", fake_text(207, "{\"results\":{}}"));
    return server;
}

static void fail_each(const pc_entity_query *query)
{
    char base[128];
    fake_http *server = new_server(base, sizeof base);
    long at = 0;
    for (bool failed = true; failed; at++) {
        collector seen;
        collector_init(&seen, 1);
        failed = fetch_with_failure(at, base, &seen, query, plain);
        collector_deinit(&seen);
    }
    /* Fewer would mean that the wrapping does not work. */
    assert_true(at > 20);
    fake_http_free(server);
}

static const pc_entity_query profile_query = {.kind = PC_ENTITY_PROFILE,
                                              .namespace_code = "Email",
                                              .namespace_size = 5,
                                              .id = "a@b",
                                              .id_size = 3,
                                              .request_id = "r",
                                              .deadline_ns = PC_NEVER_NS};

static void test_memory__every_failed_allocation_of_a_profile_fetch_ends_well(void **state)
{
    (void)state;
    fail_each(&profile_query);
}

/* The first request meets `first`, so that each time a second one is sent, or fails to be. */
static void fail_each_after(fake_answer first, void (*change)(pc_entity_options *))
{
    long at = 0;
    for (bool failed = true; failed; at++) {
        char base[128];
        fake_http *server = new_server(base, sizeof base);
        fake_http_push(server, "/data/core/ups/access/entities", first);
        collector seen;
        collector_init(&seen, 1);
        failed = fetch_with_failure(at, base, &seen, &profile_query, change);
        collector_deinit(&seen);
        fake_http_free(server);
    }
    assert_true(at > 20);
}

static void test_memory__every_failed_allocation_of_a_hedged_fetch_ends_well(void **state)
{
    (void)state;
    fail_each_after((fake_answer){.manner = FAKE_HANG}, hedged);
}

static void test_memory__every_failed_allocation_of_a_retried_fetch_ends_well(void **state)
{
    (void)state;
    fake_answer unavailable = fake_text(503, "{}");
    unavailable.headers = "x-request-id: r-1\r\n";
    fail_each_after(unavailable, retried);
}

static void test_memory__every_failed_allocation_of_an_audience_fetch_ends_well(void **state)
{
    (void)state;
    static const char *const ids[] = {"a", "b"};
    const pc_entity_query query = {.kind = PC_ENTITY_AUDIENCES,
                                   .audience_ids = ids,
                                   .audience_count = 2,
                                   .deadline_ns = PC_NEVER_NS};
    fail_each(&query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory__every_failed_allocation_of_a_profile_fetch_ends_well),
        cmocka_unit_test(test_memory__every_failed_allocation_of_a_hedged_fetch_ends_well),
        cmocka_unit_test(test_memory__every_failed_allocation_of_a_retried_fetch_ends_well),
        cmocka_unit_test(test_memory__every_failed_allocation_of_an_audience_fetch_ends_well),
    };
    failing_spare(is_of_server);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
