/* Which connections are ended when callers owe too much. What of core says who a connection is has
 * stand-ins here: a call is its connection's name. */
#include "check.h"

#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/connections.h"

grpc_auth_context *grpc_call_auth_context(grpc_call *call)
{
    return (grpc_auth_context *)call;
}

void grpc_auth_context_release(grpc_auth_context *context)
{
    (void)context;
}

char *grpc_call_get_peer(grpc_call *call)
{
    return strdup((const char *)call);
}

void gpr_free(void *p)
{
    free(p);
}

/* ---- what tests are made of ------------------------------------------------------------------ */

enum { CUT_MAX = 8 };

typedef struct {
    char peers[CUT_MAX][PC_PEER_NAME_BYTES];
    size_t count;
    size_t refused;
} cutter;

/* What is not over TCP cannot be ended. */
static bool cut(void *self, const char *peer)
{
    cutter *c = self;
    if (strncmp(peer, "ipv4:", 5) != 0) {
        c->refused++;
        return false;
    }
    assert_true(c->count < CUT_MAX);
    (void)snprintf(c->peers[c->count++], PC_PEER_NAME_BYTES, "%s", peer);
    return true;
}

static pc_connection *owe(pc_connections *connections, char *peer, size_t bytes)
{
    bool watch;
    pc_connection *connection =
        pc_connections_begin(connections, (grpc_call *)(void *)peer, 0, &watch);
    assert_non_null(connection);
    atomic_fetch_add(pc_connection_owed(connection), bytes);
    return connection;
}

static pc_connections *start(void)
{
    pc_connections *connections = pc_connections_new(&(pc_connections_options){.open_max = 10});
    assert_non_null(connections);
    return connections;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void those_who_owe_most_are_ended_first_and_once(void **state)
{
    (void)state;
    char little[] = "ipv4:127.0.0.1:1";
    char more[] = "ipv4:127.0.0.1:2";
    char most[] = "ipv4:127.0.0.1:3";
    cutter c = {.count = 0};
    pc_connections *connections = start();
    owe(connections, little, 100);
    owe(connections, more, 200);
    owe(connections, most, 300);
    assert_int_equal(pc_connections_cut_owing(connections, 100, cut, &c), 500);
    assert_int_equal(pc_connections_cut_owing(connections, 100, cut, &c), 0);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.peers[0], most);
    assert_string_equal(c.peers[1], more);
    pc_connections_free(connections);
}

static void who_cannot_be_ended_is_no_shield_and_no_burden_for_others(void **state)
{
    (void)state;
    char local[] = "unix:/run/socket";
    char little[] = "ipv4:127.0.0.1:1";
    char most[] = "ipv4:127.0.0.1:2";
    cutter c = {.count = 0};
    pc_connections *connections = start();
    owe(connections, local, 1000);
    owe(connections, little, 100);
    owe(connections, most, 300);
    assert_int_equal(pc_connections_cut_owing(connections, 100, cut, &c), 300);
    assert_int_equal(c.refused, 1);
    assert_int_equal(c.count, 1);
    assert_string_equal(c.peers[0], most);
    pc_connections_free(connections);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_owe_most_are_ended_first_and_once),
        cmocka_unit_test(who_cannot_be_ended_is_no_shield_and_no_burden_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
