"""A rule's bound on staleness holds for what a caller is given, not only for what it asks for: from
memory, in an outage, and where it shares a fetch with others."""

import threading
import time
import unittest

import grpc

from callers import Caller, Certificates, start
from harness import (
    ADA, Sandbox, batch_messages, context_pb2, identity, messages, prefetch_messages, stream_messages,
    wait_until,
)

BOUND_MS = 400
RULE = "rpcs: '*', sections: '*', namespaces: '*', sandboxes: '*', merge_policies: '*'"
POLICY = (f"callers:\n  - {{name: 'spiffe://test/all', {RULE}}}\n"
          f"  - {{name: 'spiffe://test/bounded', {RULE}, max_staleness: {{most: {BOUND_MS}ms}}}}\n"
          f"  - {{name: 'spiffe://test/fresh', {RULE}, max_staleness: {{most: 0s}}}}\n")
NAMES = ("all", "bounded", "fresh")


class Staleness(unittest.TestCase):
    def setUp(self):
        self.certificates = Certificates([f"spiffe://test/{name}" for name in NAMES])
        self.addCleanup(self.certificates.close)
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.server = start(self.sandbox.url, self.certificates, POLICY, "--cache-max-bytes=64MiB",
                            "--cache-profile-fresh=1h", "--cache-events-fresh=1h",
                            "--cache-insights-fresh=1h", "--cache-segments-fresh=1h",
                            "--cache-identities-fresh=1h")
        self.addCleanup(self.server.end_well)
        self.callers = {name: Caller(self.server, self.certificates, f"spiffe://test/{name}")
                        for name in NAMES}
        for caller in self.callers.values():
            self.addCleanup(caller.close)

    def context(self, caller, **fields):
        return self.callers[caller].call("GetContext", messages.GetContextRequest(
            identity=identity(*ADA), **fields)).context

    def oldest_ms(self, context):
        return max(info.age.ToMilliseconds() for info in context.sections)

    def grow_old(self):
        """Has data remembered that is older than the bound."""
        self.context("all")
        wait_until(lambda: min(info.age.ToMilliseconds() for info in self.context("all").sections)
                   > BOUND_MS, 10, "old data")

    def down(self, is_down):
        faults = {"operations": {"*": {"errorRate": 1.0, "errorStatus": 503}}} if is_down else {}
        self.sandbox.faults(faults)

    def test_older_data_is_fetched_anew(self):
        upstream, cache = context_pb2.SECTION_ORIGIN_UPSTREAM, context_pb2.SECTION_ORIGIN_CACHE

        def origins(caller):
            return {info.origin for info in self.context(caller).sections}

        for caller in ("bounded", "fresh"):
            self.grow_old()
            self.assertIn(cache, origins("all"))
            self.assertEqual(origins(caller), {upstream})
        # What is young enough is given from memory, but to whom none is.
        wait_until(lambda: origins("bounded") == {cache}, 10, "young data from memory")
        self.assertEqual(origins("fresh"), {upstream})

    def test_older_data_is_not_given_in_an_outage(self):
        self.grow_old()
        self.down(True)
        who = identity(*ADA)
        self.assertGreater(self.oldest_ms(self.context("all")), BOUND_MS)
        for caller in ("bounded", "fresh"):
            for method, request in (
                    ("GetContext", messages.GetContextRequest(identity=who)),
                    ("GetProfile", messages.GetProfileRequest(identity=who)),
                    ("ListEvents", messages.ListEventsRequest(identity=who)),
                    ("StreamEvents", stream_messages.StreamEventsRequest(identity=who)),
                    ("ListSegmentMemberships",
                     messages.ListSegmentMembershipsRequest(identity=who))):
                failure = self.callers[caller].refused(method, request)
                self.assertEqual(failure.code, grpc.StatusCode.UNAVAILABLE, (caller, method))
            for answer in self.callers[caller].call(
                    "BatchGetContexts",
                    batch_messages.BatchGetContextsRequest(persons=[{"identity": who}])):
                self.assertEqual(answer.error.code, grpc.StatusCode.UNAVAILABLE.value[0])

    def test_older_data_is_not_warm(self):
        self.grow_old()
        request = prefetch_messages.PrefetchContextsRequest(persons=[{"identity": identity(*ADA)}])
        state = self.callers["all"].call("PrefetchContexts", request).entries[0].state
        self.assertEqual(state, prefetch_messages.PREFETCH_STATE_WARM)
        state = self.callers["bounded"].call("PrefetchContexts", request).entries[0].state
        self.assertEqual(state, prefetch_messages.PREFETCH_STATE_STARTED)

    def test_a_fetch_that_began_too_early_is_not_shared(self):
        self.sandbox.faults({"operations": {"profile": {"delayMs": 4 * BOUND_MS}}})
        mask = {"paths": ["profile"]}
        began = time.monotonic()
        first = threading.Thread(target=self.context, args=("all",), kwargs={"read_mask": mask})
        first.start()
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 1, 10, "the first fetch")
        wait_until(lambda: time.monotonic() - began > 1.5 * BOUND_MS / 1000, 10, "it to be old")
        # Without a bound it would be joined.
        self.context("bounded", read_mask=mask)
        first.join()
        self.assertEqual(len([one for one in self.sandbox.recent() if one["operation"] == "profile"]), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
