"""Callers who do not read what they are answered: what waits for them is bounded, for one connection and
in all, and given up after a time; others notice nothing. tests/attacks/run does it at full size."""

import os
import struct
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "attacks"))

from h2 import (  # noqa: E402
    DATA, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, RST_STREAM, WINDOW_UPDATE, Connection, call, frame,
    settings,
)
from harness import (  # noqa: E402
    ADA, KIND, SERVICE, Sandbox, batch_messages, closing, identity, messages, wait_until,
)
from prober import in_flight  # noqa: E402
from victim import HEDY, start, target_of  # noqa: E402

PREFIX = "profilecontext_answers_"
# What the server says of it.
OF_CONNECTION = b"too much waits on this connection"
GRACE = 0.050 if KIND == "plain" else 1.0


def calls(request, count, first=1, **options):
    return b"".join(call(stream, request, **options) for stream in range(first, first + 2 * count, 2))


def deaf(server):
    """A connection whose windows are shut, so that no message fits."""
    return Connection(server.address, values={INITIAL_WINDOW_SIZE: 0})


class Unread(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def serves_others(self, server):
        server.call("GetContext", messages.GetContextRequest(identity=identity(*ADA)), timeout=5)

    def test_a_connection_that_owes_too_much_gets_no_more_until_it_reads(self):
        with closing(start(self.sandbox, "--listen-max-connection-unread-bytes=128KiB")) as server:
            target = target_of(server)
            with deaf(server) as connection:
                connection.send(calls(target.large, 20))
                wait_until(lambda: server.metrics()[PREFIX + "refused_unread_total"] > 0, 10, "a refusal")
                wait_until(lambda: 1 < in_flight(server) < 10, 10, "those that were refused to have ended")
                # Refusals count too, until they have left.
                wait_until(lambda: server.metrics()[PREFIX + "unread_bytes"] < 128 << 10, 10, "no more to wait")
                self.serves_others(server)
                # A stream ends with the same when its first message does not fit.
                connection.send(call(101, batch_messages.BatchGetContextsRequest(
                    persons=[{"identity": identity(*HEDY)}], event_limit=1000).SerializeToString(),
                    SERVICE + "BatchGetContexts"))
                # It reads what it owes, and is served again.
                got, ended = {}, set()
                connection.send(settings({INITIAL_WINDOW_SIZE: 1 << 20}) +
                                frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 20)))
                for kind, flags, stream, payload in connection.frames(10):
                    if kind in (DATA, HEADERS):
                        got.setdefault(stream, b"")
                        got[stream] += payload
                    if kind in (HEADERS, RST_STREAM) and (flags & END_STREAM or kind == RST_STREAM):
                        ended.add(stream)
                    if len(ended) == 21:
                        break
                refused = {stream for stream, text in got.items() if OF_CONNECTION in text}
                self.assertEqual(len(got), 21)
                self.assertIn(101, refused)
                self.assertGreater(len(refused), 10)
                self.assertEqual(sum(len(text) > 10000 for text in got.values()), 21 - len(refused))
                wait_until(lambda: server.metrics()[PREFIX + "unread_bytes"] == 0, 10, "all to be read")
                connection.send(call(201, target.request))
                answered = [payload for kind, _, stream, payload in connection.frames(2)
                            if kind == DATA and stream == 201]
                self.assertTrue(answered)
            server.quit()

    def test_a_watch_that_may_be_sent_nothing_ends(self):
        with closing(start(self.sandbox, "--listen-max-connection-unread-bytes=128KiB")) as server:
            target = target_of(server)
            with deaf(server) as connection:
                connection.send(calls(target.large, 20))
                wait_until(lambda: server.metrics()[PREFIX + "refused_unread_total"] > 0, 10, "a refusal")
                connection.send(calls(b"", 60, first=101, path="/grpc.health.v1.Health/Watch"))
                ended = {}
                for kind, flags, stream, payload in connection.frames(10):
                    if kind == HEADERS and flags & END_STREAM and stream > 100:
                        ended[stream] = payload
                    if len(ended) >= 10:
                        break
                self.assertGreaterEqual(len(ended), 10)
                self.assertTrue(all(OF_CONNECTION in said for said in ended.values()))
            server.quit()

    def test_a_batch_that_may_be_sent_nothing_is_gathered_no_further(self):
        options = ["--listen-max-connection-unread-bytes=128KiB", "--defaults-deadline=30s",
                   "--upstream-timeout=30s", "--upstream-attempt-timeout=30s"]
        with closing(start(self.sandbox, *options)) as server:
            target = target_of(server)
            with deaf(server) as connection:
                connection.send(calls(target.large, 20))
                wait_until(lambda: server.metrics()[PREFIX + "refused_unread_total"] > 0, 10, "a refusal")
                self.sandbox.faults({"operations": {"*": {"hangRate": 1.0}}})
                self.addCleanup(self.sandbox.faults, {})
                # The first is answered from memory; the upstream never answers for the other.
                persons = [{"identity": identity(*HEDY)}, {"identity": identity("Email", "nobody@example.com")}]
                connection.send(call(101, batch_messages.BatchGetContextsRequest(
                    persons=persons, event_limit=1000).SerializeToString(), SERVICE + "BatchGetContexts"))
                ends = (payload for kind, flags, stream, payload in connection.frames(10)
                        if kind == HEADERS and flags & END_STREAM and stream == 101)
                self.assertIn(OF_CONNECTION, next(ends, b""))
            server.quit()

    def test_who_owes_most_is_closed_when_there_is_too_much_in_all(self):
        with closing(start(self.sandbox, "--listen-max-unread-bytes=1MiB")) as server:
            target = target_of(server)
            cut = "profilecontext_connections_cut_total"
            others = [deaf(server) for _ in range(10)]
            with deaf(server) as greedy:
                greedy.send(calls(target.large, 40))
                wait_until(lambda: server.metrics()[PREFIX + "refused_unread_total"] > 0, 10, "a refusal")
                # Who holds little is answered all the same.
                for connection in others:
                    connection.send(calls(target.large, 1))
                self.assertTrue(greedy.closed(10))
            wait_until(lambda: server.metrics()[PREFIX + "unread_bytes"] < 1 << 20, 10, "less to wait")
            self.assertEqual(server.metrics()[cut], 1)
            self.assertEqual(in_flight(server), len(others))
            self.serves_others(server)
            for connection in others:
                connection.close()
            wait_until(lambda: server.metrics()[PREFIX + "unread_bytes"] == 0, 10, "nothing to wait")
            server.quit()

    def test_who_cannot_be_closed_has_a_second_when_there_is_too_much_in_all(self):
        with tempfile.TemporaryDirectory() as folder:
            options = ["--listen-max-unread-bytes=1MiB", f"--listen-address=unix:{folder}/socket"]
            with closing(start(self.sandbox, *options)) as server:
                target = target_of(server)
                others = [deaf(server) for _ in range(10)]
                with deaf(server) as greedy:
                    greedy.send(calls(target.large, 40))
                    wait_until(lambda: server.metrics()[PREFIX + "refused_unread_total"] > 0, 10, "a refusal")
                    for connection in others:
                        connection.send(calls(target.large, 1))
                    wait_until(lambda: server.metrics()[PREFIX + "given_up_total"] > 0, 10, "some to be given up")
                    # Who holds little has the usual time; in the end that may be the greedy one's last answer.
                    wait_until(lambda: in_flight(server) <= len(others) + 1, 10, "the others to be")
                    self.assertGreaterEqual(in_flight(server), len(others))
                for connection in others:
                    connection.close()
                server.quit()

    def test_an_answer_that_nobody_reads_is_given_up(self):
        with closing(start(self.sandbox, "--listen-max-unread-time=1s")) as server:
            target = target_of(server)
            with deaf(server) as connection:
                connection.send(calls(target.large, 5))
                resets = 0
                for kind, _, _, _ in connection.frames(10):
                    resets += kind == RST_STREAM
                    if resets == 5:
                        break
                self.assertEqual(resets, 5)
            wait_until(lambda: in_flight(server) == 0, 10, "the calls to have ended")
            samples = server.metrics()
            self.assertEqual(samples[PREFIX + "given_up_total"], 5)
            self.assertEqual(samples[PREFIX + "unread_bytes"], 0)
            server.quit()

    def test_a_deadline_ends_an_answer_that_nobody_reads(self):
        with closing(start(self.sandbox)) as server:
            target = target_of(server)
            with deaf(server) as connection:
                took = []
                for stream in (1, 3, 5):  # a busy machine may see the end late
                    began = time.monotonic()
                    connection.send(call(stream, target.large, more=[("grpc-timeout", "700m")]))
                    ends = [time.monotonic() - began for kind, flags, _, _ in connection.frames(3)
                            if kind == RST_STREAM or kind == HEADERS and flags & END_STREAM]
                    self.assertTrue(ends)
                    took.append(ends[0])
                    if took[-1] < 0.7 + GRACE:
                        break
                self.assertLess(min(took), 0.7 + GRACE)
                wait_until(lambda: in_flight(server) == 0, 10, "the call to have ended")
                self.assertEqual(server.metrics()[PREFIX + "unread_bytes"], 0)
            server.quit()


if __name__ == "__main__":
    unittest.main()
