"""Fetches that meet and become one upstream request."""

import unittest

import grpc

from harness import ADA, Sandbox, Server, batch_messages, identity, messages, wait_until

PREFIX = "/profilecontext.v1.ProfileContext/"
PERSONS = 40
MOST = 20
MANY = [("Email", f"customer{n}@example.net") for n in range(1, PERSONS + 1)]
UNKNOWN = ("Email", "nobody@example.com")
TOO_MANY = ("Email", "srinivasa.toomany@example.com")


class Meeting(unittest.TestCase):
    arguments = ()

    def setUp(self):
        self.sandbox = Sandbox("--generate", "100")
        self.addCleanup(self.sandbox.close)
        self.server = Server(self.sandbox.url, *self.arguments)
        self.addCleanup(self.server.end_well)

    def start(self, pair, method="GetProfile", criticality=None, server=None):
        request = getattr(messages, f"{method}Request")(identity=identity(*pair))
        return (server or self.server).channel.unary_unary(
            PREFIX + method, lambda m: m.SerializeToString(),
            getattr(messages, f"{method}Response").FromString,
        ).future(request, timeout=20,
                 metadata=[("x-criticality", criticality)] if criticality else None)

    def operations(self):
        operations = self.sandbox.stats()["operations"]
        return {name: operations[name]["requests"] for name in ("profile", "profileBatch")}

    def check_cost(self, calls):
        """What callers are told adds up to what reached the upstream."""
        told = 0
        for call in calls:
            told += int(dict(call.trailing_metadata()).get("upstream-calls", 0))
        self.assertEqual(told, sum(self.operations().values()))

    def alone(self, pairs):
        """What a server that joins nothing answers."""
        server = Server(self.sandbox.url)
        try:
            return [self.start(pair, server=server).result() for pair in pairs]
        finally:
            server.end_well()


class FullGroups(Meeting):
    """Groups are full before their window ends, so that their number is known."""

    arguments = ("--upstream-join-window=1s", f"--upstream-join-most={MOST}")

    def test_many_who_meet_cost_few_calls_and_are_told_what_they_would_be_told_alone(self):
        calls = [self.start(pair) for pair in MANY]
        answers = [call.result() for call in calls]
        self.assertEqual(self.operations(), {"profile": 0, "profileBatch": PERSONS // MOST})
        self.assertEqual(self.sandbox.stats()["operations"]["profileBatch"]["items"], PERSONS)
        self.check_cost(calls)
        for pair, answer, single in zip(MANY, answers, self.alone(MANY)):
            self.assertEqual(answer.profile, single.profile, pair)
            self.assertEqual(answer.xid, single.xid)
            self.assertEqual(answer.info.last_modified_time, single.info.last_modified_time)
        self.assertEqual(len({answer.xid for answer in answers}), PERSONS)

    def test_contexts_share_the_call_for_their_profiles(self):
        calls = [self.start(pair, "GetContext") for pair in MANY[:MOST]]
        for call in calls:
            self.assertTrue(call.result().context.HasField("profile"))
        self.assertEqual(self.operations(), {"profile": 0, "profileBatch": 1})

    def test_a_batch_of_contexts_takes_its_profiles_together(self):
        request = batch_messages.BatchGetContextsRequest(
            persons=[{"identity": identity(*pair)} for pair in MANY],
            read_mask={"paths": ["profile"]})
        answers = list(self.server.stream("BatchGetContexts", request, timeout=20))
        self.assertEqual({answer.WhichOneof("result") for answer in answers}, {"context"})
        self.assertEqual(len(answers), PERSONS)
        operations = self.operations()
        self.assertEqual(operations["profile"], 0)
        self.assertLessEqual(operations["profileBatch"], PERSONS // 2)

    def test_one_by_itself_and_one_that_is_routed_go_by_themselves(self):
        self.start(ADA).result()
        self.start(MANY[0], criticality="routing").result()
        self.assertEqual(self.operations(), {"profile": 2, "profileBatch": 0})

    def test_nobody_is_unknown_but_by_the_upstreams_own_word(self):
        shapes = [{}, {"batchOmitsUnknown": True}, {"requestedIdentity": True},
                  {"batchKeysAreOther": True}, {"batchErrorsMixed": True},
                  {"notFoundAsPlaceholder": True}, {"notFoundAsEmpty": True}]
        for shape in shapes:
            with self.subTest(shape=shape):
                self.sandbox.reset_stats()
                self.sandbox.faults({"shapes": shape})
                calls = [self.start(pair) for pair in MANY[:MOST - 1] + [UNKNOWN]]
                codes = [call.code().name for call in calls]
                self.assertEqual(codes, ["OK"] * (MOST - 1) + ["NOT_FOUND"])
                self.assertEqual(self.operations()["profileBatch"], 1)
                self.assertLessEqual(self.operations()["profile"], 1)
                self.check_cost(calls)

    def test_one_who_fails_fails_nobody_else(self):
        # An answer of errors alone, as it is documented, leaves the others without a profile.
        for shape, singles in (({"batchErrorsMixed": True}, 1), ({}, MOST)):
            with self.subTest(shape=shape):
                self.sandbox.reset_stats()
                self.sandbox.faults({"shapes": shape})
                calls = [self.start(pair) for pair in MANY[:MOST - 1] + [TOO_MANY]]
                codes = [call.code().name for call in calls]
                self.assertEqual(codes, ["OK"] * (MOST - 1) + ["FAILED_PRECONDITION"])
                self.assertEqual(self.operations(), {"profile": singles, "profileBatch": 1})
                self.check_cost(calls)

    def test_two_identities_of_one_person_are_told_what_they_would_be_told_alone(self):
        pairs = [ADA, ("CRMID", "CRM-1001")]
        calls = [self.start(pair) for pair in MANY[:MOST - 2] + pairs]
        answers = [call.result() for call in calls]
        for answer, single in zip(answers[-2:], self.alone(pairs)):
            self.assertEqual(answer.profile, single.profile)
            self.assertEqual(answer.xid, single.xid)

    def test_what_the_upstream_refuses_together_is_asked_one_by_one(self):
        for status in (400, 413):
            with self.subTest(status=status):
                self.sandbox.reset_stats()
                self.sandbox.faults({"shapes": {"batchMax": 5, "batchRefusal": status}})
                calls = [self.start(pair) for pair in MANY[:MOST]]
                self.assertEqual({call.code().name for call in calls}, {"OK"})
                self.assertEqual(self.operations(), {"profile": MOST, "profileBatch": 1})
                self.check_cost(calls)

    def test_an_outage_is_not_made_worse(self):
        self.sandbox.faults({"operations": {"profile": {"errorRate": 1, "errorStatus": 503}}})
        calls = [self.start(pair) for pair in MANY[:MOST]]
        self.assertEqual({call.code().name for call in calls}, {"UNAVAILABLE"})
        self.assertEqual(self.operations(), {"profile": 0, "profileBatch": 1})

    def test_entries_that_fail_without_saying_whose_they_are_fail_nobody(self):
        self.sandbox.faults({"shapes": {"entryErrorRate": 0.5, "batchErrorsMixed": True}})
        calls = [self.start(pair) for pair in MANY[:MOST]]
        self.assertEqual({call.code().name for call in calls}, {"OK"})
        operations = self.operations()
        self.assertEqual(operations["profileBatch"], 1)
        self.assertIn(operations["profile"], range(1, MOST))
        self.check_cost(calls)

    def test_callers_that_all_leave_end_the_request(self):
        self.sandbox.faults({"operations": {"profile": {"hangRate": 1.0}}})
        calls = [self.start(pair) for pair in MANY[:MOST]]
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 1, 5, "the joint request")
        for call in calls:
            call.cancel()
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 0, 5, "its end")

    def test_the_server_ends_while_some_wait_for_others(self):
        calls = [self.start(pair) for pair in MANY[:MOST - 1]]
        for call in calls[::2]:
            call.cancel()
        self.server.quit()
        for call in calls[1::2]:
            self.assertIsInstance(call.code(), grpc.StatusCode)


class ShortWindow(Meeting):
    """As it would be set. Who meets whom is chance; what they are told is not."""

    arguments = ("--upstream-join-window=5ms", "--cache-max-bytes=16MiB")

    def test_many_who_meet_cost_fewer_calls_and_are_told_the_same(self):
        calls = [self.start(pair) for pair in MANY]
        answers = [call.result() for call in calls]
        self.assertLess(sum(self.operations().values()), PERSONS)
        self.check_cost(calls)
        for pair, answer, single in zip(MANY, answers, self.alone(MANY)):
            self.assertEqual(answer.profile, single.profile, pair)


if __name__ == "__main__":
    unittest.main(verbosity=2)
