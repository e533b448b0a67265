"""What a supervisor such as systemd is told by the server, and when (sd_notify)."""

import os
import signal
import socket
import tempfile
import threading
import unittest

from harness import Sandbox, Server, identity, messages, wait_until


class Supervisor:
    """Receives what is told, as systemd does."""

    def __init__(self, abstract=False):
        self.folder = tempfile.TemporaryDirectory()
        name = os.path.join(self.folder.name, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name if abstract else name)
        self.name = "@" + name if abstract else name
        self.told = []
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        while True:
            self.told.append(self.socket.recv(4096).decode().split("\n"))

    def heard(self, line):
        return any(line in lines for lines in self.told)

    def count(self, line):
        return sum(line in lines for lines in self.told)


class Supervised(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def start(self, supervisor, **env):
        server = Server(self.sandbox.url, env={"NOTIFY_SOCKET": supervisor.name, **env})
        self.addCleanup(server.close)
        return server

    def test_ready_is_told_when_calls_are_served_and_stopping_when_they_are_not(self):
        for abstract in [False, True]:
            supervisor = Supervisor(abstract)
            server = self.start(supervisor)
            wait_until(lambda: supervisor.heard("READY=1"), 10, "READY=1")
            self.assertTrue(supervisor.heard(f"STATUS=serving on {server.address}"))
            server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
            self.assertFalse(supervisor.heard("STOPPING=1"))
            server.quit()
            wait_until(lambda: supervisor.heard("STOPPING=1"), 10, "STOPPING=1")
            self.assertEqual(supervisor.count("READY=1"), 1)
            self.assertFalse(supervisor.heard("WATCHDOG=1"))

    def test_a_reload_is_told_and_ended(self):
        supervisor = Supervisor()
        server = self.start(supervisor)
        wait_until(lambda: supervisor.heard("READY=1"), 10, "READY=1")
        server.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: supervisor.count("READY=1") == 2, 10, "READY=1 again")
        (reloading,) = [lines for lines in supervisor.told if "RELOADING=1" in lines]
        self.assertRegex(reloading[1], r"^MONOTONIC_USEC=\d+$")
        server.quit()

    def test_signs_of_life_come_as_often_as_asked(self):
        supervisor = Supervisor()
        server = self.start(supervisor, WATCHDOG_USEC="150000")
        wait_until(lambda: supervisor.count("WATCHDOG=1") >= 5, 20, "five signs of life")
        # Also after a pause that the process did not choose.
        server.popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, server.popen.pid, os.WSTOPPED | os.WNOWAIT)
        before = supervisor.count("WATCHDOG=1")
        server.popen.send_signal(signal.SIGCONT)
        wait_until(lambda: supervisor.count("WATCHDOG=1") > before + 1, 20, "it goes on")
        server.quit()

    def test_a_supervisor_that_has_gone_disturbs_nothing(self):
        supervisor = Supervisor()
        server = self.start(supervisor, WATCHDOG_USEC="60000")
        wait_until(lambda: supervisor.heard("WATCHDOG=1"), 20, "a sign of life")
        os.unlink(supervisor.name)
        server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
        server.quit()


if __name__ == "__main__":
    unittest.main(verbosity=2)
