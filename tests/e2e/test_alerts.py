"""What deploy/ brings for those who watch: alert rules that fire as they should, and a dashboard;
and both only ask for metrics that the server has."""

import json
import os
import re
import subprocess
import tempfile
import unittest

from harness import Sandbox, Server
from test_tls import make_certificates

DEPLOY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy")
METRIC = re.compile(r"\b(?:profilecontext_|process_)[a-z0-9_]+")
# With what Prometheus itself adds, and the names of labels and functions, these are no metrics.
RECORDED = re.compile(r"profilecontext:[a-z0-9_:]+")


def rule_texts():
    with open(os.path.join(DEPLOY, "prometheus", "rules.yaml")) as file:
        return re.findall(r"expr: (\|\n(?:        +.*\n)+|.*)", file.read())


def dashboard():
    with open(os.path.join(DEPLOY, "grafana", "profile-context.json")) as file:
        return json.load(file)


class Rules(unittest.TestCase):
    def promtool(self, *arguments):
        done = subprocess.run(["promtool", *arguments], cwd=os.path.join(DEPLOY, "prometheus"),
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_rules_are_rules_and_fire_as_they_should(self):
        self.promtool("check", "rules", "rules.yaml")
        self.promtool("check", "config", "prometheus.yaml")
        self.promtool("test", "rules", "rules_test.yaml")

    def test_every_alert_says_what_to_do(self):
        with open(os.path.join(DEPLOY, "prometheus", "rules.yaml")) as file:
            alerts = file.read().split("- alert: ")[1:]
        self.assertGreater(len(alerts), 10)
        for alert in alerts:
            for part in ("severity: ", "summary: ", "action: "):
                self.assertIn(part, alert)

    def test_every_alert_is_seen_to_fire_and_stands_in_the_runbook(self):
        with open(os.path.join(DEPLOY, "prometheus", "rules.yaml")) as file:
            alerts = re.findall(r"- alert: (\w+)", file.read())
        with open(os.path.join(DEPLOY, "prometheus", "rules_test.yaml")) as file:
            fired = re.findall(r"(?m)^ +alertname: (\w+)\n +exp_alerts:\n", file.read())
        self.assertEqual(set(fired), set(alerts))
        with open(os.path.join(DEPLOY, "..", "server", "operator", "README.md")) as file:
            rows = re.findall(r"(?m)^\| (ProfileContext[^|]+) \|", file.read())
        self.assertEqual(sorted(", ".join(rows).split(", ")), sorted(alerts))


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        make_certificates(cls.temporary.name)
        files = {name: os.path.join(cls.temporary.name, name)
                 for name in ("server.crt", "server.key", "ca.crt")}
        cls.sandbox = Sandbox()
        cls.server = Server(cls.sandbox.url, "--operator-address=127.0.0.1:0",
                            f"--listen-tls-certificate-file={files['server.crt']}",
                            f"--listen-tls-key-file={files['server.key']}",
                            f"--listen-tls-client-ca-file={files['ca.crt']}")
        page = cls.server.operator("/metrics")[2]
        cls.names = set(re.findall(r"^([a-z0-9_:]+)[ {]", page, re.MULTILINE))
        cls.labels = {}
        for name, labels in re.findall(r"^([a-z0-9_:]+)\{([^}]*)\}", page, re.MULTILINE):
            cls.labels.setdefault(name, set()).update(re.findall(r'([a-z_]+)="', labels))

    @classmethod
    def tearDownClass(cls):
        cls.server.end_well()
        cls.sandbox.close()
        cls.temporary.cleanup()

    def check(self, expression):
        found = METRIC.findall(RECORDED.sub("", expression))
        self.assertLessEqual(set(found), self.names, expression)
        for name, labels in re.findall(r"\b([a-z0-9_]+)\{([^}]*)\}", expression):
            asked = set(re.findall(r"([a-z_]+)[=!]", labels)) - {"job", "instance"}
            if name in self.names:
                self.assertLessEqual(asked, self.labels.get(name, set()), expression)
        return found

    def test_rules_ask_for_what_there_is(self):
        texts = rule_texts()
        self.assertGreater(len(texts), 14)
        self.assertGreater(sum(len(self.check(text)) for text in texts), 15)

    def test_the_dashboard_asks_for_what_there_is(self):
        asked = 0
        for panel in dashboard()["panels"]:
            for target in panel.get("targets", []):
                self.assertTrue(self.check(target["expr"]), target["expr"])
                asked += 1
        self.assertGreater(asked, 25)

    def test_the_dashboard_is_whole(self):
        board = dashboard()
        panels = board["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        cells = set()
        for panel in panels:
            self.assertTrue(panel["title"])
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            here = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                    for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & here, f"{panel['title']} lies on another")
            cells |= here
        text = json.dumps(board)
        for variable in set(re.findall(r"\$\{?([a-z]+)\}?", text)):
            self.assertIn(variable, [v["name"] for v in board["templating"]["list"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
