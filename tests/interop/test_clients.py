"""The same GetContext through five independent gRPC stacks, reflection in both versions, health."""

import base64
import json
import os
import subprocess
import unittest

import harness  # noqa: I100  (sets the path of the stubs)
import grpc
from google.protobuf import json_format
import health_pb2

from harness import ADA, BIN, Sandbox, Server, identity, messages, program

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INTEROP = os.path.join(ROOT, "tests", "interop")


def settle(context):
    """Takes out what differs from call to call: when it was fetched, and how old it is."""
    for section in context.sections:
        section.ClearField("fetch_time")
        section.ClearField("age")
    return json.loads(json_format.MessageToJson(context))


def cut_at_nul(value):
    """What protobuf-c can hold of strings: C strings end at a NUL."""
    if isinstance(value, dict):
        return {key: cut_at_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [cut_at_nul(item) for item in value]
    return value.split("\0")[0] if isinstance(value, str) else value


def run(*command, env=None):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})}
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout


class Clients(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.server = Server(cls.sandbox.url, "--config", os.path.join(ROOT, "deploy/sandbox.yaml"),
                            "--no-sandbox-enabled")
        request = messages.GetContextRequest(identity=identity())
        cls.wanted = settle(cls.server.call("GetContext", request).context)
        assert len(cls.wanted["insights"]) == 6, cls.wanted.get("insights")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.close()
        cls.sandbox.close()

    def same_bytes(self, text):
        response = messages.GetContextResponse.FromString(base64.b64decode(text))
        self.assertEqual(settle(response.context), self.wanted)

    def same_json(self, text):
        response = json_format.Parse(text, messages.GetContextResponse())
        self.assertEqual(settle(response.context), self.wanted)

    def test_node(self):
        self.same_bytes(
            run("node", os.path.join(INTEROP, "node", "get_context.js"), self.server.address,
                os.path.join(ROOT, "proto"), *ADA,
                env={"NODE_PATH": os.path.join(INTEROP, "node_modules")})
        )

    def test_go(self):
        self.same_bytes(run(os.environ["PC_GO_CLIENT"], self.server.address, *ADA))

    def test_buf_curl_with_reflection(self):
        self.same_json(
            run(os.path.join(INTEROP, "node_modules", ".bin", "buf"), "curl", "--protocol", "grpc",
                "--http2-prior-knowledge", "--reflect",
                "-d", json.dumps({"identity": identity()}),
                f"http://{self.server.address}/profilecontext.v1.ProfileContext/GetContext")
        )

    def test_profilectl(self):
        self.same_json(
            run(program("profilectl"), "--server", self.server.address, "--json", "context",
                "email:" + ADA[1])
        )

    def test_every_demonstration_customer_reads_the_same_everywhere(self):
        for who in ["mei.lin", "carl.gauss", "sofia.many", "emmy.noether", "odd.data",
                    "leonhard.euler", "hedy.lamarr", "marie.curie"]:
            address = who + "@example.com"
            request = messages.GetContextRequest(identity=identity(id=address))
            wanted = settle(self.server.call("GetContext", request).context)
            text = run(program("profilectl"), "--server", self.server.address, "--json", "context",
                       "email:" + address)
            response = json_format.Parse(text, messages.GetContextResponse())
            self.assertEqual(settle(response.context), cut_at_nul(wanted), who)
            text = run("node", os.path.join(INTEROP, "node", "get_context.js"),
                       self.server.address, os.path.join(ROOT, "proto"), "Email", address,
                       env={"NODE_PATH": os.path.join(INTEROP, "node_modules")})
            response = messages.GetContextResponse.FromString(base64.b64decode(text))
            self.assertEqual(settle(response.context), wanted, who)

    def test_reflection_lists_the_service_in_both_versions(self):
        for version in ["v1", "v1alpha"]:
            method = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
            # list_services is field 7 of the request, file_containing_symbol field 4; the answer
            # has file descriptors in field 4 and services in field 6.
            call = self.server.channel.stream_stream(method, lambda b: b, lambda b: b)
            symbol = b"profilecontext.v1.ProfileContext"
            requests = [b"\x3a\x00", b"\x22" + bytes([len(symbol)]) + symbol, b"\x22\x04nope"]
            answers = list(call(iter(requests), timeout=10))
            self.assertEqual(len(answers), 3, version)
            self.assertIn(symbol, answers[0])
            self.assertIn(b"grpc.health.v1.Health", answers[0])
            self.assertIn(b"profilecontext/v1/profile_context.proto", answers[1])
            self.assertIn(b"no such", answers[2])

    def test_health_answers_check_and_watch(self):
        check = self.server.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        for service in ["", "profilecontext.v1.ProfileContext"]:
            answer = check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            self.assertEqual(answer.status, 1)
        with self.assertRaises(grpc.RpcError) as caught:
            check(health_pb2.HealthCheckRequest(service="nope"), timeout=5)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        with Watcher(self.server.address, "") as whole, \
                Watcher(self.server.address, "nope") as unknown:
            self.assertEqual(next(whole.answers).status, 1)
            self.assertEqual(next(unknown.answers).status, 3)

    def test_a_drain_tells_health_watchers(self):
        server = Server(self.sandbox.url)
        try:
            with Watcher(server.address, "profilecontext.v1.ProfileContext") as watcher:
                self.assertEqual(next(watcher.answers).status, 1)
                self.assertEqual(server.stop(), 0)
                self.assertEqual(next(watcher.answers).status, 2)
                with self.assertRaises(grpc.RpcError) as caught:
                    next(watcher.answers)
                self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        finally:
            server.close()


class Watcher:
    def __init__(self, address, service):
        self.channel = grpc.insecure_channel(address)
        self.answers = self.channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )(health_pb2.HealthCheckRequest(service=service), timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.answers.cancel()
        self.channel.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
