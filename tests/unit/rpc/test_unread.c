/* What is judged, whom a look ends, and how long an answer may wait; connections and calls are
 * stand-ins here. */
#include "check.h"

#include <stdlib.h>

#include "rpc/call_internal.h"

enum { BOUND = 1 << 20, LARGE = 100000, SMALL = 1000, CALLS = 200 };

static const int64_t second_ns = 1000000000;

struct pc_connection {
    atomic_size_t owed;
};

static size_t ended; /* what connections owe that can be ended */
static int looks_for_debtors;

atomic_size_t *pc_connection_owed(pc_connection *connection)
{
    return connection == NULL ? NULL : &connection->owed;
}

size_t pc_connections_cut_owing(pc_connections *connections, size_t most,
                                bool (*cut)(void *self, const char *peer), void *self)
{
    (void)connections;
    (void)most;
    (void)cut;
    (void)self;
    looks_for_debtors++;
    return ended;
}

void pc_call_unref(pc_call *call)
{
    atomic_fetch_sub(&call->references, 1);
}

void pc_stream_break(pc_call *call)
{
    atomic_store(&call->cancelled, true);
}

/* ---- what tests are made of ------------------------------------------------------------------ */

typedef struct {
    pc_unread *unread;
    pc_connection connections[3];
    pc_call *calls[CALLS];
    size_t count;
    int64_t now_ns;
} fixture;

static void start(fixture *f, const pc_unread_options *options)
{
    *f = (fixture){.unread = pc_unread_new(options), .now_ns = 1000 * second_ns};
    ended = 0;
    looks_for_debtors = 0;
}

static pc_call *add_call(fixture *f, pc_connection *connection)
{
    pc_call *call = calloc(1, sizeof *call);
    assert_non_null(call);
    call->connection = connection;
    atomic_store(&call->references, 1);
    pc_unread_enrol(f->unread, call);
    f->calls[f->count++] = call;
    return call;
}

static pc_call *answer(fixture *f, pc_connection *connection, size_t bytes)
{
    pc_call *call = add_call(f, connection);
    pc_unread_give(f->unread, call, bytes);
    return call;
}

/* At that time, in seconds. */
static void look_at(fixture *f, double seconds)
{
    pc_unread_look(f->unread, NULL, f->now_ns + (int64_t)(seconds * (double)second_ns), NULL, NULL);
}

static size_t counted(const fixture *f)
{
    pc_unread_figures figures;
    pc_unread_count(f->unread, &figures);
    return figures.bytes;
}

static uint64_t given_up(const fixture *f)
{
    pc_unread_figures figures;
    pc_unread_count(f->unread, &figures);
    return figures.given_up;
}

static void stop(fixture *f)
{
    for (size_t i = 0; i < f->count; i++) {
        pc_unread_taken(f->unread, f->calls[i]);
        pc_unread_strike_off(f->unread, f->calls[i]);
        free(f->calls[i]);
    }
    assert_int_equal(counted(f), 0);
    pc_unread_free(f->unread);
}

/* ---- the account ----------------------------------------------------------------------------- */

static void an_answer_is_judged_with_all_that_it_counts_for(void **state)
{
    (void)state;
    fixture f;
    size_t each = LARGE + PC_UNREAD_CALL_BYTES;
    start(&f, &(pc_unread_options){.connection_bytes_max = 3 * each - 1});
    answer(&f, &f.connections[0], LARGE);
    pc_call *second = answer(&f, &f.connections[0], LARGE);
    assert_int_equal(pc_unread_judge(f.unread, second, LARGE), PC_UNREAD_OF_CONNECTION);
    assert_int_equal(pc_unread_judge(f.unread, second, LARGE - 1), PC_UNREAD_FITS);
    stop(&f);
}

static void a_small_answer_passes_where_a_large_one_does_not(void **state)
{
    (void)state;
    fixture f;
    start(&f, &(pc_unread_options){.connection_bytes_max = 2 * LARGE});
    pc_call *call = answer(&f, &f.connections[0], 2 * LARGE);
    assert_int_equal(pc_unread_judge(f.unread, call, LARGE), PC_UNREAD_OF_CONNECTION);
    assert_int_equal(pc_unread_judge(f.unread, call, PC_UNREAD_STEP), PC_UNREAD_FITS);
    call = answer(&f, &f.connections[0], 2 * LARGE);
    assert_int_equal(pc_unread_judge(f.unread, call, SMALL), PC_UNREAD_OF_CONNECTION);
    stop(&f);
}

static void a_step_that_is_taken_before_it_is_added_counts_as_nothing(void **state)
{
    (void)state;
    fixture f;
    start(&f, &(pc_unread_options){.bytes_max = BOUND});
    pc_call *call = add_call(&f, &f.connections[0]);
    atomic_store(&f.connections[0].owed, LARGE);
    atomic_store(&call->unread.bytes, LARGE);
    pc_unread_taken(f.unread, call);
    assert_int_equal(counted(&f), 0);
    stop(&f);
}

/* ---- looks ----------------------------------------------------------------------------------- */

static void a_little_more_than_the_bound_ends_nobody(void **state)
{
    (void)state;
    fixture f;
    start(&f, &(pc_unread_options){.bytes_max = BOUND});
    answer(&f, &f.connections[0], BOUND + BOUND / 16);
    look_at(&f, 0);
    look_at(&f, 0.1);
    assert_int_equal(looks_for_debtors, 0);
    answer(&f, &f.connections[0], BOUND / 8);
    look_at(&f, 0.2);
    assert_int_equal(looks_for_debtors, 0);
    look_at(&f, 0.3);
    assert_int_equal(looks_for_debtors, 1);
    stop(&f);
}

static void ends_of_connections_leave_others_their_time(void **state)
{
    (void)state;
    fixture f;
    start(&f, &(pc_unread_options){.bytes_max = BOUND, .time_max_ns = 60 * second_ns});
    pc_call *call = answer(&f, &f.connections[0], LARGE);
    answer(&f, &f.connections[1], 2 * BOUND);
    ended = 2 * BOUND;
    for (int i = 0; i < 10; i++) {
        look_at(&f, i);
    }
    assert_true(looks_for_debtors > 1);
    assert_int_equal(given_up(&f), 0);
    assert_false(call->cancelled);
    stop(&f);
}

static void when_no_end_helps_those_who_owe_much_wait_for_a_second(void **state)
{
    (void)state;
    fixture f;
    start(&f, &(pc_unread_options){.bytes_max = BOUND, .time_max_ns = 60 * second_ns});
    pc_call *spared = answer(&f, &f.connections[0], SMALL);
    pc_call *large = answer(&f, &f.connections[1], 2 * BOUND);
    pc_call *uncounted = answer(&f, NULL, SMALL);
    look_at(&f, 0);
    look_at(&f, 0.5);
    assert_int_equal(given_up(&f), 0);
    look_at(&f, 1);
    assert_true(large->cancelled);
    assert_true(uncounted->cancelled);
    look_at(&f, 2);
    assert_false(spared->cancelled);
    pc_unread_taken(f.unread, large);
    pc_call *later = answer(&f, &f.connections[2], LARGE);
    look_at(&f, 3);
    look_at(&f, 5);
    assert_false(later->cancelled);
    stop(&f);
}

static void a_large_answer_has_longer(void **state)
{
    (void)state;
    fixture f;
    start(&f, &(pc_unread_options){.time_max_ns = 2 * second_ns});
    pc_call *small = answer(&f, &f.connections[0], SMALL);
    pc_call *large = answer(&f, &f.connections[0], 3 << 20);
    look_at(&f, 0);
    look_at(&f, 2.5);
    assert_true(small->cancelled);
    look_at(&f, 4.9);
    assert_false(large->cancelled);
    look_at(&f, 5.5);
    assert_true(large->cancelled);
    stop(&f);
}

static void one_look_goes_through_all_calls(void **state)
{
    (void)state;
    fixture f;
    start(&f, &(pc_unread_options){.time_max_ns = 2 * second_ns});
    for (size_t i = 0; i < CALLS - 1; i++) {
        answer(&f, &f.connections[i % 3], SMALL);
    }
    pc_call *taken = answer(&f, NULL, SMALL);
    look_at(&f, 0);
    pc_unread_taken(f.unread, taken);
    look_at(&f, 3);
    assert_int_equal(given_up(&f), CALLS - 1);
    assert_false(taken->cancelled);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(f.calls[i]->references, 1);
    }
    look_at(&f, 4);
    assert_int_equal(given_up(&f), CALLS - 1);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_judged_with_all_that_it_counts_for),
        cmocka_unit_test(a_small_answer_passes_where_a_large_one_does_not),
        cmocka_unit_test(a_step_that_is_taken_before_it_is_added_counts_as_nothing),
        cmocka_unit_test(a_little_more_than_the_bound_ends_nobody),
        cmocka_unit_test(ends_of_connections_leave_others_their_time),
        cmocka_unit_test(when_no_end_helps_those_who_owe_much_wait_for_a_second),
        cmocka_unit_test(a_large_answer_has_longer),
        cmocka_unit_test(one_look_goes_through_all_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
