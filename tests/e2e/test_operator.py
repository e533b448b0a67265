"""The operator port: what is counted, who may know it, and when the server calls itself ready."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import grpc

from harness import (
    ADA, Process, Sandbox, Server, batch_messages, closing, entity_messages, identity, messages,
    prefetch_messages, program, wait_until,
)

SECTIONS = ["profile", "events", "segment_memberships", "identities", "insights", "summary"]
MEI = ("Email", "mei.lin@example.com")
NOBODY = ("Email", "canary.nobody@example.com")


def rpc(name, method, code=None, service="profilecontext.v1.ProfileContext"):
    """The name of a sample about a method."""
    labels = f'grpc_service="{service}",grpc_method="{method}"'
    if code is not None:
        labels += f',grpc_code="{code}"'
    return f"profilecontext_rpc_{name}{{{labels}}}"


def section(name, origin, status):
    labels = f'section="{name}",origin="{origin}",status="{status}"'
    return f"profilecontext_section_answers_total{{{labels}}}"


def upstream(name, operation):
    return f'profilecontext_upstream_{name}_total{{operation="{operation}"}}'


def answers(operation, result):
    return f'profilecontext_upstream_answers_total{{operation="{operation}",result="{result}"}}'


class Operator(unittest.TestCase):
    """Each test has a server of its own, whose counts begin with 0."""

    arguments = ("--cache-max-bytes=64MiB",)

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.server = Server(
            self.sandbox.url, "--operator-address=127.0.0.1:0", "--upstream-timeout=5s",
            *self.arguments
        )
        self.addCleanup(self.server.end_well)

    def context(self, person=ADA, timeout=10, **fields):
        request = messages.GetContextRequest(identity=identity(*person), **fields)
        return self.server.call("GetContext", request, timeout)

    def wait_for(self, expected):
        """Waits until these samples have these values: a call is counted when its end is known,
        which may be after its answer was read."""
        found = {}

        def counted():
            metrics = self.server.metrics()
            found.update({name: metrics[name] for name in expected})
            return found == expected

        try:
            wait_until(counted, 10, "the counts")
        except AssertionError:
            self.assertEqual(found, expected)


class Calls(Operator):
    def test_calls_are_counted_by_method_and_code(self):
        for _ in range(3):
            self.context()
        unknown = messages.GetProfileRequest(identity=identity(*NOBODY))
        self.server.fails("GetProfile", unknown, grpc.StatusCode.NOT_FOUND)
        self.server.fails("GetProfile", b"\xff", grpc.StatusCode.INVALID_ARGUMENT)
        with self.assertRaises(grpc.RpcError):
            self.server.channel.unary_unary("/canary.Service/Canary")(b"", timeout=10)
        self.wait_for({
            rpc("calls_total", "GetContext", "OK"): 3,
            rpc("duration_seconds_count", "GetContext"): 3,
            rpc("in_flight", "GetContext"): 0,
            rpc("calls_total", "GetProfile", "NOT_FOUND"): 1,
            rpc("calls_total", "GetProfile", "INVALID_ARGUMENT"): 1,
            rpc("calls_total", "GetProfile", "OK"): 0,
            rpc("calls_total", "unknown", "UNIMPLEMENTED", service="unknown"): 1,
        })
        metrics = self.server.metrics()
        self.assertGreater(metrics[rpc("answer_bytes_total", "GetContext")], 3000)
        self.assertGreater(metrics[rpc("request_bytes_total", "GetContext")], 60)
        self.assertGreater(metrics[rpc("duration_seconds_sum", "GetContext")], 0)

    def test_durations_are_those_of_the_calls(self):
        self.sandbox.faults({"operations": {"profile": {"delayMs": 300}}})
        self.server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
        self.wait_for({rpc("duration_seconds_count", "GetProfile"): 1})
        took = self.server.metrics()[rpc("duration_seconds_sum", "GetProfile")]
        self.assertTrue(0.3 <= took < 10, took)

    def test_a_call_in_flight_shows_until_its_caller_goes(self):
        self.sandbox.faults({"operations": {"profile": {"hangRate": 1.0}}})
        call = self.server.channel.unary_unary(
            "/profilecontext.v1.ProfileContext/GetProfile",
            messages.GetProfileRequest.SerializeToString,
        ).future(messages.GetProfileRequest(identity=identity()), timeout=30)
        self.wait_for({
            rpc("in_flight", "GetProfile"): 1, "profilecontext_upstream_in_flight": 1,
        })
        call.cancel()
        self.wait_for({
            rpc("in_flight", "GetProfile"): 0, "profilecontext_upstream_in_flight": 0,
            rpc("calls_total", "GetProfile", "CANCELLED"): 1,
        })

    def test_no_count_is_lost_under_load(self):
        def ask():
            for _ in range(100):
                self.context()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.wait_for({
            rpc("calls_total", "GetContext", "OK"): 800,
            rpc("duration_seconds_count", "GetContext"): 800,
            rpc("in_flight", "GetContext"): 0,
        })


class Parts(Operator):
    def test_sections_tell_the_cache_from_the_upstream(self):
        self.context()
        self.context()
        expected = {section(name, origin, "ok"): 1
                    for name in SECTIONS for origin in ("upstream", "cache")}
        self.wait_for({**expected, "profilecontext_cache_records": 1,
                       "profilecontext_cache_max_bytes": 64 << 20,
                       "profilecontext_cache_evictions_total": 0})
        self.assertTrue(1000 < self.server.metrics()["profilecontext_cache_bytes"] < 100_000)

    def test_prefetched_parts_count_as_used_when_somebody_asks(self):
        def prefetch(person, **fields):
            self.server.call("PrefetchContexts", prefetch_messages.PrefetchContextsRequest(
                persons=[{"identity": identity(*person)}], **fields))

        def check(all, used, unused):
            name = "profilecontext_prefetched_parts"
            self.wait_for({f"{name}_total": all,
                           f'{name}_ended_total{{outcome="used"}}': used,
                           f'{name}_ended_total{{outcome="unused"}}': unused})

        prefetch(ADA)
        check(2, 0, 0)
        self.context()
        self.context()
        check(2, 2, 0)
        for times in (1, 2):
            prefetch(MEI, max_staleness={"seconds": 0})
            check(2 + 2 * times, 2, 2 * (times - 1))

    def test_sections_count_as_the_caller_got_them(self):
        self.sandbox.faults({"operations": {"events": {"errorRate": 1.0, "errorStatus": 500}}})
        self.context(read_mask={"paths": ["profile", "events"]})
        self.wait_for({
            section("profile", "upstream", "ok"): 1,
            section("events", "none", "failed"): 1,
            # What nobody asked for was not answered.
            section("insights", "upstream", "ok"): 0,
        })

    def test_a_known_person_whose_events_are_not_found_counts_as_answered(self):
        self.sandbox.faults({"operations": {"events": {"errorRate": 1.0, "errorStatus": 404}}})
        self.assertFalse(self.context().context.events)
        self.wait_for({section("events", "upstream", "ok"): 1,
                       section("events", "none", "missing"): 0,
                       section("events", "upstream", "missing"): 0})

    def test_each_person_of_a_batch_counts(self):
        persons = [{"identity": identity(*person)} for person in (ADA, MEI, NOBODY)]
        self.server.call("BatchGetProfiles",
                         batch_messages.BatchGetProfilesRequest(persons=persons))
        self.wait_for({section("profile", "upstream", "ok"): 2,
                       section("profile", "none", "missing"): 1})
        contexts = batch_messages.BatchGetContextsRequest(persons=persons)
        self.assertEqual(len(list(self.server.stream("BatchGetContexts", contexts))), 3)
        self.wait_for({section("insights", "upstream", "ok"): 2})

    def test_the_upstreams_counts_are_what_reached_it(self):
        self.context()
        self.context(MEI)
        persons = [{"identity": identity(*ADA)}]
        self.server.call("BatchGetProfiles",
                         batch_messages.BatchGetProfilesRequest(persons=persons))
        reached = self.sandbox.stats()["operations"]
        self.wait_for({
            upstream("requests", "profile"): reached["profile"]["requests"],
            upstream("requests", "events"): reached["events"]["requests"],
            upstream("requests", "batch"): reached["profileBatch"]["requests"],
            "profilecontext_upstream_token_requests_total": reached["token"]["requests"],
        })
        self.assertEqual(reached["profile"]["requests"], 2)
        self.assertEqual(reached["token"]["requests"], 1)

    def test_failures_of_the_upstream_are_counted(self):
        self.sandbox.faults({"operations": {"profile": {"errorRate": 1.0, "errorStatus": 500}}})
        request = messages.GetProfileRequest(identity=identity())
        self.server.fails("GetProfile", request, grpc.StatusCode.UNAVAILABLE)
        self.wait_for({upstream("failures", "profile"): 1, upstream("failures", "events"): 0})

    def test_answers_of_the_upstream_are_told_by_how_they_went(self):
        self.context()
        self.sandbox.faults({"operations": {"profile": {"errorRate": 1.0, "errorStatus": 503}}})
        request = messages.GetProfileRequest(identity=identity(*MEI))
        for failures in (1, 2):
            self.server.fails("GetProfile", request, grpc.StatusCode.UNAVAILABLE)
            self.wait_for({answers("profile", "failed"): failures,
                           "profilecontext_upstream_failures_in_row": failures})
        self.sandbox.faults({})
        self.server.fails("GetProfile", messages.GetProfileRequest(identity=identity(*NOBODY)),
                          grpc.StatusCode.NOT_FOUND)
        self.wait_for({
            answers("profile", "ok"): 1, answers("profile", "not_found"): 1,
            answers("events", "ok"): 1, answers("profile", "none"): 0,
            'profilecontext_upstream_duration_seconds_count{operation="profile"}': 4,
            "profilecontext_upstream_failures_in_row": 0,
        })

    def test_the_token_and_the_connections_show(self):
        before = self.server.metrics()
        self.assertEqual(before["profilecontext_upstream_token_age_seconds"], 0)
        self.assertEqual(before["profilecontext_upstream_connections"], 0)
        self.context()
        wait_until(lambda: self.server.metrics()["profilecontext_upstream_token_age_seconds"] > 0,
                   10, "a token's age")
        after = self.server.metrics()
        self.assertGreater(after["profilecontext_upstream_token_lifetime_left_seconds"], 60)
        opened = after["profilecontext_upstream_connections_opened_total"]
        self.assertTrue(1 <= after["profilecontext_upstream_connections"] <= opened, after)

    def test_the_age_of_what_is_remembered_is_counted_when_it_is_given(self):
        name = "profilecontext_cache_hit_age_seconds"
        self.context()
        self.wait_for({f'{name}_count{{part="profile"}}': 0})
        self.context()
        self.context(read_mask={"paths": ["profile"]})
        self.wait_for({f'{name}_count{{part="profile"}}': 2, f'{name}_count{{part="events"}}': 1,
                       f'{name}_bucket{{part="profile",le="60"}}': 2})

    def test_the_process_tells_of_itself(self):
        metrics = self.server.metrics()
        self.assertLess(abs(time.time() - metrics["process_start_time_seconds"]), 60)
        self.assertGreater(metrics["process_resident_memory_bytes"], 1 << 20)
        self.assertGreater(metrics["process_open_fds"], 3)
        self.assertGreater(metrics["process_cpu_seconds_total"], 0)
        builds = [name for name in metrics if name.startswith("profilecontext_build_info{")]
        self.assertRegex(builds[0], r'version="\d+\.\d+\.\d+",grpc_core_version="\d+\.\d+\.\d+"')


class Page(Operator):
    def test_promtool_finds_nothing_to_say_about_the_page(self):
        self.context()
        status, headers, page = self.server.operator("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_nothing_of_a_person_or_caller_is_on_the_page_nor_makes_it_grow(self):
        before = self.server.metrics()
        canaries = [ADA[1], "ada.byron", "Byron", NOBODY[1], "canary", "127.0.0.1"]
        self.context()
        self.server.fails("GetProfile", messages.GetProfileRequest(identity=identity(*NOBODY)),
                          grpc.StatusCode.NOT_FOUND)
        entity = entity_messages.GetEntityRequest(schema="canary", identity=identity(*NOBODY))
        for method in ("canary.A/B", "canary.C/D"):
            with self.assertRaises(grpc.RpcError):
                self.server.channel.unary_unary(f"/{method}")(b"", timeout=10)
        with self.assertRaises(grpc.RpcError):
            self.server.call("GetEntity", entity, metadata=[("x-request-id", "canary-request")])
        self.wait_for({rpc("calls_total", "unknown", "UNIMPLEMENTED", service="unknown"): 2})
        page = self.server.operator("/metrics")[2]
        for canary in canaries:
            self.assertNotIn(canary, page)
        self.assertEqual(self.server.metrics().keys(), before.keys())

    def test_only_what_is_there_can_be_read(self):
        for path in ("/metrics/", "/status/", "/healthz/x", "/index.html", "//"):
            self.assertEqual(self.server.operator(path)[0], 404)
        for method in ("POST", "PUT", "DELETE"):
            status, headers, _ = self.server.operator("/metrics", method, "x" * 100_000)
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))
        for path in ("/metrics", "/healthz", "/readyz"):
            status, headers, text = self.server.operator(path, "HEAD")
            self.assertEqual((status, text), (200, ""))
            self.assertGreater(int(headers["Content-Length"]), 0)


class SwitchedOff(unittest.TestCase):
    def test_without_an_address_there_is_no_operator_port(self):
        with closing(Sandbox()) as sandbox, closing(Server(sandbox.url)) as server:
            server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
            server.quit()
            self.assertIn("rpc.ended", server.read_log())
            self.assertNotIn("operator.ready", server.read_log())


class Readiness(unittest.TestCase):
    def test_ready_comes_with_the_first_call_that_could_be_answered(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        gate = os.path.join(folder, "gate")
        os.mkfifo(gate)
        slow_sandbox = os.path.join(folder, "slow-sandbox")
        with open(slow_sandbox, "w") as file:
            file.write(f'#!/bin/sh\nread -r _ <{gate}\nexec {program("entity-sandbox")} "$@"\n')
        os.chmod(slow_sandbox, 0o700)
        starting = Starting([
            program("profile-contextd"), "--sandbox", f"--sandbox-program={slow_sandbox}",
            "--listen-address=127.0.0.1:0", "--operator-address=127.0.0.1:0",
        ])
        with closing(starting):
            self.assertEqual(starting.operator("/healthz")[0], 200)
            self.assertEqual(starting.operator("/readyz")[::2], (503, "starting\n"))
            self.assertEqual(starting.operator("/metrics")[0], 503)
            with open(gate, "w") as file:
                file.write("go\n")
            wait_until(lambda: starting.operator("/readyz")[::2] == (200, "ready\n"), 10, "ready")
            self.assertEqual(starting.operator("/metrics")[0], 200)
            self.assertEqual(starting.stop(), 0)

    def test_a_drain_is_alive_and_not_ready_until_its_last_call_is_answered(self):
        with closing(Sandbox()) as sandbox, \
                closing(Server(sandbox.url, "--operator-address=127.0.0.1:0")) as server:
            self.assertEqual(server.operator("/readyz")[::2], (200, "ready\n"))
            sandbox.faults({"operations": {"profile": {"hangRate": 1.0}}})
            request = messages.GetProfileRequest(identity=identity())
            call = server.channel.unary_unary(
                "/profilecontext.v1.ProfileContext/GetProfile",
                messages.GetProfileRequest.SerializeToString,
            ).future(request, timeout=30)
            wait_until(lambda: sandbox.stats()["inFlight"] >= 1, 10, "the transfer to start")
            server.popen.send_signal(signal.SIGTERM)
            wait_until(lambda: server.operator("/readyz")[::2] == (503, "draining\n"), 10,
                       "the drain")
            self.assertEqual(server.operator("/healthz")[0], 200)
            self.assertEqual(server.metrics()[rpc("in_flight", "GetProfile")], 1)
            call.cancel()
            server.channel.close()
            self.assertEqual(server.popen.wait(30), 0, server.read_log()[-20000:])
            host, port = server.operator_address().rsplit(":", 1)
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection((host, int(port)), timeout=5)


class Starting(Process):
    """A server that is not waited for."""

    operator_address = Server.operator_address
    operator = Server.operator


if __name__ == "__main__":
    unittest.main(verbosity=2)
