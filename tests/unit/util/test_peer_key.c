/* Where a peer is, as a number. */
#include "check.h"

#include "util/peer_key.h"

static void test_peer_key__tells_addresses_apart(void **state)
{
    (void)state;
    assert_int_equal(pc_peer_key("ipv4:10.1.2.3"), pc_peer_key("ipv4:10.1.2.3"));
    assert_int_not_equal(pc_peer_key("ipv4:10.1.2.3"), pc_peer_key("ipv4:10.1.2.4"));
    assert_int_not_equal(pc_peer_key("unix"), pc_peer_key("ipv4:10.1.2.4"));
    assert_true(pc_peer_key("") > 1);
}

static void test_peer_key__of_ipv6_a_network_is_one(void **state)
{
    (void)state;
    const uint64_t key = pc_peer_key("ipv6:%5B2001:db8:1:2::1%5D");
    assert_int_equal(key, pc_peer_key("ipv6:%5B2001:db8:1:2:ffff::5%5D"));
    assert_int_not_equal(key, pc_peer_key("ipv6:%5B2001:db8:1:3::1%5D"));
    /* What is none is a text like another. */
    assert_int_not_equal(pc_peer_key("ipv6:%5Bx%5D"), pc_peer_key("ipv6:%5By%5D"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer_key__tells_addresses_apart),
        cmocka_unit_test(test_peer_key__of_ipv6_a_network_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
