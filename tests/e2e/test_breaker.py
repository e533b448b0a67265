"""What retries and the breaker are worth to callers and to an upstream in trouble."""

import concurrent.futures
import re
import time
import unittest

import grpc

from harness import Failure, Sandbox, Server, closing, context_pb2, identity, messages, wait_until

STALE = context_pb2.SECTION_STATUS_STALE
OK = context_pb2.SECTION_STATUS_OK
FAILED = context_pb2.SECTION_STATUS_FAILED
DOWN = {"operations": {"*": {"down": True}}}
REQUEST = messages.GetContextRequest(
    identity=identity(), read_mask={"paths": ["profile", "segment_memberships"]})
# Old at once, so that every hit is stale.
REMEMBERING = ("--cache-max-bytes=4MiB", "--cache-profile-fresh=1ms", "--cache-segments-fresh=1ms",
               "--cache-revalidate=1h")
QUICK = ("--breaker-min-calls=5", "--breaker-open=300ms", "--operator-address=127.0.0.1:0")


def state(server, host="entity"):
    return server.metrics()[f'profilecontext_upstream_breaker_state{{host="{host}"}}']


def requests(sandbox):
    wait_until(lambda: sandbox.stats()["inFlight"] == 0, 10, "no request in flight")
    operations = sandbox.stats()["operations"]
    return sum(operations[name]["requests"] for name in operations if name != "token")


class Breaker(unittest.TestCase):
    def fails(self, server, timeout=5):
        try:
            server.call("GetProfile", messages.GetProfileRequest(identity=identity()), timeout)
        except grpc.RpcError as error:
            return Failure(error)
        return None

    def open(self, server):
        def is_open():
            failure = self.fails(server)
            return failure is not None and failure.reason == "UPSTREAM_BREAKER_OPEN" and failure

        return wait_until(is_open, 10, "the breaker to open")

    def test_a_failing_host_is_left_alone_and_callers_are_told_when_to_come_again(self):
        with closing(Sandbox()) as sandbox, \
                closing(Server(sandbox.url, *QUICK, "--breaker-open=1h")) as server:
            self.assertIsNone(self.fails(server))
            sandbox.faults(DOWN)
            failure = self.open(server)
            self.assertEqual(failure.code, grpc.StatusCode.UNAVAILABLE)
            self.assertGreater(failure.retry_ms, 3500000)
            before = requests(sandbox)
            started = time.monotonic()
            for _ in range(200):
                self.assertEqual(self.fails(server).reason, "UPSTREAM_BREAKER_OPEN")
            took = time.monotonic() - started
            self.assertEqual(requests(sandbox), before)
            self.assertEqual(state(server), 1)
            self.assertEqual(state(server, "identity"), 0)
            self.assertGreaterEqual(
                server.metrics()['profilecontext_upstream_breaker_refused_total{host="entity"}'], 200)
            lines = re.findall(r'"upstream.breaker".*', server.read_log())
            self.assertEqual(len(lines), 1, lines)
            self.assertIn('"host":"entity","state":"open"', lines[0])
            print(f"{took / 200 * 1e6:.0f} us a refused call, seen by Python")
            server.quit()

    def test_it_closes_by_itself(self):
        with closing(Sandbox()) as sandbox, closing(Server(sandbox.url, *QUICK)) as server:
            sandbox.faults(DOWN)
            self.open(server)
            sandbox.faults({})
            wait_until(lambda: self.fails(server) is None, 10, "the breaker to let a call pass")
            wait_until(lambda: self.fails(server) is None and state(server) == 0, 10,
                       "the breaker to close")
            self.assertIn('"host":"entity","state":"closed"', server.read_log())
            changes = {to: server.metrics()[
                f'profilecontext_upstream_breaker_changes_total{{host="entity",state="{to}"}}']
                for to in ("open", "half_open", "closed")}
            self.assertEqual(changes["closed"], 1)
            self.assertEqual(changes["open"], changes["half_open"])
            server.quit()

    def test_stale_data_is_given_and_neither_refreshes_nor_names_load_the_upstream(self):
        """A thousand stale hits while the upstream is down: it sees those that open the breaker."""
        with closing(Sandbox()) as sandbox, \
                closing(Server(sandbox.url, *QUICK, *REMEMBERING, "--breaker-open=1h",
                               "--audiences-name-ttl=1ms", "--audiences-name-wait=0ms")) as server:
            context = server.call("GetContext", REQUEST).context
            self.assertTrue(all(s.status == OK for s in context.sections))
            sandbox.faults(DOWN)
            before = requests(sandbox)
            worst = 0
            with concurrent.futures.ThreadPoolExecutor(8) as callers:
                def ask(_):
                    started = time.monotonic()
                    context = server.call("GetContext", REQUEST).context
                    return time.monotonic() - started, [s.status for s in context.sections]

                for took, statuses in callers.map(ask, range(1000)):
                    self.assertEqual(set(statuses), {STALE})
                    worst = max(worst, took)
            seen = requests(sandbox) - before
            self.assertEqual(state(server), 1)
            self.assertLess(seen, 60)
            print(f"1000 stale contexts, {seen} upstream requests, the slowest took "
                  f"{worst * 1000:.0f} ms")
            server.quit()

    def test_an_upstream_that_never_answers_opens_it_too(self):
        with closing(Sandbox()) as sandbox, \
                closing(Server(sandbox.url, *QUICK, "--upstream-attempt-timeout=200ms",
                               "--breaker-open=1h")) as server:
            self.assertIsNone(self.fails(server))
            sandbox.faults({"operations": {"profile": {"hangRate": 1}}})
            with concurrent.futures.ThreadPoolExecutor(8) as callers:
                failures = list(callers.map(lambda _: self.fails(server, 1.5), range(8)))
            self.assertEqual({f.code for f in failures}, {grpc.StatusCode.DEADLINE_EXCEEDED})
            self.assertEqual(self.open(server).code, grpc.StatusCode.UNAVAILABLE)
            server.quit()

    def test_events_and_audiences_that_fail_alone_take_nothing_with_them(self):
        request = messages.GetContextRequest(
            identity=identity(), read_mask={"paths": ["profile", "events", "segment_memberships"]})
        for operation in ("events", "audiences"):
            with closing(Sandbox()) as sandbox, \
                    closing(Server(sandbox.url, *QUICK, "--breaker-open=1h")) as server:
                sandbox.faults({"operations": {operation: {"errorRate": 1, "errorStatus": 500}}})
                for _ in range(40):
                    context = server.call("GetContext", request).context
                    statuses = {s.section: s.status for s in context.sections}
                    self.assertEqual(statuses[context_pb2.SECTION_PROFILE], OK)
                self.assertEqual(state(server, operation), 1)
                self.assertEqual(state(server), 0)
                server.quit()

    def test_the_token_endpoint_has_its_own(self):
        with closing(Sandbox()) as sandbox, closing(Server(sandbox.url, *QUICK)) as server:
            sandbox.faults({"operations": {"token": {"down": True}}})
            self.assertEqual(self.fails(server).reason, "UPSTREAM_TOKEN_UNAVAILABLE")
            self.assertEqual(state(server, "token"), 1)
            self.assertEqual(state(server), 0)
            sandbox.faults({})
            wait_until(lambda: self.fails(server) is None, 10, "a token")
            self.assertEqual(state(server, "token"), 0)
            server.quit()


class Retries(unittest.TestCase):
    COUNT = 400

    def test_a_few_failures_are_not_seen_and_cost_a_tenth_at_most(self):
        failures = 0
        costs = 0
        with closing(Sandbox()) as sandbox, \
                closing(Server(sandbox.url, "--operator-address=127.0.0.1:0")) as server:
            for _ in range(20):
                server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
            sandbox.reset_stats()
            sandbox.faults({"operations": {"profile": {"errorRate": 0.05, "errorStatus": 503}}})
            for _ in range(self.COUNT):
                try:
                    _, trailers = server.call_with_cost(
                        "GetProfile", messages.GetProfileRequest(identity=identity()))
                except grpc.RpcError as error:
                    failures += 1
                    trailers = dict(error.trailing_metadata())
                costs += int(trailers["upstream-calls"])
            seen = requests(sandbox)
            samples = server.metrics()
            retries = samples['profilecontext_upstream_retries_total{reason="unavailable"}']
            # Without retries about 20 would have failed.
            self.assertLess(failures, 5)
            self.assertEqual(seen, costs)
            self.assertEqual(seen, self.COUNT + retries)
            self.assertLessEqual(retries, self.COUNT / 10 + 2)
            self.assertGreater(retries, 5)
            print(f"{self.COUNT} calls at 5 % 503: {failures} failed, {int(retries)} retries")
            server.quit()

    def test_a_storm_of_503_is_not_made_worse(self):
        with closing(Sandbox()) as sandbox, \
                closing(Server(sandbox.url, "--breaker-failure-percent=0")) as server:
            for _ in range(20):
                server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
            sandbox.reset_stats()
            sandbox.faults({"operations": {"profile": {"errorRate": 1, "errorStatus": 503}}})
            for _ in range(self.COUNT):
                server.fails("GetProfile", messages.GetProfileRequest(identity=identity()),
                             grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE")
            seen = requests(sandbox)
            self.assertLessEqual(seen, self.COUNT * 1.1 + 2)
            self.assertGreater(seen, self.COUNT)
            print(f"{self.COUNT} calls in a storm: {seen} upstream requests")
            server.quit()


if __name__ == "__main__":
    unittest.main(verbosity=2)
