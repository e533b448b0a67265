"""What callers get when the upstream misbehaves, and that it passes without a restart."""

import signal
import socket
import threading
import time
import unittest

import grpc

from harness import (
    Process, Sandbox, Server, closing, context_pb2, identity, messages, program, wait_until,
)

LATE = context_pb2.SECTION_STATUS_LATE
FAILED = context_pb2.SECTION_STATUS_FAILED
NOT_ENABLED = context_pb2.SECTION_STATUS_NOT_ENABLED
OK = context_pb2.SECTION_STATUS_OK
# How long after its deadline a call may take at most, by the project's contract.
GRACE = 0.050


def only(**operations):
    return {"operations": operations}


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.server = Server(cls.sandbox.url)

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.faults({})
        cls.sandbox.close()
        cls.server.end_well()

    def setUp(self):
        self.sandbox.faults({})
        self.profile()

    def profile(self, timeout=10):
        return self.server.call(
            "GetProfile", messages.GetProfileRequest(identity=identity()), timeout=timeout
        )

    def profile_fails(self, code, reason=None, timeout=10):
        return self.server.fails(
            "GetProfile", messages.GetProfileRequest(identity=identity()), code, reason,
            timeout=timeout,
        )

    def sections(self, timeout=10):
        context = self.server.call(
            "GetContext", messages.GetContextRequest(identity=identity()), timeout=timeout
        ).context
        return {s.section: s for s in context.sections}, context

    def test_a_late_section_is_told_before_deadlines_of_any_length(self):
        """gRPC core rounds long deadlines up when it writes them, so ours ends later than the
        caller's."""
        self.sandbox.faults(only(events={"hangRate": 1.0}))
        request = messages.GetContextRequest(
            identity=identity(), read_mask={"paths": ["profile", "events"]})
        calls = [
            self.server.channel.unary_unary(
                "/profilecontext.v1.ProfileContext/GetContext", lambda m: m.SerializeToString(),
                messages.GetContextResponse.FromString,
            ).future(request, timeout=timeout)
            for timeout in (0.5, 0.95, 1.0, 1.003, 1.5, 1.996, 2.0, 2.222)
            for _ in range(5)
        ]
        answered = [call.result().context for call in calls if call.exception() is None]
        # A busy machine may be late for some; with the wrong idea of deadlines it is for most.
        self.assertGreater(len(answered), len(calls) * 3 // 4)
        for context in answered:
            statuses = {s.section: s.status for s in context.sections}
            self.assertEqual(statuses[context_pb2.SECTION_EVENTS], LATE)

    def recovers(self):
        self.sandbox.faults({})

        def works():
            try:
                return self.profile()
            except grpc.RpcError:
                return None

        wait_until(works, 10, "the server to recover by itself")

    def test_refused_events_do_not_spoil_the_context(self):
        self.sandbox.faults(only(events={"refuse": True}))
        sections, context = self.sections()
        self.assertEqual(sections[2].status, NOT_ENABLED)
        self.assertEqual(sections[2].reason, "EVENTS_NOT_ENABLED")
        self.assertEqual(sections[1].status, OK)
        self.assertTrue(context.profile.person.name.first_name)
        self.server.fails(
            "ListEvents", messages.ListEventsRequest(identity=identity()),
            grpc.StatusCode.PERMISSION_DENIED, "EVENTS_NOT_ENABLED",
        )

    def test_late_events_are_marked_late_and_the_deadline_is_kept(self):
        self.sandbox.faults(only(events={"hangRate": 1}))
        started = time.monotonic()
        sections, context = self.sections(timeout=0.5)
        self.assertLess(time.monotonic() - started, 0.5 + GRACE)
        self.assertEqual(sections[2].status, LATE)
        self.assertEqual(sections[1].status, OK)
        self.assertTrue(context.segment_memberships)

    def test_hanging_names_leave_segments_without_names(self):
        self.sandbox.faults(only(audiences={"hangRate": 1}))
        with closing(Server(self.sandbox.url, "--defaults-answer-margin=300ms")) as fresh:
            answer = fresh.call(
                "ListSegmentMemberships",
                messages.ListSegmentMembershipsRequest(identity=identity()),
                timeout=1.0,
            )
        self.assertTrue(answer.segment_memberships)
        self.assertFalse(any(s.HasField("display_name") for s in answer.segment_memberships))

    def test_a_hanging_upstream_ends_with_the_deadline(self):
        self.sandbox.faults(only(profile={"hangRate": 1}, events={"hangRate": 1}))
        for seconds in [0.05, 0.3, 1.0]:
            started = time.monotonic()
            self.profile_fails(grpc.StatusCode.DEADLINE_EXCEEDED, timeout=seconds)
            self.assertLess(time.monotonic() - started, seconds + GRACE)
        self.recovers()

    def test_garbage_and_half_a_body_fail_cleanly(self):
        self.sandbox.faults(only(profile={"corruptRate": 1}))
        self.profile_fails(grpc.StatusCode.INTERNAL, "UPSTREAM_BODY_UNREADABLE")
        self.sandbox.faults(only(profile={"cutRate": 1}))
        self.profile_fails(grpc.StatusCode.UNAVAILABLE)
        sections, _ = self.sections()
        self.assertEqual(sections[1].status, FAILED)
        self.assertEqual(sections[2].status, OK)
        self.recovers()

    def test_throttling_says_when_to_retry(self):
        self.sandbox.faults(only(profile={"throttleAllow": 0, "retryAfterMs": 700}))
        failure = self.profile_fails(grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(failure.retry_ms, 700)
        self.recovers()

    def test_server_errors_are_unavailable(self):
        for status in [500, 502, 503, 504]:
            self.sandbox.faults(only(profile={"errorRate": 1, "errorStatus": status}))
            self.profile_fails(grpc.StatusCode.UNAVAILABLE)
        self.recovers()

    def test_not_found_has_one_meaning_in_all_its_forms(self):
        nobody = messages.GetProfileRequest(identity=identity(id="nobody@example.com"))
        for shape in [False, True]:
            self.sandbox.faults({"shapes": {"notFoundAsEmpty": shape}})
            self.server.fails("GetProfile", nobody, grpc.StatusCode.NOT_FOUND, "PROFILE_NOT_FOUND")
            self.server.fails(
                "GetContext",
                messages.GetContextRequest(identity=identity(id="nobody@example.com")),
                grpc.StatusCode.NOT_FOUND,
                "PROFILE_NOT_FOUND",
            )

    def test_a_dead_token_endpoint_is_unavailable_and_recovers(self):
        self.sandbox.faults(only(token={"down": True}))
        with closing(Server(self.sandbox.url)) as fresh:
            request = messages.GetProfileRequest(identity=identity())
            started = time.monotonic()
            fresh.fails("GetProfile", request, grpc.StatusCode.UNAVAILABLE, timeout=2)
            self.assertLess(time.monotonic() - started, 2 + GRACE)
            self.sandbox.faults({})

            def works():
                try:
                    return fresh.call("GetProfile", request)
                except grpc.RpcError:
                    return None

            wait_until(works, 10, "the token to be had again")

    def test_refused_credentials_are_the_servers_fault_not_the_callers(self):
        wrong = {"PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET": "wrong"}
        with closing(Server(self.sandbox.url, env=wrong)) as server:
            server.fails(
                "GetProfile", messages.GetProfileRequest(identity=identity()),
                grpc.StatusCode.UNAVAILABLE, "UPSTREAM_TOKEN_REFUSED",
            )

    def test_a_revoked_token_is_replaced_without_a_word(self):
        self.sandbox.call("DELETE", "/_sandbox/tokens")
        self.profile()

    def test_a_killed_upstream_is_unavailable_and_its_return_is_noticed(self):
        sandbox = Sandbox()
        with closing(Server(sandbox.url)) as server:
            request = messages.GetProfileRequest(identity=identity())
            server.call("GetProfile", request)
            sandbox.stop(signal.SIGKILL)
            sandbox.close()
            server.fails("GetProfile", request, grpc.StatusCode.UNAVAILABLE)
            again = Sandbox(port=sandbox.port)
            try:

                def works():
                    try:
                        return server.call("GetProfile", request)
                    except grpc.RpcError:
                        return None

                wait_until(works, 10, "the upstream's return to be noticed")
            finally:
                again.close()

    def test_a_caller_that_goes_ends_the_upstream_transfer(self):
        self.sandbox.faults(only(profile={"hangRate": 1}))
        call = self.server.channel.unary_unary(
            "/profilecontext.v1.ProfileContext/GetProfile",
            messages.GetProfileRequest.SerializeToString,
            messages.GetProfileResponse.FromString,
        ).future(messages.GetProfileRequest(identity=identity()), timeout=30)
        wait_until(lambda: self.sandbox.stats()["inFlight"] >= 1, 10, "the transfer to start")
        call.cancel()
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 0, 10, "the transfer to end")


class Stopping(unittest.TestCase):
    def test_a_drain_answers_what_was_accepted(self):
        with closing(Sandbox("--generate", "20")) as sandbox, \
                closing(Server(sandbox.url)) as server:
            server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
            sandbox.faults(only(profile={"delayMs": 500}))
            results = []

            def ask(person):
                request = messages.GetProfileRequest(identity=identity("CRMID", person))
                results.append(server.call("GetProfile", request))

            persons = [f"C{i:07}" for i in range(1, 21)]
            threads = [threading.Thread(target=ask, args=[person]) for person in persons]
            for thread in threads:
                thread.start()
            wait_until(lambda: sandbox.stats()["inFlight"] >= 20, 10, "20 transfers")
            self.assertEqual(server.stop(signal.SIGTERM), 0)
            for thread in threads:
                thread.join()
            self.assertEqual(len(results), 20)

    def test_sigint_ends_with_zero_too(self):
        with closing(Sandbox()) as sandbox, closing(Server(sandbox.url)) as server:
            self.assertEqual(server.stop(signal.SIGINT), 0)


class Starting(unittest.TestCase):
    """A start that cannot work ends at once, with one clear line and not 0."""

    def fails(self, words, *arguments):
        base = [
            program("profile-contextd"), "--listen-address=127.0.0.1:0",
            "--upstream-base-url=http://127.0.0.1:9", "--upstream-ims-url=http://127.0.0.1:9",
            "--upstream-client-id=c", "--upstream-org-id=o", "--upstream-merge-policy=m",
            "--log-format=text",
        ]
        process = Process(
            base + list(arguments), env={"PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET": "s"}
        )
        try:
            code = process.popen.wait(20)
            log = process.read_log()
            self.assertNotEqual(code, 0, log)
            self.assertIn(words, log)
            return log
        finally:
            process.close()

    def test_a_taken_port(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.fails("another program has this port", f"--listen-address=127.0.0.1:{port}")

    def test_a_taken_operator_port(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            log = self.fails("another program has this port", f"--operator-address=127.0.0.1:{port}")
            self.assertIn("--operator-address", log)

    def test_an_operator_address_that_is_none(self):
        self.fails("must be host:port", "--operator-address=9464")

    def test_a_missing_certificate(self):
        self.fails(
            "/nonexistent/cert.pem",
            "--listen-tls-certificate-file=/nonexistent/cert.pem",
            "--listen-tls-key-file=/nonexistent/key.pem",
        )

    def test_an_unknown_flag(self):
        self.fails("--no-such-flag", "--no-such-flag")

    def test_a_missing_configuration_file(self):
        self.fails("/nonexistent.yaml", "--config=/nonexistent.yaml")

    def test_plain_http_to_another_host(self):
        self.fails("http", "--upstream-base-url=http://example.com")

    def test_a_sandbox_that_is_not_there(self):
        self.fails("sandbox", "--sandbox", "--sandbox-program=/nonexistent")


if __name__ == "__main__":
    unittest.main(verbosity=2)
