"""Who is served when many call: quotas, what calls say of themselves, overload."""

import concurrent.futures
import re
import resource
import select
import socket
import subprocess
import tempfile
import time
import unittest

import grpc

from harness import ADA, SERVICE, Failure, Sandbox, Server, closing, identity, messages, program, wait_until

GET = SERVICE + "GetContext"
HEDY = ("Email", "hedy.lamarr@example.com")


def request_bytes(person=ADA, **fields):
    return messages.GetContextRequest(identity=identity(*person), **fields).SerializeToString()


class Caller:
    """A caller at an address of its own, on the loopback network."""

    def __init__(self, server, metadata=(), options=()):
        self.channel = grpc.insecure_channel(
            server.address, [("grpc.use_local_subchannel_pool", 1), *options])
        self.ask = self.channel.unary_unary(GET, lambda b: b, lambda b: b)
        self.metadata = list(metadata)

    def call(self, data, timeout=10):
        """None, or how it failed."""
        try:
            self.ask(data, timeout=timeout, metadata=self.metadata)
            return None
        except grpc.RpcError as error:
            return Failure(error)

    def close(self):
        self.channel.close()


def is_closed(connection):
    return bool(select.select([connection], [], [], 0)[0])


class Door(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def start(self, *options):
        return Server(self.sandbox.url, "--cache-max-bytes=64MiB", "--operator-address=127.0.0.1:0",
                      "--log-level=info", *options)

    def test_a_caller_over_its_quota_is_told_when_to_come_again_and_others_are_served(self):
        # Callers are told apart by their address; one comes over a forwarded name.
        with closing(self.start("--door-caller-rate=50", "--door-caller-burst=20",
                                "--identity-mode=forwarded", "--identity-forwarded-header=x-caller",
                                "--identity-trust-unix-socket=true",
                                "--listen-address=unix:" + self.socket())) as server:
            noisy = Caller(server, [("x-caller", "noisy")])
            other = Caller(server, [("x-caller", "other")])
            data = request_bytes()
            self.assertIsNone(other.call(data))
            refused, served, others = [], [], []
            end = time.monotonic() + 2.0
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                def shout():
                    while time.monotonic() < end:
                        failure = noisy.call(data)
                        (served if failure is None else refused).append(failure)

                def talk():
                    while time.monotonic() < end:
                        others.append(other.call(data))
                        time.sleep(0.04)

                for done in [pool.submit(shout), pool.submit(talk)]:
                    done.result()
            self.assertEqual([f for f in others if f is not None], [])
            self.assertGreater(len(others), 10)
            # At most the burst, and the rate for as long as it took.
            self.assertLessEqual(len(served), 20 + 50 * 2.5)
            self.assertGreater(len(refused), 5 * len(served))  # ten times its quota, about
            for failure in refused:
                self.assertEqual(failure.code, grpc.StatusCode.RESOURCE_EXHAUSTED)
                self.assertEqual(failure.reason, "CALLER_RATE_EXCEEDED")
                self.assertGreater(failure.retry_ms, 0)
                self.assertLessEqual(failure.retry_ms, 30)
            self.assertEqual(server.metrics()["profilecontext_door_over_quota_total"], len(refused))
            noisy.close()
            other.close()

    def socket(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        return self.folder.name + "/door"

    def test_what_is_critical_is_served_when_there_is_too_much_to_do(self):
        with closing(self.start("--door-max-delay=2ms", "--listen-rpc-threads=1",
                                "--cache-events=1000", "--defaults-event-limit-max=1000")) as server:
            data = request_bytes()
            server.call("GetContext", messages.GetContextRequest(identity=identity(*ADA)))
            load = subprocess.Popen(
                [program("profilectl"), "--server", server.address, "bench", "email:" + HEDY[1],
                 "--event-limit", "1000", "--in-flight", "1000", "--duration", "60s", "--warmup", "0s"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            callers = {name: Caller(server, [("x-criticality", name)])
                       for name in ["routing", "agent", "batch", "prefetch"]}
            try:
                failure = wait_until(lambda: callers["batch"].call(data), 20, "a batch to be turned away")
                self.assertEqual((failure.code, failure.reason),
                                 (grpc.StatusCode.UNAVAILABLE, "OVERLOADED"))
                self.assertGreaterEqual(failure.retry_ms, 100)
                # Half of these are always served.
                wait_until(lambda: callers["routing"].call(data) is None, 20, "routing to be served")
            finally:
                load.kill()
                load.wait()
            # It is over as soon as the reason is.
            for name in callers:
                wait_until(lambda n=name: callers[n].call(data) is None, 5, f"{name} to be served")
            metrics = server.metrics()
            self.assertGreater(metrics['profilecontext_door_shed_total{criticality="batch"}'], 0)
            for caller in callers.values():
                caller.close()

    def test_who_may_not_be_critical_is_turned_away_first(self):
        """Whatever the call claims: the caller's rule says what it is at most."""
        policy = tempfile.NamedTemporaryFile("w", suffix=".yaml")
        self.addCleanup(policy.close)
        policy.write("callers: [{name: '', rpcs: '*', sections: '*', namespaces: '*', sandboxes: '*', "
                     "merge_policies: '*', criticality: batch}]\n")
        policy.flush()
        with closing(self.start("--door-max-delay=2ms", "--listen-rpc-threads=1", "--cache-events=1000",
                                "--defaults-event-limit-max=1000",
                                f"--access-policy-file={policy.name}")) as server:
            server.call("GetContext", messages.GetContextRequest(identity=identity(*ADA)))
            load = subprocess.Popen(
                [program("profilectl"), "--server", server.address, "bench", "email:" + HEDY[1],
                 "--event-limit", "1000", "--in-flight", "1000", "--duration", "60s", "--warmup", "0s"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            caller = Caller(server, [("x-criticality", "routing")])

            def turned_away():
                failure = caller.call(request_bytes())
                self.assertIn(failure.reason, ("POLICY_CRITICALITY_DENIED", "OVERLOADED"))
                return failure.reason == "OVERLOADED"

            try:
                wait_until(turned_away, 20, "the claim to be turned away")
            finally:
                load.kill()
                load.wait()
            caller.close()
            shed = {name: count for name, count in server.metrics().items()
                    if name.startswith("profilecontext_door_shed_total") and count > 0}
            self.assertEqual(list(shed), ['profilecontext_door_shed_total{criticality="batch"}'])

    def test_an_unknown_criticality_is_refused_and_health_is_never(self):
        with closing(self.start()) as server:
            failure = server.fails("GetContext", messages.GetContextRequest(identity=identity(*ADA)),
                                   grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST",
                                   metadata=[("x-criticality", "mine")])
            self.assertIn("x-criticality", failure.violations)
            check = server.channel.unary_unary("/grpc.health.v1.Health/Check")
            self.assertEqual(check(b"", metadata=[("x-criticality", "mine")], timeout=5), b"\x08\x01")

    def test_descriptors_that_are_short_cost_connections_and_no_more(self):
        with closing(self.start()) as server:
            host, port = server.address.rsplit(":", 1)
            known = messages.GetContextRequest(identity=identity(*ADA))
            server.call("GetContext", known)
            # CVE-2023-4785: from here on accept fails with EMFILE.
            whole = resource.prlimit(server.popen.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(server.popen.pid, resource.RLIMIT_NOFILE, (100, whole[1]))
            held = [socket.create_connection((host, int(port)), timeout=10) for _ in range(400)]
            # Who was connected is served all the same.
            for _ in range(5):
                server.call("GetContext", known)
            # Nobody is left waiting who cannot come in.
            wait_until(lambda: sum(map(is_closed, held)) > 200, 10, "refusals")
            resource.prlimit(server.popen.pid, resource.RLIMIT_NOFILE, whole)
            for one in held:
                one.close()

            def served():
                caller = Caller(server)
                failure = caller.call(request_bytes())
                caller.close()
                return failure is None

            wait_until(served, 10, "a new caller to be served")

    def test_a_port_that_is_dead_ends_the_process(self):
        # The test has the listening socket too, and shuts it: nobody can come in any more.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"--listen-address=fd:{listener.fileno()}"
            server = Server(self.sandbox.url, address, "--door-probe-interval=300ms",
                            "--operator-address=127.0.0.1:0", "--log-level=info",
                            pass_fds=[listener.fileno()])
            with closing(server):
                server.call("GetContext", messages.GetContextRequest(identity=identity(*ADA)))
                watch = server.channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=30)
                self.assertEqual(next(watch), b"\x08\x01")
                self.assertEqual(server.operator("/readyz")[0], 200)
                listener.shutdown(socket.SHUT_RDWR)
                # Who is connected is told, and so is who asks the operator port.
                self.assertEqual(next(watch), b"\x08\x02")
                wait_until(lambda: "server.answers_no_more" in server.read_log(), 10, "a word of it")
                self.assertEqual(server.popen.wait(30), 3)
                self.assertIn('"event":"server.dead"', server.read_log())

    def test_the_version_tells_what_the_core_lacks(self):
        text = subprocess.run([program("profile-contextd"), "--version"], capture_output=True,
                              text=True, check=True).stdout
        abi = int(re.search(r"gRPC core (\d+)\.", text).group(1))
        self.assertEqual("CVE-2023-44487" in text, abi < 36)


if __name__ == "__main__":
    unittest.main()
