"""The audit trail of a running server: a line for each access, none lost by kill -9, rotation or a full
disk but what the trail tells of; and profilectl audit verify."""

import concurrent.futures
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

import grpc

from harness import (
    ADA, SERVICE, Sandbox, Server, batch_messages, entity_messages, identity, messages,
    prefetch_messages, program, stream_messages, wait_until,
)

NOBODY = ("Email", "canary.nobody@example.com")


class Audit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.trail = os.path.join(self.folder, "audit")
        self.key = os.path.join(self.folder, "key")
        with open(self.key, "w") as file:
            file.write("a key of the identities' hashes\n")
        os.chmod(self.key, 0o600)

    def start(self, *arguments):
        server = Server(
            self.sandbox.url, f"--audit-file={self.trail}",
            f"--log-identity-key-file={self.key}", "--operator-address=127.0.0.1:0",
            "--log-format=json", *arguments
        )
        self.addCleanup(server.close)
        return server

    def lines(self, *names):
        found = []
        for name in names or [self.trail]:
            with open(name) as file:
                found += [json.loads(line) for line in file if line.endswith("\n")]
        return found

    def accesses(self, *names):
        return [line for line in self.lines(*names) if line["event"] in ("access", "refused")]

    def wait_for(self, count):
        return wait_until(lambda: len(self.accesses()) >= count and self.accesses(), 10,
                          f"{count} accesses in the trail")

    def verify(self, *arguments):
        run = subprocess.run(
            [program("profilectl"), "audit", "verify", "--json", *(arguments or [self.trail])],
            capture_output=True, text=True, timeout=30)
        self.assertEqual(run.stderr, "")
        return run.returncode, json.loads(run.stdout)

    def profile(self, server, **options):
        return server.call("GetProfile", messages.GetProfileRequest(identity=identity()), **options)

    def test_every_rpc_leaves_its_lines(self):
        server = self.start("--cache-max-bytes=64MiB")
        ada = {"identity": identity()}
        persons = [{"identity": identity()}, {"identity": identity(*NOBODY)}]
        server.call("GetContext", messages.GetContextRequest(
            **ada, read_mask={"paths": ["profile.person", "summary"]}),
            metadata=[("x-purpose", "service"), ("x-request-id", "first")])
        server.fails("GetProfile", messages.GetProfileRequest(identity=identity(*NOBODY)),
                     grpc.StatusCode.NOT_FOUND)
        server.fails("GetProfile", messages.GetProfileRequest(
            **ada, read_mask={"paths": ["ada.byron@example.com"]}),
            grpc.StatusCode.INVALID_ARGUMENT)
        server.fails("GetProfile", b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT)
        list(server.stream("StreamEvents", stream_messages.StreamEventsRequest(**ada)))
        list(server.stream("BatchGetContexts",
                           batch_messages.BatchGetContextsRequest(persons=persons)))
        server.call("BatchGetProfiles", batch_messages.BatchGetProfilesRequest(persons=persons))
        server.call("PrefetchContexts", prefetch_messages.PrefetchContextsRequest(persons=persons))
        server.call("GetIdentities", entity_messages.GetIdentitiesRequest(**ada))
        server.fails("DeleteProfile", entity_messages.DeleteProfileRequest(**ada, sandbox="prod"),
                     grpc.StatusCode.PERMISSION_DENIED)
        with self.assertRaises(grpc.RpcError):
            server.channel.unary_unary(SERVICE + "StealProfile")(b"", timeout=10)
        server.quit()
        # A call's line is left when all of the call is over, perhaps after the next one's.
        lines = self.accesses()
        of = {}
        for line in lines:
            of.setdefault(line["rpc"], []).append(line)
        first = of["GetContext"][0]
        self.assertEqual(
            {name: first[name] for name in ("purpose", "request_id", "code", "fields")},
            {"purpose": "service", "request_id": "first", "code": "OK",
             "fields": ["profile.person", "summary"]})
        self.assertEqual({name: section["status"] for name, section in first["sections"].items()},
                         {"profile": "OK", "summary": "OK"})
        self.assertGreaterEqual(first["sections"]["profile"]["age_ms"], 0)

        def ends(rpc):
            return sorted((line["code"], line.get("persons", -1), line.get("messages", -1))
                          for line in of[rpc])

        self.assertEqual(ends("GetProfile"), [("INVALID_ARGUMENT", -1, -1),
                                              ("INVALID_ARGUMENT", -1, -1), ("NOT_FOUND", -1, -1)])
        for line in of["GetProfile"]:
            self.assertNotIn("fields", line)
        self.assertEqual(ends("StreamEvents"), [("OK", -1, 1)])
        for rpc in ("BatchGetContexts", "BatchGetProfiles"):
            self.assertEqual(ends(rpc), [("NOT_FOUND", -1, -1), ("OK", -1, -1), ("OK", 2, -1)])
        self.assertEqual(ends("PrefetchContexts"), [("OK", -1, -1), ("OK", -1, -1), ("OK", 2, -1)])
        self.assertEqual(ends("GetIdentities"), [("OK", -1, -1)])
        self.assertEqual(ends("DeleteProfile"), [("PERMISSION_DENIED", -1, -1)])
        self.assertEqual([line["event"] for line in of["unknown"]], ["refused"])
        of_ada = {line["identity"] for line in lines if line["rpc"] in ("GetContext", "StreamEvents")}
        self.assertEqual(len(of_ada), 1)
        self.assertIn('"identity":"%s"' % of_ada.pop(), server.read_log())  # audit.delete_profile
        with open(self.trail) as file:
            self.assertNotIn("byron", file.read())
        self.assertEqual(self.verify()[0], 0)

    def test_kill_9_loses_no_line_that_was_there_and_the_chain_goes_on(self):
        server = self.start()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(self.profile, server) for _ in range(200)]
            self.wait_for(50)
            server.popen.kill()
            server.popen.wait()
            concurrent.futures.wait(calls)
        with open(self.trail, "rb") as file:
            before = file.read()
        with open(self.trail, "ab") as file:
            # As if it had been killed within a write.
            file.write(b'{"seq":9999,"time":"2026-01-01T00:00:00.000Z","event":"access","rpc":"Get')
        self.assertIn(self.verify()[0], (6, 7))
        server = self.start()
        self.profile(server)
        server.quit()
        with open(self.trail, "rb") as file:
            self.assertTrue(file.read().startswith(before))
        code, report = self.verify()
        self.assertEqual((code, report["result"]), (0, "WHOLE"), report)
        self.assertGreaterEqual(report["tornBytes"], 70)
        shown = self.shown()  # can all be read
        self.assertGreaterEqual(len(shown), 51)
        self.assertNotIn(9999, [line["seq"] for line in shown])

    def test_sighup_begins_a_new_file_and_the_anchors_of_the_log_are_in_the_trail(self):
        server = self.start()
        self.profile(server)
        self.wait_for(1)
        moved = self.trail + ".1"
        os.rename(self.trail, moved)
        server.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(self.trail), 10, "the new file")
        self.profile(server)
        server.quit()
        self.assertEqual(self.verify(moved, self.trail)[0], 0)
        self.assertEqual(len(self.accesses(moved, self.trail)), 2)
        anchors = re.findall(r'"audit.(?:ready|anchor)",.*"seq":(\d+),"hash":"(\w+)"',
                             server.read_log())
        self.assertEqual(len(anchors), 2)
        for sequence, digest in anchors:
            self.assertEqual(
                self.verify("--anchor", f"{sequence}:{digest}", moved, self.trail)[0], 0)
        self.assertEqual(self.verify("--anchor", f"{anchors[1][0]}:{anchors[1][1]}", moved)[0], 6)
        self.assertEqual(self.verify(self.trail, moved)[0], 6)

    def test_files_of_a_bounded_size_are_one_chain(self):
        server = self.start("--audit-rotate-bytes=20KiB")
        for _ in range(200):
            self.profile(server)
        server.quit()
        names = sorted(name for name in os.listdir(self.folder) if name.startswith("audit."))
        self.assertGreater(len(names), 1)
        files = [os.path.join(self.folder, name) for name in names] + [self.trail]
        code, report = self.verify(*files)
        self.assertEqual((code, report["accesses"]), (0, 200))

    def test_a_full_disk_fails_no_call_and_is_told(self):
        server = self.start()
        server.operator_address()
        pid = server.popen.pid
        # The log has the same bound, but grows more slowly.
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (60000, hard))
        for _ in range(160):
            self.profile(server)
        wait_until(lambda: server.metrics()["profilecontext_audit_failing"] == 1, 10, "the alarm")
        self.profile(server, timeout=5)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        self.wait_for(161)
        metrics = server.metrics()
        self.assertEqual(metrics["profilecontext_audit_failing"], 0)
        self.assertEqual(metrics["profilecontext_audit_dropped_total"], 0)
        self.assertIn("audit.failing", server.read_log())
        self.assertIn("audit.recovered", server.read_log())
        server.quit()
        code, report = self.verify()
        self.assertEqual((code, report["accesses"]), (0, 161))

    def test_a_trail_that_cannot_be_had_stops_the_start(self):
        with open(self.trail, "w") as file:
            file.write("something else\n")
        command = [program("profile-contextd"), "--sandbox", f"--audit-file={self.trail}",
                   "--listen-address=127.0.0.1:0"]
        key = f"--log-identity-key-file={self.key}"
        environment = {**os.environ, "PATH": os.path.dirname(program("entity-sandbox"))}
        for extra, code, said in ([[key], 1, "AUDIT_FILE_FOREIGN"],
                                  [[], 2, "needs log.identity_key_file"]):
            run = subprocess.run(command + extra, env=environment, capture_output=True, text=True,
                                 timeout=30)
            self.assertEqual(run.returncode, code, run.stderr)
            self.assertIn(said, run.stderr)

    def show(self, *arguments, code=0):
        run = subprocess.run([program("profilectl"), "audit", "show", *arguments],
                             capture_output=True, text=True, timeout=30)
        self.assertEqual(run.returncode, code, run.stderr)
        return run

    def shown(self, *arguments):
        return [json.loads(line)
                for line in self.show("--json", *arguments, self.trail).stdout.splitlines()]

    def test_the_lines_that_one_asks_for_are_shown(self):
        server = self.start()
        self.profile(server, metadata=[("x-purpose", "service")])
        server.fails("GetProfile", messages.GetProfileRequest(identity=identity(*NOBODY)),
                     grpc.StatusCode.NOT_FOUND)
        with self.assertRaises(grpc.RpcError):
            server.channel.unary_unary(SERVICE + "StealProfile")(b"", timeout=10)
        server.quit()
        lines = self.lines()
        accesses = self.accesses()
        self.assertEqual(self.shown(), accesses)
        # Of a person, by name and key, and by the hash that this finds.
        of_ada = [line for line in accesses if line.get("code") == "OK"]
        by_key = ("--person", f"email:{identity()['id']}", "--key-file", self.key)
        self.assertEqual(self.shown(*by_key), of_ada)
        self.assertEqual(self.shown("--identity", of_ada[0]["identity"]), of_ada)
        self.assertEqual(self.shown("--identity", "0" * 16), [])
        # Of an event, a caller, a time.
        self.assertEqual([line["event"] for line in self.shown("--event", "refused")], ["refused"])
        self.assertEqual(self.shown("--event", "open"), lines[:1])
        self.assertEqual(self.shown("--caller", ""), accesses)
        self.assertEqual(self.shown("--caller", "somebody"), [])
        self.assertEqual(self.shown("--since", "1h"), accesses)
        self.assertEqual(self.shown("--until", "1h"), [])
        second = accesses[1]["time"]
        self.assertEqual(self.shown("--until", second) + self.shown("--since", second), accesses)
        table = self.show(self.trail).stdout.splitlines()
        self.assertEqual(len(table), 1 + len(accesses))
        self.assertRegex(table[1], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +ipv4:127.0.0.1 +GetProfile +OK "
                                   r"+[0-9a-f]{16} +profile for service$")
        for wrong in (["--event", "nothing"], ["--identity", "x"], ["--person", "email:x"],
                      ["--since"], ["--nothing", "x"], ["--since", "sometimes"]):
            self.show(*wrong, self.trail, code=2)
        self.show(os.path.join(self.folder, "none"), code=1)
        # What somebody has changed is shown, but not as if it were the server's.
        with open(self.trail, "r+") as file:
            text = file.read().replace('"GetProfile"', '"GetContext"')
            file.seek(0)
            file.write(text)
        run = self.show(self.trail, code=6)
        self.assertIn("not what was written", run.stderr)
        self.assertIn("GetContext", run.stdout)

    def test_who_is_refused_has_a_line_and_what_is_denied_is_told_as_denied(self):
        policy = os.path.join(self.folder, "policy.yaml")
        with open(policy, "w") as file:
            file.write("callers:\n"
                       "  - {name: '', rpcs: GetContext, sections: profile, namespaces: '*',\n"
                       "     sandboxes: '*', merge_policies: '*', purposes: '*'}\n")
        server = self.start(f"--access-policy-file={policy}")
        denied = grpc.StatusCode.PERMISSION_DENIED
        server.fails("GetProfile", messages.GetProfileRequest(identity=identity()), denied)
        for path in ("/grpc.health.v1.Health/Check", "/no.Such/Method"):
            with self.assertRaises(grpc.RpcError):
                server.channel.unary_unary(path)(b"", timeout=10)
        server.call("GetContext", messages.GetContextRequest(
            identity=identity(), read_mask={"paths": ["profile", "events"]}))
        server.quit()
        lines = self.accesses()
        self.assertEqual(sorted((line["event"], line["rpc"], line["code"]) for line in lines), [
            ("access", "GetContext", "OK"),
            ("refused", "/grpc.health.v1.Health/Check", "PERMISSION_DENIED"),
            ("refused", "GetProfile", "PERMISSION_DENIED"),
            ("refused", "unknown", "UNIMPLEMENTED"),
        ])
        seen = [line for line in lines if line["event"] == "access"][0]
        self.assertRegex(seen["policy"], "^[0-9a-f]{12}$")
        self.assertEqual({name: section["status"] for name, section in seen["sections"].items()},
                         {"profile": "OK", "events": "DENIED"})
        self.assertEqual(self.verify()[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
