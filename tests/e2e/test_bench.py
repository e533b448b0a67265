"""profilectl bench: what it starts, what it counts, and that it tells what it did not see."""

import json
import os
import pty
import re
import signal
import subprocess
import tempfile
import time
import unittest

from harness import KIND, Sandbox, Server, closing, program, wait_until

ADA = "email:ada.byron@example.com"
LONG = 30 if KIND == "plain" else 120
# Persons of whom each is asked for once: the server lets calls for the same one share a fetch.
NEW = ("--miss-percent", "100", "--miss-template", "crmid:NEW-%d")
PERCENTILES = {"mean", "min", "p50", "p90", "p99", "p99_9", "p99_99", "max"}


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        # The margin leaves a busy machine time to answer what is late.
        cls.server = Server(cls.sandbox.url, "--defaults-answer-margin=200ms")

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

    def start(self, *arguments, **how):
        return subprocess.Popen(
            [program("profilectl"), "bench", "--server", self.server.address, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how,
        )

    def run_it(self, *arguments, code=0, stdin=""):
        with self.start(*arguments) as process:
            out, err = process.communicate(stdin, timeout=LONG)
        self.assertEqual(process.returncode, code, out + err)
        return out, err

    def result(self, *arguments, **how):
        out, _ = self.run_it(*arguments, "--json", **how)
        self.assertEqual(out.count("\n"), 1)
        return json.loads(out)

    def upstream(self, operation="profile"):
        return self.sandbox.stats()["operations"][operation]["requests"]

    def hang(self):
        self.sandbox.faults({"operations": {"*": {"hangRate": 1.0}}})

    def test_a_closed_loop_makes_as_many_requests_as_asked(self):
        result = self.result(ADA, "crmid:CRM-1003", "--requests", "300", "--in-flight", "7", "--check", "all")
        self.assertEqual(result["method"], "context")
        self.assertEqual((result["mode"], result["rate_asked"]), ("closed", None))
        self.assertEqual((result["connections"], result["in_flight"]), (7, 7))
        self.assertEqual(result["requests"], 300)
        self.assertEqual(result["codes"], {"OK": 300})
        self.assertEqual(result["sections"], {"OK": 6 * 300})
        self.assertEqual((result["looked_into"], result["malformed"]), (300, 0))
        self.assertEqual((result["dropped"], result["unfinished"]), (0, 0))
        self.assertGreater(result["bytes"], 300 * 1000)
        self.assertAlmostEqual(result["rate"], 300 / result["seconds"], 0)
        for name in ("latency_ms", "latency_ok_ms", "start_lag_ms"):
            self.assertEqual(set(result[name]), PERCENTILES)
        latency = result["latency_ms"]
        ordered = [latency[name] for name in ("min", "p50", "p90", "p99", "p99_9", "p99_99", "max")]
        self.assertEqual(ordered, sorted(ordered))
        self.assertGreater(latency["min"], 0)
        self.assertGreater(result["client_cpu_s"], 0)

    def test_the_calls_that_the_upstream_bills_are_added_up(self):
        result = self.result(*NEW, "--method", "profile", "--requests", "60")
        self.assertEqual(result["codes"], {"NOT_FOUND": 60})
        self.assertEqual((result["upstream_calls"], self.upstream()), (60, 60))

    def test_latencies_for_new_persons_are_told_apart(self):
        with closing(Server(self.sandbox.url, "--cache-max-bytes=1MiB")) as server:
            ask = ("--server", server.address, ADA, "--method", "profile")
            self.result(*ask, "--requests", "1")
            self.sandbox.faults({"operations": {"*": {"delayMs": 300}}})
            result = self.result(*ask, "--miss-percent", "10", "--miss-template", "crmid:NEW-%d",
                                 "--requests", "200")
        self.assertEqual(result["codes"], {"OK": 180, "NOT_FOUND": 20})
        self.assertEqual(set(result["hits"]), PERCENTILES)
        self.assertLess(result["hits"]["p50"], 300)
        self.assertGreaterEqual(result["misses"]["min"], 299)  # timers count in whole milliseconds

    def test_no_more_calls_are_in_flight_than_asked(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 20}}})
        self.result(*NEW, "--method", "profile", "--requests", "60", "--in-flight", "5")
        self.assertEqual(self.sandbox.stats()["mostInFlight"], 5)

    def test_an_open_loop_keeps_its_rate(self):
        result = self.result(*NEW, "--method", "profile", "--rate", "150", "--duration", "2s", "--warmup", "0s")
        self.assertEqual((result["mode"], result["rate_asked"]), ("open", 150))
        self.assertEqual(result["requests"], 300)
        self.assertEqual(result["codes"], {"NOT_FOUND": 300})
        self.assertEqual(result["seconds"], 2)
        self.assertTrue(75 < result["rate"] < 151, result["rate"])
        self.assertEqual(self.upstream(), 300)

    def test_the_warm_up_is_not_counted(self):
        result = self.result(*NEW, "--method", "profile", "--rate", "100", "--duration", "1s", "--warmup", "500ms")
        self.assertEqual(result["requests"], 100)
        self.assertEqual(self.upstream(), 150)

    def test_what_may_not_be_started_is_told(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 300}}})
        result = self.result(*NEW, "--method", "profile", "--rate", "200", "--duration", "1s",
                             "--warmup", "0s", "--in-flight", "3", code=1)
        self.assertEqual(result["requests"] + result["dropped"], 200)
        self.assertGreater(result["dropped"], 150)
        self.assertEqual(self.upstream(), result["requests"])
        self.assertEqual(self.sandbox.stats()["mostInFlight"], 3)

    def test_a_pause_of_the_server_is_felt_by_all_who_were_due(self):
        """The reason for the open loop: a closed one would ask for nothing during the pause."""
        arguments = (ADA, "--method", "profile", "--rate", "100", "--duration", "3s", "--warmup", "0s", "--json")
        with self.start(*arguments) as process:
            wait_until(lambda: self.upstream() > 10, LONG, "requests")
            self.server.popen.send_signal(signal.SIGSTOP)
            time.sleep(1)
            self.server.popen.send_signal(signal.SIGCONT)
            out, err = process.communicate(timeout=LONG)
        self.assertEqual(process.returncode, 0, err)
        result = json.loads(out)
        self.assertEqual(result["codes"], {"OK": 300})
        # A hundred were due during that second, and waited half of it on average.
        self.assertGreater(result["latency_ms"]["max"], 900)
        self.assertGreater(result["latency_ms"]["p90"], 500)
        self.assertGreater(result["latency_ms"]["mean"], 100)

    def test_deadlines_that_are_missed_are_told_by_code(self):
        self.hang()
        result = self.result(ADA, "--method", "profile", "--requests", "8", "--in-flight", "4",
                             "--deadline", "300ms", code=5)
        self.assertEqual(result["codes"], {"DEADLINE_EXCEEDED": 8})
        self.assertGreaterEqual(result["latency_ms"]["min"], 200)
        self.assertEqual(result["latency_ok_ms"]["max"], 0)
        out, _ = self.run_it(ADA, "--method", "profile", "--requests", "2", "--deadline", "300ms", code=5)
        self.assertRegex(out, r"DEADLINE_EXCEEDED +2  first: \S")

    def test_sections_that_are_late_are_told(self):
        self.sandbox.faults({"operations": {"events": {"hangRate": 1.0}}})
        result = self.result(ADA, "--requests", "8", "--deadline", "900ms", "--check", "all")
        self.assertEqual(result["codes"], {"OK": 8})
        self.assertGreaterEqual(result["sections"]["LATE"], 8)
        self.assertGreaterEqual(result["sections"]["OK"], 8)

    def test_a_few_failures_are_told_beside_the_rest(self):
        self.sandbox.faults({"operations": {"profile": {"hangRate": 1.0, "times": 3}}})
        result = self.result(*NEW, "--method", "profile", "--requests", "50", "--deadline", "2s", code=1)
        self.assertEqual(result["codes"], {"NOT_FOUND": 47, "DEADLINE_EXCEEDED": 3})

    def test_misses_are_an_exact_share(self):
        result = self.result(ADA, "--method", "profile", "--requests", "200", "--miss-percent", "12.5",
                             "--miss-template", "email:nobody-%d@example.com")
        self.assertEqual(result["codes"], {"OK": 175, "NOT_FOUND": 25})
        asked = [entry["query"] for entry in self.sandbox.recent() if "nobody-25%40" in entry["query"]]
        self.assertEqual(len(asked), 1)

    def test_persons_come_from_lists_and_numbers(self):
        table = "name,namespace,id\nAda,email,ada.byron@example.com\nCarl,crmid,CRM-1003\n"
        result = self.result("--ids", "-", "--input", "csv", "--id-template", "crmid:NO-%03d", "--id-count", "2",
                             "--method", "profile", "--requests", "40", stdin=table)
        self.assertEqual(result["codes"], {"OK": 20, "NOT_FOUND": 20})
        self.assertTrue(any("NO-002" in entry["query"] for entry in self.sandbox.recent()))
        popular = self.result("--id-template", "crmid:CRM-%d", "--id-from", "1001", "--id-count", "10000", "--zipf", "3",
                              "--method", "profile", "--requests", "100")
        self.assertGreater(popular["codes"]["OK"], 70)

    def test_every_method_can_be_asked(self):
        for method in ("context", "profile", "events", "segments"):
            result = self.result(ADA, "--method", method, "--requests", "5", "--check", "all")
            self.assertEqual(result["codes"], {"OK": 5}, method)
            self.assertEqual(result["sections"], {"OK": 30 if method == "context" else 5}, method)

    def test_each_connection_is_one(self):
        port = int(self.server.address.rsplit(":", 1)[1])

        def connections():
            with open("/proc/net/tcp") as four, open("/proc/net/tcp6") as six:
                rows = [line.split() for line in four.readlines()[1:] + six.readlines()[1:]]
            return sum(row[3] == "01" and int(row[2].split(":")[1], 16) == port for row in rows)

        before = connections()
        with self.start(ADA, "--connections", "5", "--duration", "1m") as process:
            wait_until(lambda: connections() >= before + 5 and self.upstream() > 20, LONG, "five connections")
            self.assertEqual(connections(), before + 5)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LONG)

    def test_an_interruption_tells_what_there_is(self):
        with self.start(ADA, "--duration", "1m", "--warmup", "0s", "--json") as process:
            wait_until(lambda: self.upstream() > 20, LONG, "requests")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LONG)
        self.assertEqual(process.returncode, 1, err)
        result = json.loads(out)
        self.assertTrue(result["interrupted"])
        self.assertGreater(result["codes"]["OK"], 10)
        self.assertEqual(set(result["codes"]), {"OK"})
        self.assertEqual(result["codes"]["OK"] + result["unfinished"], result["requests"])
        self.assertLess(result["seconds"], 59)

    def test_an_interruption_does_not_wait_for_calls_that_hang(self):
        self.hang()
        with self.start(*NEW, "--method", "profile", "--deadline", "1h", "--in-flight", "4", "--warmup", "0s") as process:
            wait_until(lambda: self.sandbox.stats()["inFlight"] == 4, LONG, "calls in flight")
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=LONG)
        self.assertEqual(process.returncode, 1, err)
        self.assertRegex(out, r"Unfinished +4\n")
        self.assertIn("interrupted", out)

    def test_the_percentiles_are_written_to_a_file(self):
        path = os.path.join(self.folder, "latency.hgrm")
        result = self.result(ADA, "--requests", "120", "--histogram", path)
        with open(path) as file:
            text = file.read()
        self.assertRegex(text, r"^ +Value +Percentile TotalCount 1/\(1-Percentile\)\n\n")
        rows = [line.split() for line in text.splitlines()[2:] if not line.startswith("#")]
        self.assertEqual((rows[-1][1], rows[-1][2]), ("1.000000000000", "120"))
        self.assertAlmostEqual(float(rows[-1][0]), result["latency_ms"]["max"], 5)
        self.assertIn("Total count    =          120]", text)
        _, err = self.run_it(ADA, "--histogram", "/nowhere/file", code=2)
        self.assertIn("cannot write /nowhere/file", err)

    def test_people_get_a_table_and_nothing_on_the_way(self):
        out, err = self.run_it(ADA, "--rate", "100", "--requests", "50")
        self.assertEqual(err, "")
        self.assertRegex(out, r"\Acontext of 1 person\n")
        self.assertRegex(out, r"Rate +[\d.]+/s of 100/s asked for\n")
        self.assertRegex(out, r"Sections +24 OK  \(one answer of 16 looked into\)\n")
        self.assertRegex(out, r"started late( +[\d.]+){7}\n")

    def test_a_terminal_shows_how_far_it_is(self):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [program("profilectl"), "--server", self.server.address, "bench", ADA, "--duration", "2s", "--warmup", "1s"],
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
        self.assertEqual(process.returncode, 0)
        self.assertRegex(shown.decode(), r"\r\d s, warming up")
        self.assertRegex(shown.decode(), r"\r\d s, [\d,]+/s, p50 [\d.]+ ms, p99 [\d.]+ ms")
        self.assertTrue(shown.decode().endswith("\r\033[K"))

    def test_wrong_arguments_are_refused_before_anything_is_sent(self):
        for arguments, words in (
            ([], "whom to ask for"),
            ([ADA, "--rate", "0"], "--rate must be above 0"),
            ([ADA, "--rate", "fast"], "takes a number"),
            ([ADA, "--mask"], "needs a value"),
            (["--ids", os.path.join(self.folder, "none")], "cannot read"),
            (["--ids", "-"], "names nobody"),
        ):
            _, err = self.run_it(*arguments, code=2)
            self.assertIn(words, err)
        self.assertEqual(self.sandbox.recent(), [])

    def test_what_the_server_refuses_is_told(self):
        out, _ = self.run_it(ADA, "--mask", "nothing", "--requests", "3", code=2)
        self.assertRegex(out, r"INVALID_ARGUMENT +3  first: \S")

    def test_a_server_that_is_not_there_is_told(self):
        done = subprocess.run(
            [program("profilectl"), "bench", "--server", "127.0.0.1:1", ADA, "--deadline", "3s"],
            capture_output=True, text=True, timeout=LONG, check=False,
        )
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(re.match(r"profilectl: unavailable \(127\.0\.0\.1:1\): .*Connection refused", done.stderr))


if __name__ == "__main__":
    unittest.main()
