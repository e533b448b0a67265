"""More calls than can be served: what is served stays what it was, and the end of it is the end.
Figures at length: PC_OVERLOAD_SECONDS=30 python3 test_overload.py."""

import json
import os
import subprocess
import sys
import time
import unittest

import grpc

from harness import ADA, KIND, Sandbox, Server, closing, identity, messages, program, wait_until

SECONDS = float(os.environ.get("PC_OVERLOAD_SECONDS", "2"))
# The upstream bears so many calls at once, and takes its time for each: that is the capacity.
CONCURRENT = 16
DELAY_MS = 80
CAPACITY = CONCURRENT * 1000 / DELAY_MS
DEADLINE_MS = 500
HEDY = ("Email", "hedy.lamarr@example.com")  # has many events
CORES = sorted(os.sched_getaffinity(0))


class Overload(unittest.TestCase):
    def bench(self, server, *options):
        """GetProfile for somebody new each time."""
        run = subprocess.run(
            [program("profilectl"), "--server", server.address, "bench", "--id-template", "email:%d@example.com",
             "--id-count", "100000", "--method", "profile", "--mask", "person", "--connections", "2",
             "--deadline", f"{DEADLINE_MS}ms", "--duration", f"{SECONDS}s", "--warmup", "500ms", "--check", "none",
             "--json", *options],
            capture_output=True, text=True, timeout=120)
        self.assertTrue(run.stdout, run.stderr)
        return json.loads(run.stdout)

    @staticmethod
    def good(report):
        """Calls a second that were answered in time; that nobody is known by the name is an answer."""
        codes = {row["code"]: row["count"] for row in report["codes"]} if isinstance(
            report["codes"], list) else report["codes"]
        return (codes.get("OK", 0) + codes.get("NOT_FOUND", 0)) / report["seconds"]

    def test_what_is_served_stays_when_more_is_asked(self):
        with closing(Sandbox(f"--delay={DELAY_MS}")) as sandbox, closing(Server(
                sandbox.url, f"--budget-max-concurrent={CONCURRENT}", "--log-level=error")) as server:
            request = messages.GetProfileRequest(identity=identity(*ADA))
            server.call("GetProfile", request)
            peak = self.good(self.bench(server, "--in-flight", str(CONCURRENT)))
            print(f"peak {peak:.0f}/s", file=sys.stderr)
            for times in (2, 5):
                report = self.bench(server, "--rate", str(int(CAPACITY * times)))
                good = self.good(report)
                began = time.monotonic()
                server.call("GetProfile", request, timeout=10)
                back = time.monotonic() - began
                print(f"{times}x: {good:.0f}/s, {good / peak:.0%} of the peak; then served in {back:.2f} s",
                      file=sys.stderr)
                # 0.9 is what is wanted, and seen at length; the rest is for a short look on a busy machine.
                self.assertGreater(good, peak * (0.75 if KIND == "plain" else 0.4), report)
                self.assertLess(back, 5)

    @unittest.skipIf(KIND != "plain" or len(CORES) < 2, "no measure under sanitizers, or on one core")
    def test_what_is_served_stays_when_the_core_is_full(self):
        # The server has one core, and the load another. Answers that are compressed make the server work
        # 150 us for each, so that the load can be 5 times as much; all are from memory.
        wanted = {2: 0.5, 5: 0.12}
        with closing(Sandbox()) as sandbox, closing(Server(
                sandbox.url, "--cache-max-bytes=64MiB", "--cache-events=1000", "--listen-rpc-threads=1",
                "--defaults-event-limit-max=1000", "--listen-compression-min-bytes=1KiB",
                "--log-level=error")) as server:
            for thread in os.listdir(f"/proc/{server.popen.pid}/task"):
                os.sched_setaffinity(int(thread), {CORES[0]})
            request = messages.GetContextRequest(identity=identity(*HEDY), event_limit=1000)
            server.call("GetContext", request)

            def served():
                try:
                    return server.call("GetContext", request)
                except grpc.RpcError:
                    return None

            # Others may be using the cores: one good turn of three will do.
            for _ in range(3):
                peak = self.good(self.hits(server, "--in-flight", "64"))
                shares = {}
                for times in wanted:
                    shares[times] = self.good(self.hits(server, "--rate", str(int(peak * times)))) / peak
                    began = time.monotonic()
                    wait_until(served, 5, "a call to be served after the overload")
                    print(f"full core, {times}x: {shares[times]:.0%} of {peak:.0f}/s; then served in "
                          f"{time.monotonic() - began:.2f} s", file=sys.stderr)
                if all(shares[times] > share for times, share in wanted.items()):
                    return
            self.fail(f"of the peak: {shares}, wanted {wanted}")

    @staticmethod
    def hits(server, *options):
        """GetContext of one who is known, from another core than the server's."""
        run = subprocess.run(
            [program("profilectl"), "--server", server.address, "bench", "email:" + HEDY[1], "--event-limit",
             "1000", "--connections", "8", "--deadline", f"{DEADLINE_MS}ms", "--duration", f"{SECONDS}s",
             "--warmup", "500ms", "--check", "none", "--json", *options],
            capture_output=True, text=True, timeout=120,
            preexec_fn=lambda: os.sched_setaffinity(0, {CORES[1]}))
        return json.loads(run.stdout)


if __name__ == "__main__":
    unittest.main()
