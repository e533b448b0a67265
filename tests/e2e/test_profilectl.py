"""profilectl, as people and scripts use it, against a server and an entity sandbox."""

import csv
import json
import os
import pty
import re
import signal
import subprocess
import tempfile
import time
import unittest

from harness import KIND, Sandbox, Server, program, wait_until

ADA = "email:ada.byron@example.com"
LONG = 20 if KIND == "plain" else 60


class Profilectl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox("--generate-events", "3000")
        cls.server = Server(
            cls.sandbox.url,
            f"--upstream-identity-url={cls.sandbox.url}",
            "--access-delete-profiles",
            "--batch-parallel=4",
            "--summary-case-id-path=_exampletenant.case.id",
            "--summary-case-status-path=_exampletenant.case.status",
        )

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()
        cls.server.end_well()

    def setUp(self):
        self.sandbox.faults({})
        self.sandbox.reset_stats()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w") as file:
                file.write(text)
        return path

    def run_it(self, *arguments, code=0, stdin="", **environment):
        done = subprocess.run(
            [program("profilectl"), *arguments],
            env={**os.environ, "PROFILECTL_SERVER": self.server.address, **environment},
            input=stdin, capture_output=True, text=True, timeout=LONG * 5, check=False,
        )
        self.assertEqual(done.returncode, code, done.stdout[-2000:] + done.stderr)
        return done

    def test_context_begins_with_what_an_agent_needs(self):
        text = self.run_it("context", ADA).stdout
        glance = text.split("At a glance")[1].split("Who")[0]
        self.assertIn("3 for 613.40 EUR, last", glance)
        self.assertIn("CASE-901", glance)
        self.assertIn("May be contacted by   email, call, postalMail", glance)
        self.assertIn("Must not be by        push, sms", glance)

    def test_context_has_as_many_events_as_asked(self):
        asked = ("context", "crmid:C-EVENTS", "--event-limit", "3", "--json")
        self.assertEqual(len(json.loads(self.run_it(*asked).stdout)["context"]["events"]), 3)
        path = self.path("list", "crmid:C-EVENTS\n")
        line = self.run_it("batch", path, "--event-limit", "2").stdout
        self.assertEqual(len(json.loads(line)["context"]["events"]), 2)

    def test_identities_come_from_the_graph(self):
        self.assertIn("the identity graph", self.run_it("identities", ADA).stdout)
        answer = json.loads(self.run_it("identities", ADA, "--json").stdout)
        self.assertEqual(answer["source"], "IDENTITY_SOURCE_GRAPH")
        self.assertEqual(len(answer["identities"]), 5)

    def test_entity_shows_an_account(self):
        text = self.run_it("entity", "account", "b2b_account:2334262").stdout
        self.assertIn("_xdm.context.account\n", text)
        self.assertIn("Document\n{\n", text)
        missing = self.run_it("entity", "account", "b2b_account:0", code=3)
        self.assertIn("ENTITY_NOT_FOUND", missing.stderr)

    def test_events_of_a_type_and_with_a_property(self):
        def types(*more):
            lines = self.run_it("events", ADA, "--follow-pages", "--json", *more).stdout.splitlines()
            return [json.loads(line)["eventType"] for line in lines]

        self.assertEqual(types("--event-type", "commerce.purchases"), ["commerce.purchases"] * 3)
        self.assertEqual(
            types("--event-type=commerce.purchases", "--filter", "commerce.order.priceTotal>200"),
            ["commerce.purchases"],
        )
        self.assertEqual(len(types("--filter", "commerce.order.currencyCode=USD")), 0)

    def test_all_pages_are_followed_and_the_cost_is_told(self):
        done = self.run_it(
            "events", "crmid:C-EVENTS", "--follow-pages", "--json", "--page-size", "500", "--cost",
            "--mask", "event_id",
        )
        ids = {json.loads(line)["_id"] for line in done.stdout.splitlines()}
        self.assertEqual(len(ids), 3000)
        cost = re.fullmatch(r"cost: (\d+) upstream calls, [\d.]+ kB from the upstream, \d+ ms in the server\n", done.stderr)
        self.assertIsNotNone(cost, done.stderr)
        self.assertGreaterEqual(int(cost.group(1)), 6)

    def test_a_page_says_how_to_go_on(self):
        asked = ["events", "crmid:C-EVENTS", "--page-size", "500", "--until", "1m", "--since", "9000d"]
        first = self.run_it(*asked)
        hint = re.search(r"or (--page-token .*)", first.stdout).group(1).split()
        rest = self.run_it(*asked[:4], "--follow-pages", "--json", *hint)
        self.assertEqual(len(rest.stdout.splitlines()), 2500)

    def test_a_stream_that_fails_says_how_to_go_on(self):
        arguments = ["events", "crmid:C-EVENTS", "--page-size", "500", "--follow-pages", "--json"]
        self.sandbox.faults({"operations": {"events": {"errorRate": 0.5, "errorStatus": 503}}})
        shown = 0
        token = []
        for attempt in range(60):
            done = subprocess.run(
                [program("profilectl"), "--server", self.server.address, *arguments, *token],
                capture_output=True, text=True, timeout=LONG, check=False,
            )
            shown += len(done.stdout.splitlines())
            if done.returncode == 0:
                break
            self.assertEqual(done.returncode, 5, done.stderr)
            found = re.search(r"go on with (--page-token) (\S+)", done.stderr)
            if found:
                token = list(found.groups())
            self.assertEqual(found is None, done.stdout == "")
        self.assertEqual(shown, 3000)

    def test_delete_asks_first(self):
        refused = self.run_it("delete", "email:mei.lin@example.com", "--sandbox", "prod", code=2)
        self.assertIn("give --yes", refused.stderr)
        self.run_it("delete", "email:mei.lin@example.com", code=2)
        self.assertEqual(self.sandbox.recent(), [])
        done = self.run_it("delete", "email:mei.lin@example.com", "--sandbox", "prod", "--yes")
        self.assertIn("deletes the profile later", done.stdout)
        self.run_it("profile", "email:mei.lin@example.com", code=3)

    def test_batch_answers_every_line_once(self):
        people = [ADA, "email:nobody@example.com", "phone:+15550100", "crmid:CRM-1003"] * 25
        path = self.path("list", "\n".join(people) + "\n")
        done = self.run_it("batch", path, "--chunk-size", "30")
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(sorted(answer["line"] for answer in answers), list(range(1, 101)))
        for answer in answers:
            self.assertEqual(answer["who"], people[answer["line"] - 1])
            self.assertEqual("error" in answer, answer["line"] % 4 == 2)
        self.assertEqual(done.stderr, "100 answered, 25 not found\n")

    def test_a_list_from_standard_input_becomes_a_table(self):
        done = self.run_it("batch", "--namespace", "crmid", "--format", "csv",
                           stdin="# ids\nCRM-1001\n\nCRM-0\n")
        rows = {row["line"]: row for row in csv.DictReader(done.stdout.splitlines())}
        self.assertEqual(sorted(rows), ["2", "4"])
        self.assertIn("Ada", rows["2"].values())
        self.assertIn("NOT_FOUND", " ".join(rows["4"].values()))
        self.assertEqual(done.stderr, "2 answered, 1 not found\n")

    def test_batch_of_profiles_costs_few_calls(self):
        path = self.path("list.csv", "who,namespace,id\n" + 'x,"email",ada.byron@example.com\n' * 50)
        done = self.run_it("batch", path, "--profiles", "--format", "csv")
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 51)
        self.assertIn('"Ada","Byron"', lines[1])
        requests = [r for r in self.sandbox.recent() if "entities" in r["path"]]
        self.assertEqual(len(requests), 1)

    def test_batch_asks_again_what_fails_in_passing(self):
        self.sandbox.faults({"operations": {"*": {"errorRate": 0.3, "errorStatus": 503}}})
        path = self.path("list", f"{ADA}\n" * 40)
        done = self.run_it("batch", path, "--retries", "8", "--mask", "profile")
        self.assertEqual(len(done.stdout.splitlines()), 40)
        self.assertEqual(done.stderr, "40 answered\n")

    def test_bad_lines_end_the_run_or_are_passed_over(self):
        path = self.path("list", f"{ADA}\nbroken\n{ADA}\n")
        stopped = self.run_it("batch", path, code=2)
        self.assertIn("line 2: ", stopped.stderr)
        self.assertEqual(len(stopped.stdout.splitlines()), 1)
        passed = self.run_it("batch", path, "--skip-bad")
        self.assertEqual(passed.stderr, "2 answered, 1 bad line\n")

    def test_an_interrupted_batch_is_resumed(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 50}}})
        count = 400
        path = self.path("list", "".join(f"crmid:X-{i}\n" for i in range(count)))
        out = self.path("answers")
        arguments = [program("profilectl"), "--server", self.server.address, "batch", path,
                     "--output", out, "--mask", "profile", "--chunk-size", "20"]
        with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: os.path.exists(out) and os.path.getsize(out) > 0, LONG, "answers")
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=LONG)
        self.assertEqual(process.returncode, 1, told)
        self.assertIn("; interrupted", told)
        with open(out) as file:
            before = len(file.readlines())
        self.assertLess(before, count)
        self.sandbox.faults({})
        self.sandbox.reset_stats()
        with open(out, "a") as file:
            file.write('{"line":399,"who"')
        again = self.run_it("batch", path, "--output", out, "--mask", "profile", "--resume")
        self.assertIn(f"{before} answered before", again.stderr)
        with open(out) as file:
            lines = sorted(json.loads(line)["line"] for line in file)
        self.assertEqual(lines, list(range(1, count + 1)))

    def test_resume_may_be_given_from_the_first_run_on(self):
        path = self.path("one", "email:ada.byron@example.com\n")
        out = os.path.join(os.path.dirname(path), "resumed")
        for answered in ("", "1 answered before"):
            done = self.run_it("batch", path, "--output", out, "--mask", "profile", "--resume")
            self.assertIn(answered, done.stderr)
        with open(out) as file:
            self.assertEqual(len(file.readlines()), 1)

    def test_the_examples_of_the_library_run(self):
        one = subprocess.run(
            [program("get_context"), self.server.address, "Email", "ada.byron@example.com"],
            capture_output=True, text=True, timeout=LONG, check=True,
        ).stdout
        self.assertIn("first name: Ada", one)
        many = subprocess.run(
            [program("batch_get_contexts"), self.server.address, "Email", "ada.byron@example.com",
             "nobody@example.com"],
            capture_output=True, text=True, timeout=LONG, check=True,
        ).stdout
        self.assertEqual(sorted(many.split("\n")), ["", "ada.byron@example.com: ", "nobody@example.com: NOT_FOUND"])

    def test_a_terminal_shows_progress(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 20}}})
        path = self.path("list", "".join(f"crmid:X-{i}\n" for i in range(300)))
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [program("profilectl"), "--server", self.server.address, "batch", path, "--mask", "profile"],
            stdout=subprocess.DEVNULL, stderr=theirs,
        ) as process:
            os.close(theirs)
            shown = b""
            while True:
                try:
                    piece = os.read(ours, 65536)
                except OSError:
                    break
                if not piece:
                    break
                shown += piece
        os.close(ours)
        text = shown.decode()
        self.assertRegex(text, r"\r\d+ answered, \d+/s")
        self.assertRegex(text, r"%, about ")
        self.assertIn("300 answered, 300 not found", text)

    def test_a_killed_server_is_told_and_the_answers_are_kept(self):
        server = Server(self.sandbox.url, "--batch-parallel=2")
        try:
            self.sandbox.faults({"operations": {"*": {"delayMs": 100}}})
            path = self.path("list", "".join(f"crmid:X-{i}\n" for i in range(200)))
            out = self.path("answers")
            with subprocess.Popen(
                [program("profilectl"), "--server", server.address, "batch", path, "--output", out,
                 "--retries", "0", "--mask", "profile"], stderr=subprocess.PIPE, text=True,
            ) as process:
                wait_until(lambda: os.path.exists(out), LONG, "the file")
                time.sleep(0.5)
                server.popen.kill()
                _, told = process.communicate(timeout=LONG)
            self.assertEqual(process.returncode, 5, told)
            self.assertIn("profilectl: unavailable", told)
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main()
