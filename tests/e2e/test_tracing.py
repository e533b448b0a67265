"""Traces: a caller's traceparent reaches the upstream, and a collector gets the steps of a call;
one that is slow or gone never delays a call."""

import http.client
import http.server
import json
import socket
import subprocess
import threading
import time
import unittest

import grpc

from harness import (
    ADA, Sandbox, Server, entity_messages, identity, messages, program, wait_until,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SAMPLED = [("traceparent", f"00-{TRACE}-{PARENT}-01")]
NOT_SAMPLED = [("traceparent", f"00-{TRACE}-{PARENT}-00")]


class Collector:
    """Takes traces by OTLP over HTTP, in JSON."""

    def __init__(self, status=200):
        self.spans = []
        self.requests = []
        self.resources = []
        self.gate = threading.Event()  # answers wait for it
        self.gate.set()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                collector.requests.append((self.path, self.headers["Content-Type"]))
                collector.gate.wait(30)
                for resource in body["resourceSpans"]:
                    collector.resources.append(resource["resource"]["attributes"])
                    for scope in resource["scopeSpans"]:
                        collector.spans.extend(scope["spans"])
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()

    def wait_for(self, name, count=1):
        def found():
            spans = [span for span in list(self.spans) if span["name"] == name]
            return spans if len(spans) >= count else None

        return wait_until(found, 10, f"{count} spans {name}")


class Upstream:
    """An upstream that keeps the headers of what it is asked, in front of the sandbox."""

    def __init__(self, url):
        self.headers = []
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size) if size else None
                upstream.headers.append((self.path, dict(self.headers)))
                connection = http.client.HTTPConnection(url.split("//")[1], timeout=10)
                headers = {k: v for k, v in self.headers.items()
                           if k.lower() not in ("host", "accept-encoding")}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
                connection.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = forward

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def sent(self, part="/access/entities"):
        return [headers.get("traceparent") for path, headers in self.headers if part in path]


def attributes(span):
    return {a["key"]: a["value"].get("stringValue") or int(a["value"].get("intValue", 0))
            for a in span["attributes"]}


class Tracing(unittest.TestCase):
    percent = 0

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.upstream = Upstream(self.sandbox.url)
        self.addCleanup(self.upstream.close)
        self.collector = Collector()
        self.addCleanup(self.collector.close)
        self.server = self.start(f"--tracing-endpoint={self.collector.url}")

    def start(self, *arguments):
        server = Server(self.upstream.url, "--operator-address=127.0.0.1:0",
                        "--cache-max-bytes=64MiB", f"--tracing-sample-percent={self.percent}",
                        *arguments)
        self.addCleanup(server.end_well)
        return server

    def context(self, metadata=None, server=None, **fields):
        request = messages.GetContextRequest(identity=identity(), **fields)
        return (server or self.server).call("GetContext", request, metadata=metadata)

    def spans(self, name="profilecontext.v1.ProfileContext/GetContext", count=1):
        self.collector.wait_for(name, count)
        return list(self.collector.spans)


class Decided(Tracing):
    """By the caller."""

    def test_the_steps_of_a_call_hang_together(self):
        self.context(SAMPLED)
        spans = self.spans()
        self.assertEqual({span["traceId"] for span in spans}, {TRACE})
        by_name = {span["name"]: span for span in spans}
        self.assertEqual(len({span["spanId"] for span in spans}), len(spans))
        call = by_name["profilecontext.v1.ProfileContext/GetContext"]
        self.assertEqual((call["parentSpanId"], call["kind"]), (PARENT, 2))
        parents = {
            "cache": call, "wait for profile": call, "wait for events": call,
            "upstream profile": by_name["wait for profile"],
            "upstream events": by_name["wait for events"],
            "map profile": by_name["wait for profile"], "map events": by_name["wait for events"],
        }
        for name, parent in parents.items():
            self.assertEqual(by_name[name]["parentSpanId"], parent["spanId"], name)
        self.assertEqual(attributes(by_name["cache"]), {"profilecontext.cache": "miss"})
        self.assertEqual(by_name["upstream profile"]["kind"], 3)
        self.assertEqual(attributes(by_name["upstream profile"])["http.response.status_code"], 200)
        self.assertGreaterEqual(attributes(call)["profilecontext.upstream_calls"], 2)
        self.assertEqual(call["status"], {})
        for span in spans:
            start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
            self.assertLessEqual(start, end)
            self.assertLess(abs(start / 1e9 - time.time()), 60)
        for name in ("cache", "wait for profile", "upstream profile"):
            self.assertLessEqual(int(call["startTimeUnixNano"]),
                                 int(by_name[name]["startTimeUnixNano"]))
        self.assertEqual(self.collector.requests[0], ("/v1/traces", "application/json"))
        service = {a["key"]: a["value"]["stringValue"] for a in self.collector.resources[0]}
        self.assertEqual(service["service.name"], "profile-context")

    def test_the_upstream_gets_the_span_that_asks_it(self):
        self.context(SAMPLED)
        spans = self.spans()
        asked = {f"00-{TRACE}-{span['spanId']}-01" for span in spans if span["kind"] == 3
                 and span["name"] in ("upstream profile", "upstream events")}
        self.assertEqual(set(self.upstream.sent()), asked)

    def test_a_hit_is_a_call_and_a_look_at_the_cache(self):
        self.context()
        self.context(SAMPLED)
        spans = self.spans()
        self.assertEqual({span["name"] for span in spans},
                         {"cache", "profilecontext.v1.ProfileContext/GetContext"})
        cache = next(span for span in spans if span["name"] == "cache")
        self.assertEqual(attributes(cache), {"profilecontext.cache": "hit"})

    def test_who_joins_a_fetch_under_way_shows_as_waiting(self):
        self.sandbox.faults({"operations": {"profile": {"delayMs": 300}}})
        first = threading.Thread(target=self.context, args=(SAMPLED,))
        first.start()
        wait_until(lambda: self.upstream.sent(), 10, "the first fetch")
        other = "1af7651916cd43dd8448eb211c80319c"
        self.context([("traceparent", f"00-{other}-{PARENT}-01")])
        first.join()
        spans = [span for span in self.spans(count=2) if span["traceId"] == other]
        waits = [span for span in spans if span["name"] == "wait for profile"]
        self.assertEqual(attributes(waits[0])["profilecontext.upstream_calls"], 0)
        self.assertNotIn("upstream profile", {span["name"] for span in spans})

    def test_a_failure_says_why(self):
        self.sandbox.faults({"operations": {"profile": {"errorRate": 1.0, "errorStatus": 500}}})
        with self.assertRaises(grpc.RpcError):
            self.server.call("GetProfile", messages.GetProfileRequest(identity=identity()),
                             metadata=SAMPLED)
        spans = {s["name"]: s for s in self.spans("profilecontext.v1.ProfileContext/GetProfile")}
        call = spans["profilecontext.v1.ProfileContext/GetProfile"]
        self.assertEqual(call["status"]["code"], 2)
        self.assertEqual(attributes(call)["rpc.grpc.status_code"], 14)
        upstream = spans["upstream profile"]
        self.assertEqual(attributes(upstream)["http.response.status_code"], 500)
        self.assertTrue(upstream["status"]["message"].startswith("UPSTREAM_"), upstream)

    def test_a_caller_that_does_not_sample_is_passed_on_but_not_recorded(self):
        self.context(NOT_SAMPLED)
        self.context()
        self.context([("traceparent", "00-nonsense")], max_staleness={"seconds": 0})
        self.assertEqual(set(self.upstream.sent()), {f"00-{TRACE}-{PARENT}-00", None})
        self.context(SAMPLED)
        self.assertEqual({span["traceId"] for span in self.spans()}, {TRACE})

    def test_nothing_of_a_person_is_in_a_span(self):
        self.context(SAMPLED)
        with self.assertRaises(grpc.RpcError):
            self.server.call("GetEntity", entity_messages.GetEntityRequest(
                schema="canary", identity=identity("Email", "canary@example.com")),
                metadata=SAMPLED)
        text = json.dumps(self.spans("profilecontext.v1.ProfileContext/GetEntity"))
        for canary in (ADA[1], "Byron", "canary", "SANDBOX", "sandbox-client", "127.0.0.1"):
            self.assertNotIn(canary, text)


class Sampled(Tracing):
    """By the server: all."""

    percent = 100

    def test_a_call_without_a_parent_begins_a_trace(self):
        for _ in range(20):
            self.context()
        spans = [span for span in self.spans(count=20)
                 if span["name"].startswith("profilecontext.v1")]
        self.assertEqual(len({span["traceId"] for span in spans}), 20)
        self.assertTrue(all("parentSpanId" not in span for span in spans))
        health = self.server.channel.unary_unary("/grpc.health.v1.Health/Check")
        health(b"", timeout=5)
        self.assertFalse([s for s in self.collector.spans if "Health" in s["name"]])

    def test_what_waits_is_sent_when_the_server_ends(self):
        server = self.start(f"--tracing-endpoint={self.collector.url}",
                            "--tracing-service-name=leaving")
        self.context(server=server)
        server.quit()
        names = [a["value"]["stringValue"] for resource in self.collector.resources
                 for a in resource if a["key"] == "service.name"]
        self.assertIn("leaving", names)


class Trouble(Tracing):
    percent = 100

    def dropped(self, server):
        return server.metrics()['profilecontext_tracing_spans_total{outcome="dropped"}']

    def test_a_collector_that_does_not_answer_delays_no_call_and_costs_spans_only(self):
        self.collector.gate.clear()
        self.context()
        wait_until(lambda: self.collector.requests, 10, "the first batch")
        began = time.monotonic()
        for _ in range(2500):
            self.context()
        self.assertLess(time.monotonic() - began, 60)
        wait_until(lambda: self.dropped(self.server) > 0, 10, "dropped spans")
        self.collector.gate.set()

    def test_without_a_collector_calls_are_answered(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = self.start(f"--tracing-endpoint=http://127.0.0.1:{port}")
        for _ in range(10):
            self.context(server=server)
        wait_until(lambda: self.dropped(server) > 0, 10, "dropped spans")

    def test_a_collector_that_refuses_costs_its_spans(self):
        with closing_collector(503) as collector:
            server = self.start(f"--tracing-endpoint={collector.url}")
            self.context(server=server)
            wait_until(lambda: self.dropped(server) > 0, 10, "dropped spans")

    def test_an_endpoint_that_is_none_is_told_at_the_start(self):
        done = subprocess.run(
            [program("profile-contextd"), "--sandbox", "--check-config",
             "--tracing-endpoint=nonsense"],
            capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--tracing-endpoint", done.stderr)


class closing_collector(Collector):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class SwitchedOff(Tracing):
    def start(self, *_):
        return super().start()

    def test_a_traceparent_is_passed_on_as_it_came(self):
        self.context(SAMPLED)
        self.assertEqual(set(self.upstream.sent()), {SAMPLED[0][1]})
        self.assertEqual(self.collector.requests, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
