"""Clocks that jump. Durations and deadlines are counted on the monotonic clock, which nobody sets; the
wall clock is for what people and the upstream call a time. faketime moves the server's, in steps."""

import os
import glob
import subprocess
import tempfile
import threading
import time
import unittest

from case import Code, FaultCase, KIND, serving
from harness import Sandbox, closing, context_pb2, identity, messages, wait_until

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
CONTEXT = messages.GetContextRequest(
    identity=identity(), read_mask={"paths": ["profile", "segment_memberships"]})
OK = context_pb2.SECTION_STATUS_OK
JUMPS = ["+1h", "-1h", "+30d", "-30d", "+10y", "-10y", "+0"]


@unittest.skipUnless(LIBRARY and KIND == "plain", "needs faketime and no sanitizer")
class Clock(FaultCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.offset = os.path.join(self.folder.name, "offset")
        self.jump("+0")
        self.env = {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": self.offset,
            "FAKETIME_NO_CACHE": "1",
            # As a person or NTP would: the monotonic clock goes on.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def tearDown(self):
        self.folder.cleanup()

    def jump(self, by):
        with open(self.offset + ".new", "w") as file:
            file.write(by + "\n")
        os.rename(self.offset + ".new", self.offset)

    def test_the_jumps_are_seen(self):
        """Or the others would prove nothing."""
        self.jump("+10y")
        year = subprocess.run(["date", "+%Y"], env={**os.environ, **self.env}, text=True,
                              capture_output=True, check=True).stdout
        self.assertGreaterEqual(int(year), time.gmtime().tm_year + 9)

    def test_calls_go_on_and_deadlines_hold(self):
        # Who comes for the same person before the server has seen the other's end would join it.
        other = messages.GetProfileRequest(identity=identity("CRMID", "CRM-1003"))
        with closing(Sandbox()) as sandbox, serving(sandbox.url, env=self.env) as server:
            self.recovers(server)
            for by in JUMPS:
                self.jump(by)
                self.assertEqual(self.call(server).code, Code.OK, by)
                sandbox.faults({"operations": {"profile": {"hangRate": 1}}})
                outcome = self.call(server, timeout=0.3, request=other)
                self.assertEqual(outcome.code, Code.DEADLINE_EXCEEDED, by)
                sandbox.faults({})

    def test_a_jump_in_the_middle_of_a_call(self):
        with closing(Sandbox("--delay", "400")) as sandbox, \
                serving(sandbox.url, env=self.env) as server:
            self.recovers(server)
            for by in JUMPS:
                outcomes = []
                call = threading.Thread(target=lambda: outcomes.append(self.call(server, 3.0)))
                call.start()
                wait_until(lambda: sandbox.stats()["inFlight"] == 1, 10, "the request")
                self.jump(by)
                call.join()
                self.assertEqual(outcomes[0].code, Code.OK, by)
                self.assertLess(outcomes[0].took, 2.0, by)

    def test_what_is_remembered_neither_ages_nor_gets_younger(self):
        with closing(Sandbox()) as sandbox, \
                serving(sandbox.url, "--cache-max-bytes=4MiB", env=self.env) as server:
            self.call(server, method="GetContext", request=CONTEXT)
            sandbox.reset_stats()
            for by in JUMPS:
                self.jump(by)
                context = self.call(server, method="GetContext", request=CONTEXT).answer.context
                profile = next(s for s in context.sections
                               if s.section == context_pb2.SECTION_PROFILE)
                self.assertEqual(profile.status, OK, by)
                self.assertLess(profile.age.seconds, 60, by)
            seen = sandbox.stats()["operations"]["profile"]["requests"]
            self.assertEqual(seen, 0)

    def test_tokens_outlive_a_jump(self):
        with closing(Sandbox()) as sandbox, serving(sandbox.url, env=self.env) as server:
            self.recovers(server)
            for by in JUMPS:
                self.jump(by)
                self.assertEqual(self.call(server).code, Code.OK, by)
            self.assertEqual(sandbox.stats()["operations"]["token"]["requests"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
