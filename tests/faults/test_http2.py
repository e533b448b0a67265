"""What an upstream may do to HTTP/2 streams and connections."""

import concurrent.futures
import tempfile
import threading
import unittest

import h2.errors

from case import Code, FaultCase, earn_retries, person, serving
from harness import wait_until
from upstream import Certificates, Http2, PROFILE

REFUSED = h2.errors.ErrorCodes.REFUSED_STREAM


class Http2Faults(FaultCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.certificates = Certificates(cls.folder.name)
        cls.certificates.sign("upstream")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        self.answer = lambda stream: stream.reply()
        self.upstream = Http2(self.certificates.context("upstream"),
                              lambda stream: self.answer(stream))

    def tearDown(self):
        self.upstream.close()

    def server(self, *arguments):
        return serving(self.upstream.url, f"--upstream-ca-file={self.certificates.path('ca.crt')}",
                       *arguments)

    def once(self, fault):
        """The next stream meets the fault; those after it are answered."""
        lock = threading.Lock()
        met = []

        def answer(stream):
            with lock:
                first = not met
                met.append(stream.number)
            return fault(stream) if first else stream.reply()

        self.answer = answer
        return met

    FAULTS = {
        "REFUSED_STREAM": lambda s: s.reset(REFUSED),
        "INTERNAL_ERROR": lambda s: s.reset(h2.errors.ErrorCodes.INTERNAL_ERROR),
        "CANCEL": lambda s: s.reset(h2.errors.ErrorCodes.CANCEL),
        "ENHANCE_YOUR_CALM": lambda s: s.reset(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM),
        "half an answer, then a reset": lambda s: (s.reply(body=PROFILE[:30], end=False),
                                                   s.reset(h2.errors.ErrorCodes.INTERNAL_ERROR)),
        "half an answer, then the end of the connection":
            lambda s: (s.reply(body=PROFILE[:30], end=False), False)[1],
        "GOAWAY that leaves the stream out": lambda s: (s.go_away(s.id - 2), False)[1],
        "GOAWAY with an error": lambda s: (s.go_away(0, h2.errors.ErrorCodes.INTERNAL_ERROR),
                                           False)[1],
        "the end of the connection": lambda s: False,
    }

    def test_what_befalls_one_stream_is_not_seen(self):
        with self.server("--operator-address=127.0.0.1:0") as server:
            earn_retries(self, server, 100)
            with self.leaks_nothing(server):
                for name, fault in self.FAULTS.items():
                    met = self.once(fault)
                    outcome = self.call(server)
                    self.assertEqual(outcome.code, Code.OK, f"{name}: {outcome}")
                    self.assertEqual(len(met), 2, name)
            samples = server.metrics()
            self.assertEqual(samples["profilecontext_upstream_resent_total"], 1)  # what was refused
            print("retries by us:", int(sum(value for key, value in samples.items()
                                            if "upstream_retries_total" in key)),
                  "of", len(self.FAULTS))

    def test_without_retries_it_is_told_cleanly(self):
        with self.server("--upstream-retry-percent=0", "--breaker-failure-percent=0") as server:
            self.recovers(server)
            for name, fault in self.FAULTS.items():
                self.once(fault)
                outcome = self.call(server)
                # What the upstream has not begun libcurl may send over another connection.
                if outcome.code != Code.OK:
                    self.assertEqual(outcome.code, Code.UNAVAILABLE, name)
                    self.assertEqual(outcome.reason, "UPSTREAM_CONNECTION_LOST", name)
                self.assertEqual(self.recovers(server).code, Code.OK, name)

    def test_what_is_refused_is_sent_twice_and_no_more(self):
        """libcurl by itself would send it six times."""
        with self.server("--upstream-retry-percent=0", "--breaker-failure-percent=0",
                         "--operator-address=127.0.0.1:0") as server:
            self.recovers(server)
            self.answer = lambda stream: stream.reset(REFUSED)
            before = self.upstream.number
            outcomes = [self.call(server) for _ in range(10)]
            self.assertEqual({outcome.reason for outcome in outcomes}, {"UPSTREAM_CONNECTION_LOST"})
            self.assertEqual(self.upstream.number - before, 20)
            self.assertEqual(server.metrics()["profilecontext_upstream_resent_total"], 10)

    def test_every_stream_reset_for_ever(self):
        with self.server("--breaker-min-calls=10", "--breaker-open=200ms") as server:
            earn_retries(self, server, 5)
            self.answer = lambda stream: stream.reset(REFUSED)
            before = self.upstream.number
            codes = [self.call(server, 1.0).code for _ in range(50)]
            self.assertNotIn(Code.OK, codes)
            self.assertLessEqual(set(codes), {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED})
            print(f"50 calls, {self.upstream.number - before} streams, all refused")
            self.assertLess(self.upstream.number - before, 200)
            self.answer = lambda stream: stream.reply()
            self.recovers(server)

    def test_a_goaway_with_many_streams_under_way(self):
        """Those that it includes are answered; the others are sent again."""
        held = []
        lock = threading.Lock()

        def hold(stream):
            with lock:
                held.append(stream)

        with self.server("--upstream-retry-percent=100") as server:
            earn_retries(self, server, 20)
            self.answer = hold
            with concurrent.futures.ThreadPoolExecutor(20) as callers:
                pending = [callers.submit(self.call, server, request=person(i)) for i in range(20)]
                wait_until(lambda: len(held) == 20, 10, "20 streams")
                self.answer = lambda stream: stream.reply()
                by_connection = {}
                for stream in held:
                    by_connection.setdefault(id(stream.connection), []).append(stream)
                for streams in by_connection.values():
                    streams.sort(key=lambda s: s.id)
                    kept = streams[:len(streams) // 2 + 1]
                    for stream in kept:
                        stream.reply()
                    streams[0].go_away(kept[-1].id)
                codes = [call.result().code for call in pending]
            self.assertEqual(set(codes), {Code.OK})

    def test_a_stream_that_stalls_does_not_hold_the_others(self):
        stalled = []

        def stall_the_first(stream):
            if not stalled:
                stalled.append(stream)
            else:
                stream.reply()

        with self.server("--upstream-retry-percent=0") as server:
            self.recovers(server)
            self.answer = stall_the_first
            with concurrent.futures.ThreadPoolExecutor(1) as callers:
                pending = callers.submit(self.call, server, 1.0)
                wait_until(lambda: stalled, 10, "the first stream")
                for i in range(20):
                    self.assertEqual(self.call(server, 1.0, request=person(i)).code, Code.OK)
                self.assertEqual(pending.result().code, Code.DEADLINE_EXCEEDED)

    def test_a_connection_that_stalls_is_left_for_another(self):
        """The next try goes over a new one."""
        dead = []

        def stall_one_connection(stream):
            if not dead:
                dead.append(id(stream.connection))
            if id(stream.connection) not in dead:
                stream.reply()

        with self.server("--upstream-attempt-timeout=200ms") as server:
            earn_retries(self, server, 40)
            self.answer = stall_one_connection
            outcome = self.call(server, 3.0)
            self.assertEqual(outcome.code, Code.OK)
            self.assertLess(outcome.took, 1.0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
