"""Each allocation of our code fails in turn, in a whole server: a sample of those of its start, and of
every RPC. No crash, no leak (with the address sanitizer), each call has exactly one end, and the next one
finds the server well."""

import mmap
import os
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

import grpc

import harness
from harness import (
    ADA, MERGE_POLICY, Sandbox, Server, batch_messages, entity_messages, identity, messages,
    prefetch_messages, stream_messages, wait_until,
)

SEED = int(os.environ.get("PC_SEED", random.randrange(1 << 32)))
# More with PC_TORTURE=1000, which is all there are.
SAMPLE = int(os.environ.get("PC_TORTURE", 20))
PROGRAM = "profile-contextd-torture"


class Control:
    """What the server shares with us: how many allocations until one fails, made, and failed."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.write(struct.pack("3q", -1, 0, 0))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 24)

    def set(self, left):
        self.memory[:] = struct.pack("3q", left, 0, 0)

    def made(self):
        return struct.unpack("3q", self.memory)[1]

    def failed(self):
        return struct.unpack("3q", self.memory)[2]


class Torture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.random = random.Random(SEED)
        print(f"PC_SEED={SEED}")

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        path = os.path.join(self.folder, "control")
        self.control = Control(path)
        self.environment = {"PC_TORTURE_FILE": path}
        self.key = os.path.join(self.folder, "key")
        with open(self.key, "w") as file:
            file.write("0123456789abcdef")
        os.chmod(self.key, 0o600)
        self.options = [f"--audit-file={self.folder}/audit", f"--log-identity-key-file={self.key}",
                        f"--page-token-key-file={self.key}", "--operator-address=127.0.0.1:0",
                        "--allow-core-dumps"]  # the leak checker attaches to the process

    def sample(self, count):
        return sorted(self.random.sample(range(count), min(count, SAMPLE)))

    def server(self, *arguments):
        program = harness.program
        self.addCleanup(setattr, harness, "program", program)
        harness.program = lambda name: program(PROGRAM if name == "profile-contextd" else name)
        server = Server(self.sandbox.url, *self.options, *arguments, env={
            "PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET": "sandbox-secret", **self.environment})
        harness.program = program
        self.addCleanup(server.close)
        return server

    # ---- calls

    def calls(self, server):
        who = {"identity": identity(*ADA)}
        persons = {"persons": [who, {"identity": identity("Email", "nobody@example.com")}]}

        def unary(method, kind, **fields):
            return lambda: server.call(method, kind(**fields))

        def stream(method, kind, **fields):
            return lambda: list(server.stream(method, kind(**fields)))

        return {
            "GetContext": unary("GetContext", messages.GetContextRequest, **who),
            "GetContext with a mask": unary(
                "GetContext", messages.GetContextRequest, **who,
                read_mask={"paths": ["profile.person.name", "events.event_type"]}),
            "GetProfile": unary("GetProfile", messages.GetProfileRequest, **who),
            "ListEvents": unary("ListEvents", messages.ListEventsRequest, **who, page_size=1),
            "ListSegmentMemberships": unary(
                "ListSegmentMemberships", messages.ListSegmentMembershipsRequest, **who,
                page_size=1),
            "BatchGetProfiles": unary(
                "BatchGetProfiles", batch_messages.BatchGetProfilesRequest, **persons),
            "BatchGetContexts": stream(
                "BatchGetContexts", batch_messages.BatchGetContextsRequest, **persons),
            "StreamEvents": stream("StreamEvents", stream_messages.StreamEventsRequest, **who,
                                   page_size=1),
            "GetIdentities": unary("GetIdentities", entity_messages.GetIdentitiesRequest, **who),
            "GetEntity": unary("GetEntity", entity_messages.GetEntityRequest, **who,
                               schema="_xdm.context.account"),
            "PrefetchContexts": unary(
                "PrefetchContexts", prefetch_messages.PrefetchContextsRequest, **persons),
            "DeleteProfile": unary("DeleteProfile", entity_messages.DeleteProfileRequest, **who,
                                   sandbox="prod"),
            "a wrong request": unary("GetContext", messages.GetContextRequest, **who,
                                     read_mask={"paths": ["nothing"]}),
        }

    def code_of(self, call):
        try:
            self.said = ""
            call()
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            self.said = error.details()
            return error.code()

    def torture(self, server):
        calls = self.calls(server)
        places = 0
        for name, call in calls.items():
            usual = self.code_of(call)
            self.control.set(-1)
            call_again = self.code_of(call)
            self.assertEqual(call_again, usual, name)
            sample = self.sample(self.control.made() + 1)
            places += len(sample)
            for place in sample:
                self.control.set(place)
                code = self.code_of(call)
                where = f"{name}, allocation {place}, PC_SEED={SEED}"
                self.assertIsNone(server.popen.poll(), f"{where}\n{server.read_log()[-4000:]}")
                # A stream that runs out of memory for its next message is broken off.
                allowed = {usual, grpc.StatusCode.RESOURCE_EXHAUSTED}
                if "Stream" in name or name == "BatchGetContexts":
                    allowed.add(grpc.StatusCode.CANCELLED)
                self.assertIn(code, allowed, f"{where}: {self.said}")
                self.control.set(-1)
                self.assertEqual(self.code_of(call), usual, f"after {where}")
        self.control.set(-1)
        print(f"{places} allocations of {len(calls)} calls")
        server.quit()

    # ---- tests

    def test_calls_that_fetch(self):
        self.torture(self.server())

    def test_calls_from_memory(self):
        self.torture(self.server("--cache-max-bytes=64MiB"))

    def test_the_start(self):
        log = os.path.join(self.folder, "log")
        ready = os.path.join(self.folder, "ready")
        command = [
            harness.program(PROGRAM), "--listen-address=127.0.0.1:0",
            f"--listen-ready-file={ready}", f"--upstream-base-url={self.sandbox.url}",
            f"--upstream-ims-url={self.sandbox.url}", "--upstream-client-id=c",
            "--upstream-org-id=o", f"--upstream-merge-policy={MERGE_POLICY}", *self.options]
        environment = {**os.environ, **self.environment,
                       "PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET": "s"}

        def start(place):
            self.control.set(place)
            if os.path.exists(ready):
                os.unlink(ready)
            with open(log, "w") as file:
                process = subprocess.Popen(command, env=environment, stderr=file)
            try:
                wait_until(lambda: process.poll() is not None or os.path.exists(ready), 30,
                           "the start or its failure")
                if process.poll() is None:
                    process.terminate()
                code = process.wait(30)
            finally:
                process.kill()
            with open(log, errors="replace") as file:
                text = file.read()
            self.assertIn(code, (0, 1, 2), f"allocation {place}, PC_SEED={SEED}\n{text[-4000:]}")
            self.assertTrue(code == 0 or text, f"allocation {place}: ended without a word")
            return code

        self.assertEqual(start(-1), 0)
        codes = [start(place) for place in self.sample(self.control.made())]
        print(f"{len(codes)} allocations of the start")
        self.assertIn(1, codes)


if __name__ == "__main__":
    unittest.main(verbosity=2)
