"""Names of hosts that cannot be looked up, or lead elsewhere than before. The server sees files of its
own in place of /etc/hosts and /etc/resolv.conf, in a mount namespace; that takes root or user
namespaces, and without both the tests are skipped."""

import contextlib
import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from case import Code, FaultCase, person, serving
from harness import wait_until
from upstream import Certificates, Http2, PROFILE, Plain, http

# A child in a namespace that it makes itself.
UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
HOST = "entity.faults.test"


def can_unshare():
    return shutil.which("unshare") is not None and subprocess.run(
        [*UNSHARE, "sh", "-c", "mount --bind /etc/hosts /etc/hosts"],
        capture_output=True).returncode == 0


class Hosts(FaultCase):
    """A server that believes in files of the test."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.hosts = os.path.join(self.folder.name, "hosts")
        self.resolver = os.path.join(self.folder.name, "resolv.conf")
        self.point_to(None)
        self.write(self.resolver, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.program = os.path.join(self.folder.name, "profile-contextd")
        self.write_program("exec")

    def write_program(self, prefix):
        """The harness starts a program by its name in PC_BIN: this one does so in a namespace."""
        self.write(self.program, f"""#!/bin/sh
{prefix} {' '.join(UNSHARE)} sh -c 'mount --bind {self.hosts} /etc/hosts &&
    mount --bind {self.resolver} /etc/resolv.conf && exec "$0" "$@"' {self.real()} "$@"
""")
        os.chmod(self.program, 0o755)

    def tearDown(self):
        self.folder.cleanup()

    @staticmethod
    def real():
        return os.path.join(os.environ["PC_BIN"], "profile-contextd")

    @staticmethod
    def write(path, text):
        # In place, as the file is bound.
        with open(path, "w") as file:
            file.write(text)

    def point_to(self, address):
        line = f"{address} {HOST}\n" if address else ""
        self.write(self.hosts, f"127.0.0.1 localhost\n{line}")

    @contextlib.contextmanager
    def server(self, port, *arguments, scheme="http"):
        import harness
        before = harness.BIN
        harness.BIN = self.folder.name
        try:
            with serving(f"{scheme}://{HOST}:{port}", "--upstream-allow-plain-http",
                         "--upstream-dns-ttl=1s", "--upstream-connection-age=1s",
                         *arguments) as server:
                yield server
        finally:
            harness.BIN = before

    def upstream(self, host, port=0):
        upstream = Plain(lambda path, number: http(200, PROFILE), host=host, port=port)
        self.addCleanup(upstream.close)
        return upstream


@unittest.skipUnless(can_unshare(), "no mount namespaces here")
class Names(Hosts):
    def test_a_name_that_is_not_there_yet(self):
        upstream = self.upstream("127.0.0.1")
        with self.server(upstream.port) as server:
            outcome = self.call(server, timeout=3.0)
            self.assertEqual(outcome.code, Code.UNAVAILABLE)
            self.point_to("127.0.0.1")
            self.recovers(server)

    def test_a_name_that_leads_elsewhere_is_followed(self):
        """Though the old address still answers."""
        old = self.upstream("127.0.0.1")
        new = self.upstream("127.0.0.2", old.port)
        self.point_to("127.0.0.1")
        with self.server(old.port) as server:
            self.recovers(server)
            self.assertEqual(new.number, 0)
            self.point_to("127.0.0.2")
            wait_until(lambda: self.call(server).code == Code.OK and new.number > 0, 10,
                       "the new address to be asked")

    def test_a_busy_connection_is_left_too(self):
        """Over HTTP/2 one connection has always a request under way, and so is never idle."""
        certificates = Certificates(self.folder.name)
        certificates.sign("upstream", names=f"DNS:{HOST}")
        context = certificates.context("upstream")

        def slowly(stream):
            # On the connection's thread, which reads on when the next is under way already.
            held.append(stream)
            if len(held) > 4:
                held.pop(0).reply()

        held = []
        old = Http2(context, slowly)
        self.addCleanup(old.close)
        new = Http2(context, lambda stream: stream.reply(), host="127.0.0.2", port=old.port)
        self.addCleanup(new.close)
        self.point_to("127.0.0.1")
        with self.server(old.port, f"--upstream-ca-file={certificates.path('ca.crt')}",
                         "--upstream-retry-percent=0", scheme="https") as server:
            stop = threading.Event()
            counter = itertools.count()

            def ask():
                while not stop.is_set():
                    self.call(server, 3.0, request=person(next(counter)))

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            try:
                wait_until(lambda: old.number > 50, 10, "the old address to be busy")
                self.point_to("127.0.0.2")
                wait_until(lambda: new.number > 50, 10, "the new address to be asked")
            finally:
                stop.set()
                for stream in held[:]:
                    stream.reply()
                for thread in threads:
                    thread.join()

    def test_a_name_that_moves_away_from_a_dead_host(self):
        old = self.upstream("127.0.0.1")
        new = self.upstream("127.0.0.2", old.port)
        self.point_to("127.0.0.1")
        with self.server(old.port) as server:
            self.recovers(server)
            old.close()
            self.point_to("127.0.0.2")
            self.recovers(server)
            self.assertGreater(new.number, 0)

    def test_a_name_server_that_never_answers(self):
        """Deadlines hold, and nobody waits for somebody else's look-up."""
        try:
            silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            silent.bind(("127.0.0.1", 53))
        except OSError as error:
            self.skipTest(f"no port 53 here: {error}")
        with silent:
            self.write(self.resolver, "nameserver 127.0.0.1\noptions timeout:20 attempts:1\n")
            upstream = self.upstream("127.0.0.1")
            with self.server(upstream.port, "--upstream-connect-timeout=500ms") as server:
                for timeout in (0.2, 0.5):
                    outcome = self.call(server, timeout)
                    self.assertIn(outcome.code, {Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE})
                outcomes = []
                threads = [threading.Thread(target=lambda: outcomes.append(self.call(server, 2.0)))
                           for _ in range(8)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual({o.code for o in outcomes}, {Code.UNAVAILABLE})
                self.point_to("127.0.0.1")
                self.recovers(server)


class Network:
    """Two network namespaces with a cable between them; the upstream's side has two addresses."""

    def __init__(self):
        self.holders = [subprocess.Popen(["unshare", "--net", "sleep", "300"]) for _ in range(2)]
        self.near, self.far = (holder.pid for holder in self.holders)
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: all(os.readlink(f"/proc/{holder.pid}/ns/net") != own
                               for holder in self.holders), 10, "the namespaces")
        self.ip(None, "link", "add", "cable", "netns", str(self.near), "type", "veth", "peer",
                "name", "cable", "netns", str(self.far))
        # When the first of an interface goes, the others go with it.
        for pid, addresses in ((self.near, ["10.77.0.1"]), (self.far, ["10.77.0.3", "10.77.0.2"])):
            for address in addresses:
                self.ip(pid, "addr", "add", f"{address}/24", "dev", "cable")
            self.ip(pid, "link", "set", "cable", "up")
            self.ip(pid, "link", "set", "lo", "up")

    @staticmethod
    def ip(pid, *arguments):
        enter = [] if pid is None else ["nsenter", "--target", str(pid), "--net"]
        subprocess.run([*enter, "ip", *arguments], check=True, capture_output=True)

    def on_the_far_side(self, make):
        """What `make` makes, on a thread that has gone there: sockets stay where they are made."""
        made = []

        def run():
            with open(f"/proc/{self.far}/ns/net") as namespace:
                assert ctypes.CDLL(None).setns(namespace.fileno(), 0) == 0
            made.append(make())

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return made[0]

    def close(self):
        for holder in self.holders:
            holder.kill()
            holder.wait()


def can_lay_cables():
    try:
        network = Network()
    except (AssertionError, OSError, subprocess.SubprocessError):
        return False
    network.close()
    return True


@unittest.skipUnless(os.geteuid() == 0 and can_unshare() and shutil.which("ip")
                     and can_lay_cables(), "no network namespaces here")
class BlackHole(Hosts):
    def test_a_connection_whose_packets_are_swallowed_is_given_up(self):
        """Its host has moved without a word. The system would keep it for a quarter of an hour."""
        network = Network()
        self.addCleanup(network.close)
        certificates = Certificates(self.folder.name)
        certificates.sign("upstream", names=f"DNS:{HOST}")
        context = certificates.context("upstream")
        old = network.on_the_far_side(
            lambda: Http2(context, lambda stream: stream.reply(), host="10.77.0.2"))
        new = network.on_the_far_side(
            lambda: Http2(context, lambda stream: stream.reply(), host="10.77.0.3", port=old.port))
        self.addCleanup(old.close)
        self.addCleanup(new.close)
        self.point_to("10.77.0.2")
        self.write_program(f"exec nsenter --target {network.near} --net")
        with self.server(old.port, f"--upstream-ca-file={certificates.path('ca.crt')}",
                         f"--listen-address=unix:{self.folder.name}/socket",
                         "--upstream-retry-percent=0", "--breaker-failure-percent=0",
                         "--upstream-attempt-timeout=300ms", "--upstream-connection-age=1h",
                         scheme="https") as server:
            self.recovers(server)
            self.point_to("10.77.0.3")
            network.ip(network.far, "addr", "del", "10.77.0.2/24", "dev", "cable")
            started = time.monotonic()
            outcome = self.call(server)
            self.assertNotEqual(outcome.code, Code.OK)
            self.recovers(server, 30)
            print(f"well again after {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    unittest.main(verbosity=2)
