"""What the network between the server and the upstream may do."""

import concurrent.futures
import random
import time
import unittest

from case import Code, FaultCase, SEED, earn_retries, person, serving
from harness import Sandbox, context_pb2, identity, messages, wait_until
from proxy import Fault, FaultProxy

NEVER_OPEN = "--breaker-failure-percent=0"
NO_RETRY = "--upstream-retry-percent=0"
CONTEXT = messages.GetContextRequest(
    identity=identity(), read_mask={"paths": ["profile", "segment_memberships"]})
STALE = context_pb2.SECTION_STATUS_STALE


class Network(FaultCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox("--generate", "50")
        cls.proxy = FaultProxy(cls.sandbox.port, SEED)

    @classmethod
    def tearDownClass(cls):
        cls.proxy.close()
        cls.sandbox.end_well()

    def setUp(self):
        self.sandbox.faults({})
        self.proxy.set()

    def test_five_seconds_late(self):
        """Callers are told at their deadline; with something remembered they get it."""
        with serving(self.proxy.url, "--cache-max-bytes=4MiB", "--cache-profile-fresh=1ms",
                     "--cache-segments-fresh=1ms", "--cache-revalidate=0s",
                     "--defaults-answer-margin=50ms") as server:
            self.call(server, method="GetContext", request=CONTEXT)
            other = messages.GetProfileRequest(identity=identity("CRMID", "CRM-1003"))
            self.proxy.set(Fault(delay=5))
            for timeout in (0.3, 0.6):
                outcome = self.call(server, timeout, "GetContext", CONTEXT)
                self.assertEqual(outcome.code, Code.OK)
                self.assertEqual({s.status for s in outcome.answer.context.sections}, {STALE})
                unknown = self.call(server, timeout, request=other)
                self.assertEqual(unknown.code, Code.DEADLINE_EXCEEDED)
            self.proxy.set()
            self.proxy.drop()
            self.recovers(server)

    def test_connections_refused_reset_cut_or_stalled(self):
        faults = {
            "refused": Fault(refuse=True),
            "reset before a byte": Fault(reset_at=0),
            "reset in the head": Fault(reset_at=20),
            "reset in the body": Fault(reset_at=600),
            "closed before a byte": Fault(cut_at=0),
            "closed in the head": Fault(cut_at=20),
            "closed in the body": Fault(cut_at=600),
            "stalled before a byte": Fault(stall_at=0),
            "stalled in the body": Fault(stall_at=600),
        }
        with serving(self.proxy.url, NO_RETRY, NEVER_OPEN) as server:
            self.recovers(server)
            with self.leaks_nothing(server):
                for name, fault in faults.items():
                    self.proxy.set(fault)
                    self.proxy.drop()
                    outcome = self.call(server, timeout=0.5)
                    expected = Code.DEADLINE_EXCEEDED if "stalled" in name else Code.UNAVAILABLE
                    self.assertEqual(outcome.code, expected, name)
                    self.proxy.set()
                    self.proxy.drop()
                    self.assertEqual(self.recovers(server).code, Code.OK, name)

    def test_the_same_once_is_not_seen(self):
        faults = [Fault(reset_at=0), Fault(reset_at=600), Fault(cut_at=20), Fault(cut_at=600),
                  Fault(stall_at=0), Fault(stall_at=600)]
        with serving(self.proxy.url, "--upstream-attempt-timeout=200ms",
                     "--operator-address=127.0.0.1:0") as server:
            earn_retries(self, server, 80)
            for fault in faults:
                # Each answer is struck but those to the second try.
                struck = self.proxy.struck
                self.proxy.set(fault)
                with concurrent.futures.ThreadPoolExecutor(1) as calls:
                    pending = calls.submit(self.call, server)
                    wait_until(lambda: self.proxy.struck > struck, 10, "the answer to be struck")
                    self.proxy.set()
                    self.assertEqual(pending.result().code, Code.OK, fault)
            samples = server.metrics()
            self.assertGreaterEqual(samples["profilecontext_upstream_retries_won_total"],
                                    len(faults))

    def test_an_answer_cut_anywhere_is_never_half_an_answer(self):
        """The places between are those of test_cuts.c."""
        with serving(self.proxy.url, NO_RETRY, NEVER_OPEN) as server:
            whole = self.recovers(server).answer
            dice = random.Random(SEED)
            places = [*range(0, 240, 24), *sorted(dice.sample(range(240, 1500), 40))]
            for place in places:
                self.proxy.set(Fault(cut_at=place))
                outcome = self.call(server)
                self.assertEqual(outcome.code, Code.UNAVAILABLE,
                                 f"cut at {place}, PC_FAULTS_SEED={SEED}")
                self.proxy.set()
            self.assertEqual(self.recovers(server).answer.profile, whole.profile)

    def test_corrupt_bytes_do_no_harm(self):
        allowed = {Code.OK, Code.UNAVAILABLE, Code.INTERNAL, Code.NOT_FOUND, Code.DEADLINE_EXCEEDED,
                   Code.RESOURCE_EXHAUSTED, Code.PERMISSION_DENIED, Code.INVALID_ARGUMENT,
                   Code.FAILED_PRECONDITION}
        with serving(self.proxy.url, NO_RETRY, NEVER_OPEN) as server:
            self.recovers(server)
            for place in range(0, 900, 13):
                self.proxy.set(Fault(corrupt_at=place))
                outcome = self.call(server, timeout=0.3)
                self.assertIn(outcome.code, allowed, f"byte {place}")
            self.proxy.set()
            self.proxy.drop()
            self.recovers(server)

    def test_a_slow_line(self):
        with serving(self.proxy.url, "--upstream-attempt-timeout=300ms", NO_RETRY) as server:
            self.recovers(server)
            self.proxy.set(Fault(rate=8000))
            # It is slow, not silent.
            outcome = self.call(server, timeout=4)
            self.assertEqual(outcome.code, Code.OK)
            self.assertEqual(self.call(server, timeout=0.05).code, Code.DEADLINE_EXCEEDED)

    def test_all_connections_break_under_load(self):
        with serving(self.proxy.url, NEVER_OPEN) as server:
            self.recovers(server)
            with self.leaks_nothing(server, slack=70):
                self.proxy.set(Fault(delay=0.05, jitter=0.1))
                with concurrent.futures.ThreadPoolExecutor(32) as callers:
                    pending = [callers.submit(self.call, server, 2.0, request=person(i % 50 + 1))
                               for i in range(300)]
                    while not all(call.done() for call in pending):
                        wait_until(lambda: self.proxy.connections() > 4 or pending[-1].done(), 10,
                                   "connections")
                        time.sleep(0.1)
                        self.proxy.drop()
                    codes = [call.result().code for call in pending]
                self.assertLessEqual(set(codes), {Code.OK, Code.UNAVAILABLE})
                self.assertGreater(codes.count(Code.OK), 50)
                self.proxy.set()
                self.recovers(server)

    def test_three_of_ten_answers_are_errors(self):
        """Neither a storm of retries nor an open breaker; what is remembered fills the gaps."""
        count = 300
        request = CONTEXT
        with serving(self.sandbox.url, "--operator-address=127.0.0.1:0") as server, \
                serving(self.sandbox.url, "--cache-max-bytes=4MiB", "--cache-profile-fresh=1ms",
                        "--cache-segments-fresh=1ms") as remembering:
            earn_retries(self, server)
            self.call(remembering, method="GetContext", request=request)
            self.sandbox.reset_stats()
            self.sandbox.faults({"operations": {"profile": {"errorRate": 0.3, "errorStatus": 503}}})
            codes = [self.call(server).code for _ in range(count)]
            wait_until(lambda: self.sandbox.stats()["inFlight"] == 0, 10, "calm")
            seen = self.sandbox.stats()["operations"]["profile"]["requests"]
            good = codes.count(Code.OK)
            self.assertLessEqual(set(codes), {Code.OK, Code.UNAVAILABLE})
            self.assertGreater(good, count * 0.7)
            self.assertLessEqual(seen, count * 1.1 + 4)
            state = server.metrics()['profilecontext_upstream_breaker_state{host="entity"}']
            self.assertEqual(state, 0)
            for _ in range(count):
                outcome = self.call(remembering, method="GetContext", request=request)
                self.assertEqual(outcome.code, Code.OK)
                self.assertTrue(outcome.answer.context.profile.person.name.first_name)
            print(f"30 % 503: {good} of {count} calls good for {seen} upstream requests, "
                  f"{count} of {count} with what is remembered")


if __name__ == "__main__":
    unittest.main(verbosity=2)
