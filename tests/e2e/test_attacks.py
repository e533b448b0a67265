"""Attacks on connections: whatever is done, the server lives, serves others meanwhile, and is itself
again afterwards. tests/attacks/run does the same at full size and tells the figures."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "attacks"))

from attacks import ATTACKS, rapid_reset, rapid_reset_unknown  # noqa: E402
from h2 import Connection  # noqa: E402
from harness import KIND, Sandbox, closing  # noqa: E402
from prober import line, probe  # noqa: E402
from victim import start, target_of  # noqa: E402

SCALE = float(os.environ.get("PC_ATTACK_SCALE", "0.1" if KIND == "plain" else "0.02"))
FULL = 0.5 if KIND == "plain" else 0.2


class Attacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def check(self, server, report):
        self.assertIsNone(server.popen.poll(), report)
        self.assertEqual(report.failed, 0, report)
        if KIND == "plain":
            # Seen on a quiet machine: 100 ms at the most.
            self.assertLess(report.slowest_ms, 4000, report)
            self.assertLess(report.after_mb, report.before_mb * 1.2 + 25, report)

    def test_others_are_served_and_nothing_stays(self):
        with closing(start(self.sandbox)) as server:
            target = target_of(server, SCALE)
            # Who says nothing, or half a hello, is let go of while the others go on.
            silent = Connection(server.address, hello=False)
            halting = Connection(server.address, hello=False)
            halting.send(b"PRI * HT")
            for attack in ATTACKS:
                with self.subTest(attack=attack.__name__):
                    report = probe(server, attack, target, hold=0.3, settles=KIND == "plain")
                    print(line(report), file=sys.stderr)
                    self.check(server, report)
            for connection in (silent, halting):
                with connection:
                    self.assertTrue(connection.closed(20))
            server.quit()

    def test_calls_that_are_only_begun_end_their_connection(self):
        for attack in [rapid_reset, rapid_reset_unknown]:
            with self.subTest(attack=attack.__name__), closing(start(self.sandbox)) as server:
                target = target_of(server, FULL)
                report = probe(server, attack, target, hold=0.3, settles=KIND == "plain")
                self.check(server, report)
                # Of 10,000: those that core had read when their number was too much.
                share = 0.8 if KIND == "plain" else 0.95
                self.assertLess(report.handlers, 10000 * FULL / 0.5 * share, report)
                self.assertEqual(server.metrics()["profilecontext_connections_cut_total"], 1)
                server.quit()


if __name__ == "__main__":
    unittest.main()
