"""A caller at ten times its quota, thousands of calls a second, and ten others who notice nothing.

PC_FAULTS_SECONDS makes it longer."""

import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
import unittest

import grpc

from case import KIND
from harness import SERVICE, Sandbox, Server, closing, identity, messages

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "attacks"))

from h2 import END_STREAM, HEADERS, RST_STREAM, WINDOW_UPDATE, Connection, call, frame  # noqa: E402

SECONDS = float(os.environ.get("PC_FAULTS_SECONDS", "3"))
QUOTA = 400 if KIND == "plain" else 40
OTHERS = 10
EACH = 20 if KIND == "plain" else 4  # calls of another one in a second
AT_ONCE = 50
# gRPC does not bear a fork.
PROCESSES = multiprocessing.get_context("spawn")
PERSONS = 20000


def request(number):
    return messages.GetContextRequest(identity=identity("CRMID", f"C{number:07}")).SerializeToString()


def shout(address, began, until, told):
    """The noisy one, as ten times its quota of calls in a second, some at once and evenly."""
    sent = refused = 0
    with Connection(address) as connection:
        connection.send(frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\x00\x00"))
        known = request(1)
        while time.monotonic() < until:
            first = 1 + 2 * sent
            connection.send(b"".join(call(stream, known, more=[("x-caller", "noisy")])
                                     for stream in range(first, first + 2 * AT_ONCE, 2)))
            sent += AT_ONCE
            ended = 0
            for kind, flags, _, payload in connection.frames(10):
                if kind == RST_STREAM or kind == HEADERS and flags & END_STREAM:
                    ended += 1
                    refused += b"CALLER_RATE_EXCEEDED" in payload or b"this caller may make" in payload
                if ended == AT_ONCE:
                    break
            ahead = began + sent / (10 * QUOTA) - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
    told.put((sent, refused))


class Other(threading.Thread):
    """One of the others: every second call is for somebody new."""

    def __init__(self, address, name, until):
        super().__init__()
        self.address, self.name, self.until = address, name, until
        self.times = []
        self.failures = []
        self.start()

    def run(self):
        number = PERSONS // OTHERS * int(self.name) + int(time.monotonic()) % 100 * 10
        with grpc.insecure_channel(self.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            ask = channel.unary_unary(SERVICE + "GetContext", lambda b: b, lambda b: b)
            due = time.monotonic()
            while due < self.until:
                time.sleep(max(0, due - time.monotonic()))
                number += len(self.times) % 2
                began = time.monotonic()
                try:
                    ask(request(number % PERSONS + 1), timeout=2, metadata=[("x-caller", self.name)])
                except grpc.RpcError as error:
                    self.failures.append(f"{error.code()}: {error.details()}")
                self.times.append(time.monotonic() - began)
                due += 1 / EACH


class Noisy(unittest.TestCase):
    def listen(self, address):
        """How long the calls of the others took, in milliseconds, and how they failed."""
        until = time.monotonic() + SECONDS
        others = [Other(address, str(i), until) for i in range(OTHERS)]
        for other in others:
            other.join()
        times = sorted(took * 1000 for other in others for took in other.times)
        return times, [failure for other in others for failure in other.failures]

    def test_a_caller_at_ten_times_its_quota_is_noticed_by_nobody(self):
        with tempfile.TemporaryDirectory() as folder, \
                closing(Sandbox("--generate", str(PERSONS))) as sandbox, closing(Server(
                    sandbox.url, f"--listen-address=unix:{folder}/door", "--cache-max-bytes=64MiB",
                    f"--door-caller-rate={QUOTA}", "--identity-mode=forwarded", "--log-level=error",
                    "--identity-forwarded-header=x-caller", "--identity-trust-unix-socket=true")) as server:
            quiet, failures = self.listen(server.address)
            self.assertEqual(failures, [])
            began = time.monotonic()
            told = PROCESSES.Queue()
            noisy = PROCESSES.Process(target=shout, args=(server.address, began, began + SECONDS, told))
            noisy.start()
            times, failures = self.listen(server.address)
            sent, refused = told.get(timeout=30)
            noisy.join()
            print(f"noisy: {sent / SECONDS:.0f}/s, {refused} of {sent} refused; others: {len(times)} calls, "
                  f"{len(failures)} failed, p99 {statistics.quantiles(times, n=100)[98]:.1f} ms, without the "
                  f"noise {statistics.quantiles(quiet, n=100)[98]:.1f} ms", file=sys.stderr)
            self.assertLessEqual(len(failures), len(times) / 1000, failures)
            self.assertLessEqual(sent - refused, 100 + QUOTA * SECONDS * 1.5)
            self.assertGreater(refused, 0)
            if KIND == "plain":
                self.assertGreater(refused, 3 * (sent - refused))


if __name__ == "__main__":
    unittest.main()
