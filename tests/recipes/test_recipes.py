"""Each recipe of each language against the server. Environment: as tests/recipes/run sets it."""

import os
import subprocess
import tempfile
import unittest

from certificates import make_certificates
from harness import ADA, Sandbox, Server, program, wait_until
from unhealthy import Unhealthy

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.environ["PC_RECIPES"]


class Shared:
    """What all recipes are tried against."""

    @classmethod
    def start(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        make_certificates(cls.folder)
        cls.sandbox = Sandbox()
        # What the programs take to read their first answer on a busy machine is not in question.
        cls.server = Server(cls.sandbox.url, "--operator-address=127.0.0.1:0",
                            "--defaults-answer-margin=400ms")
        cls.tls_server = Server(
            cls.sandbox.url,
            *(f"--listen-tls-{what}-file={os.path.join(cls.folder, name)}" for what, name in [
                ("certificate", "server.crt"), ("key", "server.key"), ("client-ca", "ca.crt")]))

    @classmethod
    def stop(cls):
        for process in [cls.server, cls.tls_server, cls.sandbox]:
            process.close()
        cls.temporary.cleanup()


def setUpModule():  # noqa: N802  (unittest's name)
    Shared.start()


def tearDownModule():  # noqa: N802
    Shared.stop()


class Recipes:
    def start(self, name, *arguments):
        return subprocess.Popen([*self.command(name), *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, "GRPC_GO_RETRY": "on"})

    def finish(self, recipe, wanted=0):
        try:
            output, _ = recipe.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            recipe.kill()
            output, _ = recipe.communicate()
            raise AssertionError(f"does not end: {output}") from None
        self.assertEqual(recipe.returncode == 0, wanted == 0, output)
        return output

    def run_recipe(self, *arguments, wanted=0):
        return self.finish(self.start(*arguments), wanted)

    def test_get_context(self):
        output = self.run_recipe("get_context", Shared.server.address, *ADA)
        self.assertIn("first name: Ada\n", output)
        self.assertNotIn("incomplete", output)

    def test_get_context_has_the_rest_when_events_are_late(self):
        Shared.sandbox.faults({"operations": {"events": {"delayMs": 5000}}})
        self.addCleanup(Shared.sandbox.faults, {})
        output = self.run_recipe("get_context", Shared.server.address, *ADA)
        self.assertIn("first name: Ada\n", output)
        self.assertIn("SECTION_EVENTS is incomplete: ", output)

    def test_error_details(self):
        output = self.run_recipe("error_details", Shared.server.address)
        self.assertIn("reason: INVALID_REQUEST\n", output)
        self.assertIn("domain: profilecontext\n", output)
        self.assertIn("field: identity.namespace: must be", output)
        self.assertRegex(output, "request id: pc-.+\n")

    def failures(self):
        return sum(value for name, value in Shared.server.metrics().items()
                   if "GetProfile" in name and "UNAVAILABLE" in name)

    def test_retries(self):
        before = self.failures()
        Shared.sandbox.faults({"operations": {"profile": {"errorRate": 1, "errorStatus": 503}}})
        self.addCleanup(Shared.sandbox.faults, {})
        recipe = self.start("retries", Shared.server.address, *ADA)
        wait_until(lambda: self.failures() > before, 20, "a call that failed")
        Shared.sandbox.faults({})
        self.assertIn("first name: Ada\n", self.finish(recipe))

    def test_health_checked(self):
        server = Unhealthy()
        self.addCleanup(server.close)
        recipe = self.start("health_checked", server.address, *ADA)
        wait_until(lambda: server.watchers > 0, 20, "a client that watches")
        self.assertEqual(server.calls, 0)
        server.is_healthy.set()
        self.assertIn("first name: Ada\n", self.finish(recipe))
        self.assertEqual(server.calls, 1)

    def test_health_checked_of_the_real_server(self):
        output = self.run_recipe("health_checked", Shared.server.address, *ADA)
        self.assertIn("first name: Ada\n", output)

    def mtls(self, ca, wanted):
        files = [os.path.join(Shared.folder, name) for name in [ca, "caller.crt", "caller.key"]]
        target = "localhost:" + Shared.tls_server.address.rsplit(":", 1)[1]
        return self.run_recipe("mtls", target, *files, *ADA, wanted=wanted)

    def test_mtls(self):
        self.assertIn("first name: Ada\n", self.mtls("ca.crt", 0))

    def test_mtls_refuses_a_server_of_another_ca(self):
        # A certificate that did not sign the server's.
        self.assertNotIn("first name", self.mtls("caller.crt", 1))


class C(Recipes, unittest.TestCase):
    def command(self, name):
        return [program(name)]


class Python(Recipes, unittest.TestCase):
    def command(self, name):
        return ["/usr/bin/python3", os.path.join(HERE, "python", name + ".py")]


class Node(Recipes, unittest.TestCase):
    def command(self, name):
        return ["node", os.path.join(HERE, "node", name + ".js")]


class Go(Recipes, unittest.TestCase):
    def command(self, name):
        return [os.path.join(BUILT, "go", name)]


class Cpp(Recipes, unittest.TestCase):
    def command(self, name):
        return [os.path.join(BUILT, "cpp", name)]


class Java(Recipes, unittest.TestCase):
    def command(self, name):
        camel = "".join(part.capitalize() for part in name.split("_"))
        return ["java", "-XX:TieredStopAtLevel=1", camel]

    @unittest.skip("Debian's netty has no ALPN, so that there is no gRPC over TLS with it")
    def test_mtls(self):
        pass

    test_mtls_refuses_a_server_of_another_ca = test_mtls


if __name__ == "__main__":
    unittest.main(verbosity=2)
