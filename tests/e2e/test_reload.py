"""Certificates and secrets that change while the server runs."""

import os
import signal
import socket
import ssl
import threading
import unittest

import grpc

from credentials import Folder
from harness import METHODS, SERVICE, Sandbox, Server, closing, identity, messages, wait_until
from wire import Wire

WATCH = "/grpc.health.v1.Health/Watch"
GET = SERVICE + "GetProfile"
RELOADS = 'profilecontext_reloads_total{kind="%s",outcome="%s"}'


class Reload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def setUp(self):
        self.files = Folder()
        self.addCleanup(self.files.remove)
        self.files.make_authority("ca")
        self.files.make_pair("first", "ca")
        self.use("first")

    def use(self, name):
        """Has the server's files be those of this pair."""
        self.files.put("tls.crt", self.files.read(f"{name}.crt"))
        self.files.put("tls.key", self.files.read(f"{name}.key"))

    # ---- the server ---------------------------------------------------------------------------

    def server(self, *arguments, env=None, interval="100ms"):
        return Server(self.sandbox.url, "--operator-address=127.0.0.1:0",
                      f"--reload-interval={interval}", *arguments, env=env)

    def tls_server(self, *arguments, interval="100ms"):
        return self.server(f"--listen-tls-certificate-file={self.files.path('tls.crt')}",
                           f"--listen-tls-key-file={self.files.path('tls.key')}", *arguments,
                           interval=interval)

    def served(self, server):
        """The common name of the certificate that a new connection is shown."""
        host, port = server.address.split(":")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.files.path("ca.crt"))
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            with context.wrap_socket(plain) as connection:
                return dict(pair[0] for pair in connection.getpeercert()["subject"])["commonName"]

    def wait_for(self, server, kind, outcome, count):
        wait_until(lambda: server.metrics().get(RELOADS % (kind, outcome)) == count, 10,
                   f"{count} reloads of {kind} with {outcome}")

    def wait_for_log(self, server, text):
        wait_until(lambda: text in server.read_log(), 10, text)

    def test_a_certificate_is_replaced_by_change_and_by_signal_and_a_broken_one_is_not(self):
        self.files.make_pair("second", "ca")
        with closing(self.tls_server()) as server:
            self.assertEqual(self.served(server), "first")
            self.use("second")
            wait_until(lambda: self.served(server) == "second", 10, "the second certificate")
            metrics = server.metrics()
            self.assertGreater(
                metrics['profilecontext_certificate_expiry_timestamp_seconds{certificate="server"}'],
                metrics['profilecontext_reload_last_success_timestamp_seconds{kind="certificate"}'])
            for number, broken in enumerate([b"", b"not a certificate\n",
                                             self.files.read("second.crt")[:300],
                                             self.files.read("first.crt")], 1):
                self.files.put("tls.crt", broken)
                self.wait_for(server, "certificate", "failure", number)
                self.assertEqual(self.served(server), "second")
            self.wait_for_log(server, '"reload.failed"')
            self.wait_for_log(server, "does not belong to the certificate")
            server.quit()
        # Without looking at the files by itself.
        self.use("first")
        with closing(self.tls_server(interval="0s")) as server:
            self.use("second")
            self.assertEqual(self.served(server), "first")
            server.popen.send_signal(signal.SIGHUP)
            wait_until(lambda: self.served(server) == "second", 10, "the second certificate")

    def test_an_expired_or_weak_certificate_does_not_come_in_place_of_a_good_one(self):
        self.files.openssl("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "weak.key",
                     "-out", "weak.crt", "-subj", "/CN=weak", "-days", "2")
        self.files.make_pair("old", "ca", days=-1)
        with closing(self.tls_server()) as server:
            for number, name in enumerate(["weak", "old"], 1):
                self.use(name)
                self.wait_for(server, "certificate", "failure", number)
                self.assertEqual(self.served(server), "first")

    def test_no_call_fails_while_certificates_change(self):
        self.files.make_pair("second", "ca")
        request_type, response_type = METHODS["GetProfile"]
        failures, calls, stop = [], [], threading.Event()
        with closing(self.tls_server()) as server:
            def load():
                while not stop.is_set():
                    # A connection for each few calls: handshakes are what could fail.
                    with self.files.channel(server.address, "ca") as channel:
                        call = channel.unary_unary(SERVICE + "GetProfile",
                                                   request_type.SerializeToString,
                                                   response_type.FromString)
                        for _ in range(3):
                            try:
                                call(messages.GetProfileRequest(identity=identity()), timeout=10)
                                calls.append(1)
                            except grpc.RpcError as error:
                                failures.append(error)

            threads = [threading.Thread(target=load) for _ in range(3)]
            for thread in threads:
                thread.start()
            try:
                for turn in range(10):
                    name = ["second", "first"][turn % 2]
                    self.use(name)
                    server.popen.send_signal(signal.SIGHUP)
                    wait_until(lambda: self.served(server) == name, 10, f"certificate {name}")
                for _ in range(100):
                    server.popen.send_signal(signal.SIGHUP)
                # However slow the machine is.
                wait_until(lambda: failures or len(calls) > 30, 60, "calls meanwhile and after")
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(failures, [])
            server.quit()

    def test_callers_of_a_new_authority_are_let_in_and_of_the_old_turned_away(self):
        self.files.make_authority("other")
        self.files.make_pair("caller", "ca")
        self.files.make_pair("newcomer", "other")
        self.files.put("callers.crt", self.files.read("ca.crt"))

        def call(server, name):
            request_type, response_type = METHODS["GetProfile"]
            with self.files.channel(server.address, "ca", name) as channel:
                try:
                    channel.unary_unary(SERVICE + "GetProfile", request_type.SerializeToString,
                                        response_type.FromString)(
                        messages.GetProfileRequest(identity=identity()), timeout=10)
                    return grpc.StatusCode.OK
                except grpc.RpcError as error:
                    return error.code()

        ca = f"--listen-tls-client-ca-file={self.files.path('callers.crt')}"
        with closing(self.tls_server(ca)) as server:
            self.assertEqual(call(server, "caller"), grpc.StatusCode.OK)
            self.assertEqual(call(server, "newcomer"), grpc.StatusCode.UNAVAILABLE)
            self.files.put("callers.crt", self.files.read("other.crt"))
            wait_until(lambda: call(server, "newcomer") == grpc.StatusCode.OK, 10, "the newcomer")
            self.assertEqual(call(server, "caller"), grpc.StatusCode.UNAVAILABLE)

    def callers_server(self, *authorities, grace):
        self.trust(None, *authorities)
        return self.tls_server(f"--listen-tls-client-ca-file={self.files.path('callers.crt')}",
                               f"--listen-max-connection-age-grace={grace}")

    def trust(self, server, *authorities):
        """Has the server take callers of these alone; returns when it does."""
        name = RELOADS % ("certificate", "success")
        before = server.metrics()[name] if server else 0
        self.files.put("callers.crt", b"".join(self.files.read(f"{a}.crt") for a in authorities))
        if server:
            wait_until(lambda: server.metrics()[name] > before, 10, "the authorities")

    def wire(self, server, pair):
        context = ssl.create_default_context(cafile=self.files.path("ca.crt"))
        context.check_hostname = False
        context.set_alpn_protocols(["h2"])
        context.load_cert_chain(self.files.path(f"{pair}.crt"), self.files.path(f"{pair}.key"))
        return Wire(server.address, context)

    def test_a_connection_does_not_outlive_the_authority_that_let_it_in(self):
        self.files.make_authority("other")
        self.files.make_pair("caller", "ca")
        self.files.make_pair("newcomer", "other")
        request = messages.GetProfileRequest(identity=identity()).SerializeToString()
        retired = "profilecontext_connections_retired_total"
        with closing(self.callers_server("ca", grace="1s")) as server:
            # One who goes when told, and one with a call that lasts, who does not.
            with self.wire(server, "caller") as well_behaved, self.wire(server, "caller") as stays:
                self.assertEqual(well_behaved.call(GET, request).status, "0")
                stays.begin(WATCH, b"")
                while not stays.served:
                    stays.read()
                # Another authority beside it concerns nobody.
                self.trust(server, "ca", "other")
                self.assertEqual(well_behaved.call(GET, request).status, "0")
                self.assertFalse(well_behaved.told_to_go)
                self.trust(server, "other")
                for wire in (well_behaved, stays):
                    while not wire.told_to_go:
                        wire.read()
                with self.wire(server, "newcomer") as newcomer:
                    self.assertEqual(newcomer.call(GET, request).status, "0")
                    try:
                        while stays.connection.recv(65536):
                            pass
                    except ConnectionResetError:
                        pass
                    wait_until(lambda: server.metrics()[retired] >= 1, 10, "its end to be counted")
                    self.assertEqual(newcomer.call(GET, request).status, "0")
                    self.assertFalse(newcomer.told_to_go)
            server.quit()

    def test_no_call_of_the_others_fails_when_an_authority_is_gone(self):
        self.files.make_authority("other")
        self.files.make_pair("caller", "ca")
        request = messages.GetProfileRequest(identity=identity()).SerializeToString()
        failures, calls, stop = [], [], threading.Event()
        with closing(self.callers_server("ca", "other", grace="30s")) as server:
            def load():
                with self.files.channel(server.address, "ca", "caller") as channel:
                    call = channel.unary_unary(GET)
                    while not stop.is_set():
                        try:
                            call(request, timeout=10, wait_for_ready=True)
                            calls.append(1)
                        except grpc.RpcError as error:
                            failures.append(error)

            threads = [threading.Thread(target=load) for _ in range(3)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(3):
                    before = server.metrics()["profilecontext_connections_accepted_total"]
                    self.trust(server, "ca")
                    wait_until(lambda: server.metrics()[
                        "profilecontext_connections_accepted_total"] >= before + 3, 10,
                        "all to come anew")
                    self.trust(server, "ca", "other")
                wait_until(lambda: failures or len(calls) > 30, 60, "calls meanwhile and after")
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(failures, [])
            server.quit()

    def test_a_new_client_secret_is_used_for_the_next_token(self):
        secret = self.files.path("secret")
        request = messages.GetProfileRequest(identity=identity())

        self.files.put("secret", b"wrong\n")
        flag = f"--upstream-client-secret-file={secret}"
        env = {"PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET": None}
        with closing(self.server(flag, env=env)) as server:
            server.fails("GetProfile", request, grpc.StatusCode.UNAVAILABLE)
            self.files.put("secret", b"sandbox-secret\n")
            self.wait_for(server, "client_secret", "success", 2)
            self.assertTrue(server.call("GetProfile", request).profile.person.name.first_name)
            # One that others may read is not taken, and the old one stays.
            self.files.put("secret", b"elsewhere\n", 0o644)
            self.wait_for(server, "client_secret", "failure", 1)
            self.wait_for_log(server, "chmod o-r")
            self.assertTrue(server.call("GetProfile", request).profile.person.name.first_name)
            self.assertNotIn("sandbox-secret", server.read_log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
