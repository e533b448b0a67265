"""The spent-call budget: who may call the upstream when it is short, and what callers are told."""

import time
import unittest

import grpc

from harness import (
    ADA, Sandbox, Server, batch_messages, identity, messages, wait_until,
)

PREFIX = "/profilecontext.v1.ProfileContext/"


class Budget(unittest.TestCase):
    arguments = ()

    def setUp(self):
        self.sandbox = Sandbox("--generate", "300")
        self.addCleanup(self.sandbox.close)
        self.server = Server(self.sandbox.url, *self.arguments)
        self.addCleanup(self.server.end_well)

    def ask(self, number, criticality=None, timeout=20):
        """A GetProfile of one of many, under way."""
        request = messages.GetProfileRequest(
            identity=identity("Email", f"customer{number}@example.com"))
        metadata = [("x-criticality", criticality)] if criticality else None
        return self.server.channel.unary_unary(
            PREFIX + "GetProfile", lambda m: m.SerializeToString(),
            messages.GetProfileResponse.FromString,
        ).future(request, timeout=timeout, metadata=metadata)

    def requests(self):
        return self.sandbox.stats()["operations"]["profile"]["requests"]


def code(call):
    return call.code().name


class Rate(Budget):
    arguments = ("--budget-rate=10", "--budget-burst=10", "--upstream-timeout=5s")

    def test_what_is_left_is_told_beside_what_a_call_cost(self):
        call = self.ask(1)
        call.result() if code(call) == "OK" else None
        trailers = dict(call.trailing_metadata())
        self.assertEqual(trailers["upstream-calls"], "1")
        self.assertIn(int(trailers["upstream-calls-left"]), range(6, 10))

    def test_calls_go_at_the_rate_and_those_that_would_be_late_are_told_when_to_come_again(self):
        begin = time.monotonic()
        calls = [self.ask(n, "routing", timeout=1.5) for n in range(60)]
        codes = [code(call) for call in calls]
        took = time.monotonic() - begin
        refused = [call for call in calls if code(call) == "RESOURCE_EXHAUSTED"]
        self.assertGreater(len(refused), 20)
        self.assertLessEqual(self.requests(), 10 + 10 * took + 3)
        self.assertIn("UPSTREAM_BUDGET_SPENT", refused[-1].details() + str(refused[-1].exception()
                      .trailing_metadata()))
        self.assertLess(codes.count("DEADLINE_EXCEEDED"), 6)

    def test_routing_finds_something_left_when_a_batch_has_taken_its_part(self):
        persons = [
            {"identity": identity("Email", f"customer{n}@example.com")} for n in range(200)
        ]
        batch = self.server.channel.unary_stream(
            PREFIX + "BatchGetContexts", lambda m: m.SerializeToString(),
            batch_messages.BatchGetContextsResponse.FromString,
        )(batch_messages.BatchGetContextsRequest(persons=persons, read_mask={"paths": ["profile"]}),
          timeout=20)
        wait_until(lambda: self.requests() >= 6, 5, "the batch to take its part")
        begin = time.monotonic()
        self.assertIn(code(self.ask(250, "routing", timeout=0.9)), ("OK", "NOT_FOUND"))
        self.assertLess(time.monotonic() - begin, 0.9)
        batch.cancel()

    def test_a_criticality_that_there_is_not_is_refused(self):
        call = self.ask(1, "urgent")
        self.assertEqual(code(call), "INVALID_ARGUMENT")
        self.assertEqual(self.requests(), 0)


class Pause(Budget):
    arguments = ("--upstream-timeout=5s",)

    def test_nobody_asks_before_the_upstream_wants_to_be_asked_again(self):
        self.sandbox.faults({"operations": {"profile": {"throttleAllow": 0, "retryAfterMs": 1000}}})
        self.assertEqual(code(self.ask(1)), "RESOURCE_EXHAUSTED")
        self.sandbox.faults({})
        before = self.requests()
        begin = time.monotonic()
        self.assertEqual(code(self.ask(2, timeout=0.3)), "RESOURCE_EXHAUSTED")
        self.assertEqual(self.requests(), before)
        self.assertIn(code(self.ask(3, timeout=5)), ("OK", "NOT_FOUND"))
        self.assertGreater(time.monotonic() - begin, 0.6)


class Few(Budget):
    arguments = ("--budget-max-concurrent=2", "--budget-min-concurrent=1", "--upstream-timeout=20s")

    def test_no_more_are_under_way_than_allowed_and_all_come_to_their_turn(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 100}}})
        calls = [self.ask(n) for n in range(20)]
        most = 0
        while not all(call.done() for call in calls):
            most = max(most, self.sandbox.stats()["inFlight"])
            time.sleep(0.01)
        self.assertTrue(all(code(call) in ("OK", "NOT_FOUND") for call in calls))
        self.assertLessEqual(most, 2)

    def test_the_more_critical_overtake(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 150}}})
        order = []
        calls = [self.ask(n, "batch") for n in range(12)]
        wait_until(lambda: self.sandbox.stats()["inFlight"] > 0, 5, "the first")
        urgent = self.ask(100, "routing")
        for call, name in [(c, "batch") for c in calls] + [(urgent, "routing")]:
            call.add_done_callback(lambda _, name=name: order.append(name))
        wait_until(lambda: len(order) == 13, 20, "all")
        self.assertLess(order.index("routing"), 6)

    def test_those_that_wait_end_when_the_server_does(self):
        self.sandbox.faults({"operations": {"*": {"hangRate": 1.0}}})
        calls = [self.ask(n) for n in range(10)]
        wait_until(lambda: self.sandbox.stats()["inFlight"] >= 1, 5, "the first")
        self.server.quit()
        self.assertTrue(all(code(call) != "OK" for call in calls))

    def test_a_caller_that_leaves_gives_its_place_up(self):
        self.sandbox.faults({"operations": {"*": {"hangRate": 1.0}}})
        hanging = [self.ask(n, "routing") for n in range(2)]
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 2, 5, "both places to be taken")
        waiting = self.ask(50)
        waiting.cancel()
        for call in hanging:
            call.cancel()
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 0, 5, "the end of both")
        self.sandbox.faults({})
        self.assertIn(code(self.ask(51)), ("OK", "NOT_FOUND"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
