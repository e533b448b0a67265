"""Metrics: each counts what it says it does, names are of one kind, and no caller makes the page
grow. What test_operator.py, test_breaker.py, test_door.py and test_reload.py provoke is left to
them."""

import contextlib
import os
import re
import resource
import shutil
import subprocess
import tempfile
import unittest

import grpc

from harness import (
    ADA, Sandbox, Server, closing, entity_messages, identity, messages, prefetch_messages,
    wait_until,
)

PREFIX = "profilecontext_"
GET_PROFILE = messages.GetProfileRequest(identity=identity())
DENIED = grpc.StatusCode.PERMISSION_DENIED

POLICY = """
purposes: [service, marketing]
consents:
  - purposes: marketing
    needs: consents.marketing.any.val
    values: [y]
    deny: [profile]
roles:
  all: {rpcs: "*", sections: "*", namespaces: "*", sandboxes: "*", merge_policies: "*",
        purposes: "*", default_purpose: service}
callers:
  - {name: agent*, role: all, sections: profile, namespaces: [Email, Phone], sandboxes: prod,
     rpcs: [GetContext, GetProfile, ListEvents, StreamEvents], merge_policies: [00000000-0000-4000-8000-00000000ad01],
     max_staleness: {most: 10s}, criticality: agent}
  - {name: hidden, role: all, fields: {deny: [events.commerce]}}
"""


def denied(reason):
    return f'{PREFIX}policy_denied_total{{reason="{reason}"}}'


def series(server):
    return set(server.metrics())


def counted(server, expected):
    """Waits until these samples have these values: a call may be counted after its answer."""
    found = {}

    def equal():
        metrics = server.metrics()
        found.update({name: metrics[name] for name in expected})
        return found == expected

    with contextlib.suppress(AssertionError):
        wait_until(equal, 10, "the counts")
    assert found == expected, f"{found}, wanted {expected}"


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def setUp(self):
        self.sandbox.faults({})
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def start(self, *arguments, **options):
        return closing(Server(self.sandbox.url, "--operator-address=127.0.0.1:0", *arguments,
                              **options))

    def start_named(self, *arguments):
        """A server that is told who calls, over its socket."""
        return self.start(
            f"--listen-address=unix:{self.folder}/socket", "--identity-mode=forwarded",
            "--identity-trust-unix-socket", "--identity-forwarded-header=x-caller",
            f"--access-policy-file={self.write('policy.yaml', POLICY)}", *arguments)


class Denials(Metrics):
    def test_each_denial_raises_the_count_of_its_reason(self):
        context = messages.GetContextRequest(identity=identity())
        calls = [
            ("POLICY_NO_RULE", "GetProfile", GET_PROFILE, "stranger", []),
            ("POLICY_RPC_DENIED", "GetIdentities",
             entity_messages.GetIdentitiesRequest(identity=identity()), "agent", []),
            ("POLICY_PURPOSE_DENIED", "GetProfile", GET_PROFILE, "agent", [("x-purpose", "sales")]),
            ("POLICY_NAMESPACE_DENIED", "GetProfile",
             messages.GetProfileRequest(identity=identity("CRMID", "CRM-1001")), "agent", []),
            ("POLICY_SANDBOX_DENIED", "GetProfile",
             messages.GetProfileRequest(identity=identity(), sandbox="dev"), "agent", []),
            ("POLICY_MERGE_POLICY_DENIED", "GetProfile",
             messages.GetProfileRequest(identity=identity(), merge_policy_id="m"), "agent", []),
            ("POLICY_STALENESS_DENIED", "GetProfile",
             messages.GetProfileRequest(identity=identity(), max_staleness={"seconds": 60}),
             "agent", []),
            ("POLICY_CRITICALITY_DENIED", "GetProfile", GET_PROFILE, "agent",
             [("x-criticality", "routing")]),
            ("POLICY_SECTION_DENIED", "GetContext",
             messages.GetContextRequest(identity=identity(), read_mask={"paths": ["insights"]}),
             "agent", []),
            ("POLICY_CONDITION_DENIED", "ListEvents", messages.ListEventsRequest(
                identity=identity(), property_filters=[
                    {"path": "commerce.order.priceTotal",
                     "operator": "COMPARISON_OPERATOR_GREATER", "number": 1}]), "hidden", []),
            ("CONSENT_MISSING", "GetProfile",
             messages.GetProfileRequest(identity=identity("Email", "carl.gauss@example.com")),
             "agent", [("x-purpose", "marketing")]),
        ]
        with self.start_named() as server:
            before = series(server)
            for reason, method, request, caller, metadata in calls:
                failure = server.fails(method, request, DENIED,
                                       metadata=[("x-caller", caller), *metadata])
                self.assertEqual(failure.reason, reason)
                counted(server, {denied(reason): 1})
            server.call("GetContext", context, metadata=[("x-caller", "agent")])
            counted(server, {denied(reason): 1 for reason, *_ in calls})
            # What an answer goes without is counted as a section.
            counted(server, {f'{PREFIX}section_answers_total{{section="insights",origin="none",'
                             'status="denied"}': 1})
            self.assertEqual(series(server), before)
            server.quit()

    def test_the_right_to_delete_counts_without_a_policy_too(self):
        with self.start() as server:
            server.fails("DeleteProfile", entity_messages.DeleteProfileRequest(
                identity=identity(), sandbox="prod"), DENIED, "DELETE_NOT_GRANTED")
            counted(server, {denied("DELETE_NOT_GRANTED"): 1})
            server.quit()


class Audit(Metrics):
    def test_what_a_full_disk_drops_is_counted(self):
        persons = [{"identity": identity("Email", f"nobody{number}@example.com")}
                   for number in range(1000)]
        request = prefetch_messages.PrefetchContextsRequest(persons=persons)
        with self.start(f"--audit-file={self.folder}/audit",
                        f"--log-identity-key-file={self.write('key', 'a key of hashes, for this')}",
                        ) as server:
            counted(server, {f"{PREFIX}audit_failing": 0, f"{PREFIX}audit_dropped_total": 0})
            _, hard = resource.prlimit(server.popen.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(server.popen.pid, resource.RLIMIT_FSIZE, (100_000, hard))

            def dropped():
                # Nothing is remembered here, so that each person costs a line and no request.
                server.call("PrefetchContexts", request)
                return server.metrics()[f"{PREFIX}audit_dropped_total"]

            wait_until(dropped, 30, "the memory for lines to be full")
            metrics = server.metrics()
            self.assertEqual(metrics[f"{PREFIX}audit_failing"], 1)
            self.assertGreater(metrics[f"{PREFIX}audit_failures_total"], 0)
            self.assertGreater(metrics[f"{PREFIX}audit_waiting_bytes"], 1 << 20)
            resource.prlimit(server.popen.pid, resource.RLIMIT_FSIZE, (hard, hard))
            counted(server, {f"{PREFIX}audit_failing": 0})
            wait_until(lambda: server.metrics()[f"{PREFIX}audit_waiting_bytes"] < 1 << 16, 10,
                       "what waited to be written")
            self.assertGreater(server.metrics()[f"{PREFIX}audit_lines_total"], 1000)
            server.quit()


class Upstream(Metrics):
    def test_tokens_that_fail_or_are_refused_are_counted(self):
        with self.start() as server:
            self.sandbox.faults({"operations": {"token": {"errorRate": 1, "errorStatus": 500}}})
            server.fails("GetProfile", GET_PROFILE, grpc.StatusCode.UNAVAILABLE)
            self.assertGreater(server.metrics()[f"{PREFIX}upstream_token_failures_total"], 0)
            self.sandbox.faults({})
            wait_until(lambda: self.answered(server), 10, "a token")
            self.sandbox.call("DELETE", "/_sandbox/tokens")
            self.assertTrue(self.answered(server))
            counted(server, {f"{PREFIX}upstream_token_rejections_total": 1})
            server.quit()

    def answered(self, server):
        with contextlib.suppress(grpc.RpcError):
            return server.call("GetProfile", GET_PROFILE)
        return None

    def test_a_hedge_that_wins_is_counted(self):
        with self.start("--upstream-hedge-after=30ms", "--upstream-hedge-percent=100") as server:
            server.call("GetProfile", GET_PROFILE)
            self.sandbox.faults(
                {"operations": {"profile": {"hangRate": 1, "times": 1}}})
            server.call("GetProfile", GET_PROFILE)
            counted(server, {f"{PREFIX}upstream_hedges_sent_total": 1,
                             f"{PREFIX}upstream_hedges_won_total": 1})
            server.quit()

    def test_the_budget_is_counted_by_who_asked(self):
        def budget(what, criticality):
            return f'{PREFIX}budget_{what}_total{{criticality="{criticality}"}}'

        with self.start("--budget-rate=1", "--budget-burst=1") as server:
            batch = [("x-criticality", "batch")]
            server.call("GetProfile", GET_PROFILE, metadata=[("x-criticality", "routing")])
            server.fails("GetProfile", GET_PROFILE, grpc.StatusCode.RESOURCE_EXHAUSTED,
                         timeout=0.3, metadata=batch)
            counted(server, {budget("granted", "routing"): 1, budget("refused", "batch"): 1,
                             budget("refused", "routing"): 0,
                             f"{PREFIX}budget_rate_calls_per_second": 1})
            server.quit()


class Cache(Metrics):
    def test_who_is_forgotten_for_want_of_room_is_counted(self):
        with closing(Sandbox("--generate", "400")) as sandbox, \
                closing(Server(sandbox.url, "--operator-address=127.0.0.1:0",
                               "--cache-max-bytes=200KiB")) as server:
            for number in range(1, 401):
                server.call("GetProfile", messages.GetProfileRequest(
                    identity=identity("CRMID", f"C{number:07}")))
            metrics = server.metrics()
            self.assertGreater(metrics[f"{PREFIX}cache_evictions_total"], 0)
            self.assertEqual(metrics[f"{PREFIX}cache_evictions_total"]
                             + metrics[f"{PREFIX}cache_records"], 400)
            self.assertLessEqual(metrics[f"{PREFIX}cache_bytes"],
                                 metrics[f"{PREFIX}cache_max_bytes"])
            server.quit()


class Names(Metrics):
    """What the page says, by everyone's conventions and by the list of what has to be there."""

    # Each line of what operators were promised, and the metrics that keep it.
    PROMISED = {
        "calls by method and status": "rpc_calls_total{grpc_service,grpc_method,grpc_code}",
        "latency by method": "rpc_duration_seconds{grpc_service,grpc_method} histogram",
        "calls in flight": "rpc_in_flight{grpc_service,grpc_method}",
        "origin and freshness of sections": "section_answers_total{section,origin,status}",
        "cache hits and their age": "cache_hit_age_seconds{part} histogram",
        "bytes of the cache": "cache_bytes{}",
        "evictions": "cache_evictions_total{}",
        "upstream calls by operation": "upstream_requests_total{operation}",
        "upstream calls by operation and status": "upstream_answers_total{operation,result}",
        "upstream latency": "upstream_duration_seconds{operation} histogram",
        "retries": "upstream_retries_total{reason}",
        "the breaker": "upstream_breaker_state{host}",
        "upstream connections": "upstream_connections{}",
        "the token's age": "upstream_token_age_seconds{}",
        "budget granted by class": "budget_granted_total{criticality}",
        "budget refused by class": "budget_refused_total{criticality}",
        "policy denials": "policy_denied_total{reason}",
        "audit drops": "audit_dropped_total{}",
        "callers refused": "identity_refused_total{}",
        "callers' connections": "connections_open{}",
        "calls turned away": "door_shed_total{criticality}",
    }
    LABELS = {"grpc_service", "grpc_method", "grpc_code", "section", "origin", "status", "part",
              "operation", "result", "reason", "host", "state", "criticality", "bound", "outcome",
              "kind", "certificate", "how", "version", "grpc_core_version", "le"}
    UNITS = ("seconds", "bytes", "info", "percent")

    def page(self):
        with self.start_named("--cache-max-bytes=16MiB",
                              f"--audit-file={self.folder}/audit",
                              f"--log-identity-key-file={self.write('key', 'a key of hashes, yes')}",
                              ) as server:
            server.call("GetContext", messages.GetContextRequest(identity=identity()),
                        metadata=[("x-caller", "agent")])
            page = server.operator("/metrics")[2]
            server.quit()
        return page

    def test_everything_is_there_under_a_usual_name(self):
        page = self.page()
        types = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", page))
        helps = dict(re.findall(r"(?m)^# HELP (\S+) (.+)$", page))
        self.assertEqual(types.keys(), helps.keys())
        labels = {name: set() for name in types}
        for name, given in re.findall(r"(?m)^([a-z0-9_]+)(?:\{(.*)\})? \S+$", page):
            base = name if name in types else re.sub(r"_(bucket|sum|count)$", "", name)
            labels[base] |= set(re.findall(r'(\w+)="', given))
        for name, kind in types.items():
            self.assertRegex(name, rf"^({PREFIX}|process_)[a-z_]+$")
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
            self.assertGreater(len(helps[name]), 10)
            self.assertLessEqual(labels[name], self.LABELS, name)
            if kind == "histogram":
                self.assertIn(name.rsplit("_", 1)[1], self.UNITS, name)
        for promise, metric in self.PROMISED.items():
            name, wanted, kind = re.fullmatch(r"(\w+)\{(.*)\}(?: (\w+))?", metric).groups()
            self.assertIn(PREFIX + name, types, promise)
            self.assertEqual(labels[PREFIX + name] - {"le"}, set(filter(None, wanted.split(","))))
            if kind is not None:
                self.assertEqual(types[PREFIX + name], kind)
        for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds",
                     "start_time_seconds", "virtual_memory_bytes"):
            self.assertIn(f"process_{name}", types)

    def test_promtool_has_nothing_to_say(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.page(),
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


class Growth(Metrics):
    def test_a_thousand_callers_and_methods_make_nothing_grow(self):
        with self.start_named("--cache-max-bytes=16MiB") as server:
            server.call("GetProfile", GET_PROFILE, metadata=[("x-caller", "agent-canary")])
            before = series(server)
            raw = [server.channel.unary_unary(f"/canary.Service{number}/Canary{number}")
                   for number in range(1000)]
            calls = []
            for number, method in enumerate(raw):
                caller = ("x-caller", f"agent-canary-{number}")
                calls.append(server.channel.unary_unary(
                    "/profilecontext.v1.ProfileContext/GetProfile",
                    messages.GetProfileRequest.SerializeToString,
                ).future(GET_PROFILE, timeout=30, metadata=[
                    caller, ("x-request-id", f"canary-request-{number}"),
                    ("x-purpose", "service" if number % 2 else f"canary-purpose-{number}"),
                    ("x-criticality", "batch" if number % 3 else f"canary{number}")]))
                calls.append(method.future(b"", timeout=30, metadata=[caller]))
                if number % 100 == 99:
                    ended = [call.exception() for call in calls]
                    self.assertEqual(len(ended), 200)
                    calls = []
            unknown = f'{PREFIX}rpc_calls_total{{grpc_service="unknown",grpc_method="unknown",' \
                      'grpc_code="UNIMPLEMENTED"}'
            counted(server, {unknown: 1000})
            self.assertEqual(series(server), before)
            page = server.operator("/metrics")[2]
            self.assertNotIn("canary", page.lower())
            self.assertNotIn(ADA[1], page)
            server.quit()


if __name__ == "__main__":
    unittest.main(verbosity=2)
