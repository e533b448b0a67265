"""SIGTERM under load: no call that was sent to the server fails, however often. PC_SHUTDOWN_TIMES
makes it more often."""

import os
import signal
import sys
import threading
import time
import unittest

import grpc

from harness import ADA, SERVICE, Sandbox, Server, identity, messages, wait_until

TIMES = int(os.environ.get("PC_SHUTDOWN_TIMES", "6"))
CALLERS = 4
# What a client says when it could not even connect: that call was never ours.
NEVER_SENT = ("failed to connect", "Failed to connect", "Connection refused", "Endpoint read failed")


class Caller(threading.Thread):
    """Calls one after the other, hits and misses, until its server has gone."""

    def __init__(self, address, number, method, request):
        super().__init__(daemon=True)
        self.channel = grpc.insecure_channel(
            address, [("grpc.use_local_subchannel_pool", 1), ("caller", number)])
        self.ask = self.channel.unary_unary(SERVICE + method, lambda b: b, lambda b: b)
        self.request = request
        self.answered = 0
        self.lost = None
        self.gone = False

    def run(self):
        while not self.gone and self.lost is None:
            try:
                self.ask(self.request, timeout=20)
                self.answered += 1
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.UNAVAILABLE and any(
                        text in error.details() for text in NEVER_SENT):
                    self.gone = True
                else:
                    self.lost = f"{error.code()}: {error.details()}"
        self.channel.close()


class Shutdown(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox("--delay=20")

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def start(self):
        # Only of Ada all is remembered; the others are misses that take a while.
        return Server(self.sandbox.url, "--cache-max-bytes=64MiB", "--log-level=warn")

    def test_sigterm_under_load_fails_no_call_that_was_sent(self):
        hit = messages.GetContextRequest(identity=identity(*ADA)).SerializeToString()
        miss = messages.GetContextRequest(
            identity=identity("Email", "mei.lin@example.com"), max_staleness={}).SerializeToString()
        for turn in range(TIMES):
            with self.subTest(turn=turn):
                server = self.start()
                try:
                    callers = [
                        Caller(server.address, number, "GetContext", hit if number % 2 else miss)
                        for number in range(CALLERS)]
                    for caller in callers:
                        caller.start()
                    wait_until(lambda: all(c.answered > 5 or c.lost for c in callers), 20, "the load")
                    server.popen.send_signal(signal.SIGTERM)
                    began = time.monotonic()
                    for caller in callers:
                        caller.join(30)
                        self.assertFalse(caller.is_alive(), "a caller still waits")
                        self.assertIsNone(caller.lost)
                    self.assertEqual(server.popen.wait(30), 0, server.read_log())
                    self.assertLess(time.monotonic() - began, 15)
                finally:
                    server.close()

    def test_sigterm_does_not_wait_for_those_who_say_nothing(self):
        server = self.start()
        try:
            server.call("GetContext", messages.GetContextRequest(identity=identity(*ADA)))
            began = time.monotonic()
            self.assertEqual(server.stop(), 0)
            # Its channel is still there; Python's answers nothing while it is idle.
            self.assertLess(time.monotonic() - began, 10)
        finally:
            server.close()

    def test_killed_it_serves_again_at_once(self):
        server = self.start()
        address = server.address
        server.stop(signal.SIGKILL)
        server.close()
        began = time.monotonic()
        again = Server(self.sandbox.url, f"--listen-address={address}")
        try:
            again.call("GetContext", messages.GetContextRequest(identity=identity(*ADA)))
            took = time.monotonic() - began
        finally:
            again.close()
        print(f"served again {took:.2f} s after the start", file=sys.stderr)
        self.assertLess(took, 5.0)  # 0.1 s on an idle machine


if __name__ == "__main__":
    unittest.main()
