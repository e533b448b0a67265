"""TLS on both sides: towards callers, with and without certificates of theirs, and the upstream."""

import os
import subprocess
import tempfile
import unittest

import grpc

from certificates import make_certificates
from harness import (
    METHODS, SERVICE, Sandbox, Server, closing, identity, messages, program,
)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        make_certificates(cls.folder)
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()
        cls.temporary.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def get_profile(self, channel):
        request_type, response_type = METHODS["GetProfile"]
        return channel.unary_unary(
            SERVICE + "GetProfile", request_type.SerializeToString, response_type.FromString
        )(messages.GetProfileRequest(identity=identity()), timeout=10)

    def tls_flags(self):
        return [f"--listen-tls-certificate-file={self.path('server.crt')}",
                f"--listen-tls-key-file={self.path('server.key')}"]

    def test_callers_reach_a_tls_server_and_profilectl_does_too(self):
        with closing(Server(self.sandbox.url, *self.tls_flags())) as server:
            credentials = grpc.ssl_channel_credentials(self.read("ca.crt"))
            with grpc.secure_channel(server.address, credentials) as channel:
                self.assertTrue(self.get_profile(channel).profile.person.name.first_name)
            with grpc.insecure_channel(server.address) as channel:
                with self.assertRaises(grpc.RpcError):
                    self.get_profile(channel)
            done = subprocess.run(
                [program("profilectl"), "--server", server.address, "--ca", self.path("ca.crt"),
                 "--tls", "profile", "email:ada.byron@example.com"],
                capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("Ada", done.stdout)
            load = subprocess.run(
                [program("profilectl"), "--server", server.address, "--ca", self.path("ca.crt"),
                 "bench", "email:ada.byron@example.com", "--requests", "20"],
                capture_output=True, text=True, timeout=20)
            self.assertEqual(load.returncode, 0, load.stdout + load.stderr)

    def test_mutual_tls_turns_away_callers_without_a_certificate(self):
        flags = [*self.tls_flags(), f"--listen-tls-client-ca-file={self.path('ca.crt')}"]
        with closing(Server(self.sandbox.url, *flags)) as server:
            with grpc.secure_channel(
                    server.address,
                    grpc.ssl_channel_credentials(self.read("ca.crt"), self.read("caller.key"),
                                                 self.read("caller.crt"))) as channel:
                self.assertTrue(self.get_profile(channel).profile.person.name.first_name)
            with grpc.secure_channel(
                    server.address, grpc.ssl_channel_credentials(self.read("ca.crt"))) as channel:
                with self.assertRaises(grpc.RpcError) as caught:
                    self.get_profile(channel)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_the_upstreams_certificate_is_verified(self):
        tls = Sandbox("--tls-cert", self.path("server.crt"), "--tls-key", self.path("server.key"))
        with closing(tls):
            url = f"https://127.0.0.1:{tls.port}"
            request = messages.GetProfileRequest(identity=identity())
            with closing(Server(url, f"--upstream-ca-file={self.path('ca.crt')}")) as server:
                answer = server.call("GetProfile", request)
                self.assertTrue(answer.profile.person.name.first_name)
            with closing(Server(url)) as server:
                server.fails("GetProfile", request, grpc.StatusCode.UNAVAILABLE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
