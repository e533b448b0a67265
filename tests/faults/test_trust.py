"""TLS towards the upstream: certificates that must not be trusted, and handshakes that do not end."""

import socket
import ssl
import tempfile
import threading
import time
import unittest

from case import Code, FaultCase, serving
from upstream import Certificates, Http2, Plain, http, reset


class Trust(FaultCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.certificates = Certificates(cls.folder.name)
        cls.certificates.sign("good")
        cls.certificates.sign("expired", days=-1)
        cls.certificates.sign("another-host", names="DNS:elsewhere.test,IP:127.9.9.9")
        cls.certificates.authority("another")
        cls.certificates.sign("unknown-authority", authority="another")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def server(self, url, *arguments):
        return serving(url, f"--upstream-ca-file={self.certificates.path('ca.crt')}",
                       "--upstream-connect-timeout=300ms", *arguments)

    def test_certificates_that_must_not_be_trusted(self):
        """No request, and so no token, goes out; a renewed certificate is noticed by itself."""
        for name in ("expired", "another-host", "unknown-authority"):
            bad = Http2(self.certificates.context(name), lambda stream: stream.reply())
            with self.server(bad.url) as server:
                outcome = self.call(server)
                self.assertEqual(outcome.code, Code.UNAVAILABLE, name)
                self.assertLess(outcome.took, 1.0, name)
                self.assertEqual(bad.requests, [], name)
                bad.close()
                with Http2(self.certificates.context("good"), lambda stream: stream.reply(),
                           port=bad.port):
                    self.recovers(server)

    def test_a_certificate_that_ends_between_two_connections(self):
        """One whose token is still good meets the entity's host with a bad certificate."""
        good = Http2(self.certificates.context("good"), lambda stream: stream.reply())
        with self.server(good.url, "--upstream-retry-percent=0") as server:
            self.recovers(server)
            good.close()
            with Http2(self.certificates.context("expired"), lambda stream: stream.reply(),
                       port=good.port) as bad:
                outcome = self.call(server)
                self.assertEqual(outcome.code, Code.UNAVAILABLE)
                self.assertEqual(outcome.reason, "UPSTREAM_TLS_FAILED")
                self.assertEqual(bad.requests, [])

    def raw(self, serve):
        """A listener that does what it likes with each connection; its URL."""
        listener = socket.create_server(("127.0.0.1", 0))
        kept = []

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                kept.append(connection)
                threading.Thread(target=serve, args=[connection], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

        def close():
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for connection in kept:
                connection.close()

        self.addCleanup(close)
        return f"https://localhost:{listener.getsockname()[1]}"

    def test_handshakes_that_do_not_end_well(self):
        def quietly(serve):
            def run(connection):
                try:
                    serve(connection)
                except OSError:
                    pass
            return run

        def half_a_record(connection):
            connection.recv(1)
            connection.sendall(b"\x16\x03\x03\x10\x00" + b"\x02" * 100)

        def alert(connection):
            connection.recv(1)
            connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")

        manners = {
            "silence": lambda connection: None,
            "half a record": half_a_record,
            "an alert": alert,
            "plain HTTP": lambda connection: (connection.recv(1), connection.sendall(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
            "the end": lambda connection: connection.close(),
            "a reset": reset,
        }
        for name, serve in manners.items():
            with self.server(self.raw(quietly(serve))) as server:
                with self.leaks_nothing(server):
                    started = time.monotonic()
                    outcome = self.call(server, timeout=3.0)
                    self.assertEqual(outcome.code, Code.UNAVAILABLE, f"{name}: {outcome}")
                    # The time for connecting, TLS included, and not the caller's whole deadline.
                    self.assertLess(time.monotonic() - started, 1.5, name)

    def test_tls_to_a_host_that_speaks_none(self):
        with Plain(lambda path, number: http(200, b"{}")) as plain, \
                self.server(f"https://localhost:{plain.port}") as server:
            self.assertEqual(self.call(server, timeout=3.0).code, Code.UNAVAILABLE)

    def test_old_versions_are_not_spoken(self):
        context = self.certificates.context("good")
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
        with Http2(context, lambda stream: stream.reply()) as old, self.server(old.url) as server:
            self.assertEqual(self.call(server, timeout=3.0).code, Code.UNAVAILABLE)
            self.assertEqual(old.requests, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
