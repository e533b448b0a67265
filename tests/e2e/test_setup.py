"""profilectl init and check: from nothing to a configuration whose every step is right, and what
they say when one is not."""

import http.server
import json
import os
import stat
import subprocess
import tempfile
import threading
import unittest

from harness import ADA, MERGE_POLICY, Sandbox, program

PERSON = f"{ADA[0]}:{ADA[1]}"


def run(*arguments, answers=None, env=None, cwd=None):
    return subprocess.run([program(arguments[0]), *arguments[1:]], input=answers, cwd=cwd,
                          env={**os.environ, **(env or {})}, capture_output=True, text=True,
                          timeout=60, check=False)


class Setup(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def init(self, *arguments, answers=None):
        given = ["--base-url", self.sandbox.url, f"--ims-url={self.sandbox.url}"]
        return run("profilectl", "init", *given, *arguments, answers=answers, cwd=self.folder)

    def write_secret(self, secret):
        with open(self.path("secret"), "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(secret + "\n")

    def configure(self, merge_policy=MERGE_POLICY, more=""):
        self.write_secret("sandbox-secret")
        done = self.init("--no-ask", "--client-id=sandbox-client", "--org-id=SANDBOX@AdobeOrg",
                         "--merge-policy", merge_policy, "--secret-file", self.path("secret"),
                         "--output", self.path("c.yaml"), "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("c.yaml"), "a") as file:
            file.write(more)

    def check(self, *arguments, person=PERSON, env=None):
        """The steps by name, and the exit code."""
        who = [person] if person else []
        done = run("profilectl", "check", *who, "--config", self.path("c.yaml"), "--json",
                   *arguments, env=env)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertNotIn("sandbox-secret", done.stdout + done.stderr)
        self.assertNotRegex(done.stdout, "(?i)ada|byron")
        return {step["step"]: step for step in json.loads(done.stdout)}, done.returncode


class Init(Setup):
    def test_it_asks_for_what_is_needed_and_the_server_takes_the_answers(self):
        answers = "\n".join(["", "sandbox-client", "", "", "SANDBOX@AdobeOrg", "", "bad\"one",
                             MERGE_POLICY, "127.0.0.1:0", "", "sandbox-secret"]) + "\n"
        done = self.init(answers=answers)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("This one is needed.", done.stdout)
        self.assertIn("Only printable characters", done.stdout)
        self.assertNotIn("sandbox-secret", done.stdout)
        secret = self.path("client-secret")
        self.assertEqual(stat.S_IMODE(os.stat(secret).st_mode), 0o600)
        with open(self.path("profile-contextd.yaml")) as file:
            text = file.read()
        self.assertNotIn("sandbox-secret", text)
        checked = run("profile-contextd", "--config", self.path("profile-contextd.yaml"),
                      "--check-config")
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        printed = run("profile-contextd", "--config", self.path("profile-contextd.yaml"),
                      "--print-config").stdout
        self.assertIn('client_id: "sandbox-client"  # file', printed)
        self.assertIn('sandbox: "prod"  # file', printed)

    def test_without_asking_what_is_missing_is_told(self):
        done = self.init("--no-ask", "--client-id=x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--org-id", done.stderr)
        for argument in ("--nonsense", "--client-id"):
            self.assertEqual(run("profilectl", "init", argument).returncode, 2)
        self.assertEqual(self.init("--no-ask", '--client-id=a"b').returncode, 2)
        self.assertEqual(self.init(answers="").returncode, 2)

    def test_what_is_there_is_not_written_over(self):
        arguments = ("--no-ask", "--client-id=a", "--org-id=b", "--merge-policy=c")
        self.assertEqual(self.init(*arguments).returncode, 0)
        again = self.init(*arguments)
        self.assertEqual(again.returncode, 1)
        self.assertIn("--force", again.stderr)
        self.assertEqual(self.init(*arguments, "--force").returncode, 0)


class Check(Setup):
    def test_all_is_right_with_the_sandbox(self):
        self.configure(more="insights:\n  - {name: first, path: person.name.firstName, "
                            "type: string, kind: label, direction: none}\n")
        steps, code = self.check()
        self.assertEqual({step["verdict"] for step in steps.values()}, {"ok"}, steps)
        self.assertEqual(code, 0)
        self.assertEqual(list(steps), [
            "connect_platform", "connect_ims", "token", "gateway", "merge_policy", "namespaces",
            "lookup", "events", "audiences", "insights", "clock", "latency"])
        self.assertGreater(steps["latency"]["ms"], 0)
        lines = run("profilectl", "check", "email:" + ADA[1], "--config", self.path("c.yaml"))
        self.assertEqual((lines.returncode, lines.stdout.count("\nok")), (0, 11), lines.stdout)

    def test_without_a_person_the_rest_is_checked(self):
        self.configure()
        steps, code = self.check(person=None)
        self.assertEqual(code, 0)
        for step in ("lookup", "events", "latency"):
            self.assertEqual(steps[step]["verdict"], "skipped")
        self.assertEqual(steps["merge_policy"]["verdict"], "ok")

    def failed(self, step, *arguments, verdict="failed", **options):
        steps, code = self.check(*arguments, **options)
        self.assertEqual(steps[step]["verdict"], verdict, steps)
        self.assertEqual(code, 1 if verdict == "failed" else 0)
        self.assertGreater(len(steps[step]["remedy"]), 30)
        return steps

    def test_a_wrong_secret_is_a_matter_of_the_credential(self):
        self.configure()
        self.write_secret("wrong")
        steps = self.failed("token")
        self.assertIn("developer console", steps["token"]["remedy"])
        self.assertEqual(steps["gateway"]["verdict"], "skipped")

    def test_a_wrong_sandbox_merge_policy_or_namespace_is_named(self):
        self.configure()
        self.failed("gateway", "--upstream-sandbox=nowhere")
        self.failed("gateway", "--upstream-org-id=OTHER@AdobeOrg")
        self.failed("merge_policy", "--upstream-merge-policy=none")
        self.failed("namespaces", person="Nonsense:1")
        self.failed("lookup", person="Email:nobody@example.com")

    def test_an_upstream_that_is_not_there_is_a_matter_of_the_network(self):
        self.configure()
        steps = self.failed("connect_platform", "--upstream-base-url=http://127.0.0.1:1")
        self.assertIn("DNS", steps["connect_platform"]["remedy"])
        self.assertEqual(steps["token"]["verdict"], "ok")

    def test_what_callers_only_miss_is_a_warning(self):
        self.configure(more="insights:\n  - {name: absent, path: _x.y, type: number, kind: score, "
                            "direction: none}\n")
        self.sandbox.faults({"operations": {
            "events": {"errorRate": 1.0, "errorStatus": 403},
            "audiences": {"errorRate": 1.0, "errorStatus": 403}}})
        steps = self.failed("events", verdict="warning")
        self.assertEqual(steps["insights"]["verdict"], "warning")
        self.assertEqual(steps["audiences"]["verdict"], "warning")
        self.assertIn("absent", steps["insights"]["detail"])

    def test_a_clock_that_is_wrong_shows(self):
        class Past(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def date_time_string(self, timestamp=None):
                return "Wed, 21 Oct 2015 07:28:00 GMT"

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Past)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.configure()
        url = f"http://127.0.0.1:{server.server_port}"
        self.failed("clock", f"--upstream-base-url={url}", f"--upstream-ims-url={url}")

    def test_misuse_is_told(self):
        for arguments in (["a:b", "c:d"], ["nonsense"], ["xid:1"]):
            done = run("profilectl", "check", *arguments)
            self.assertEqual(done.returncode, 2, arguments)
        for command in ("check", "init"):
            self.assertEqual(run("profilectl", command, "--help").returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
