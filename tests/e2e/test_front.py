"""nginx as deploy/nginx ships it: an ordinary caller works through it, and it stops what the server
cannot by itself."""

import os
import subprocess
import sys
import tempfile
import unittest

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "attacks"))

from attacks import continuation_flood, endless_text, rapid_reset, too_many_streams  # noqa: E402
from front import Front  # noqa: E402
from harness import (  # noqa: E402
    ADA, KIND, METHODS, SERVICE, Failure, Sandbox, Server, closing, identity,
)
from prober import line, probe  # noqa: E402
from victim import start, target_of  # noqa: E402


ENVOY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "envoy",
                     "profile-context.yaml")


class Fronted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def test_an_ordinary_caller_works_through_it(self):
        with tempfile.TemporaryDirectory() as folder, closing(Server(self.sandbox.url)) as server:
            crt, key = folder + "/front.crt", folder + "/front.key"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                            "-out", crt, "-subj", "/CN=localhost", "-days", "2",
                            "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
            with open(crt, "rb") as file:
                credentials = grpc.ssl_channel_credentials(file.read())
            with Front(server.address, (crt, key)) as front, grpc.secure_channel(
                    front.address, credentials,
                    [("grpc.ssl_target_name_override", "localhost")]) as channel:
                request_type, response_type = METHODS["GetContext"]
                ask = channel.unary_unary(SERVICE + "GetContext", request_type.SerializeToString,
                                          response_type.FromString)
                for _ in range(20):
                    answer = ask(request_type(identity=identity(*ADA)), timeout=10)
                    self.assertEqual(answer.context.profile.person.name.first_name, "Ada")
                # Failures keep their details, streams their flow.
                with self.assertRaises(grpc.RpcError) as caught:
                    ask(request_type(), timeout=10)
                self.assertEqual(Failure(caught.exception).reason, "INVALID_REQUEST")
                request_type, response_type = METHODS["StreamEvents"]
                events = list(channel.unary_stream(
                    SERVICE + "StreamEvents", request_type.SerializeToString, response_type.FromString)(
                        request_type(identity=identity(*ADA), page_size=2), timeout=10))
                self.assertGreater(len(events), 1)
                self.assertEqual(channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5),
                                 b"\x08\x01")
                # What is not for outside is not passed on.
                with self.assertRaises(grpc.RpcError) as caught:
                    channel.unary_unary("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")(
                        b"", timeout=5)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_envoys_configuration_has_the_form_it_must(self):
        with open(ENVOY) as file:
            lines = file.read().splitlines()
        # No parser of YAML here: indentation by twos, brackets in pairs, and no bound left out.
        for number, line_ in enumerate(lines, 1):
            indent = len(line_) - len(line_.lstrip())
            self.assertEqual(indent % 2, 0, f"line {number}")
            for opening, closing_ in ["{}", "[]"]:
                self.assertEqual(line_.count(opening), line_.count(closing_), f"line {number}")
        text = "\n".join(lines)
        for needed in ["max_concurrent_streams: 128", "max_request_headers_kb: 16",
                       "request_headers_to_remove: [x-caller]", "premature_reset_total_stream_count",
                       "max_active_downstream_connections"]:
            self.assertIn(needed, text)

    def test_what_the_server_cannot_stop_does_not_reach_it(self):
        with closing(start(self.sandbox)) as server, Front(server.address) as front:
            target = target_of(server, 0.2, front.address)
            for attack in [rapid_reset, too_many_streams, continuation_flood, endless_text]:
                with self.subTest(attack=attack.__name__):
                    report = probe(server, attack, target, front.address, hold=0.3)
                    print(line(report), file=sys.stderr)
                    self.assertEqual(report.failed, 0, report)
                    self.assertLess(report.handlers, 1500, report)
                    if KIND == "plain":
                        self.assertLess(report.peak_mb, report.before_mb + 40, report)


if __name__ == "__main__":
    unittest.main()
