"""What a token endpoint may answer, and what becomes of tokens that end too early."""

import concurrent.futures
import gzip
import json
import threading
import time
import unittest

from case import Code, FaultCase, person, serving
from harness import Sandbox, closing
from upstream import PROFILE, Plain, TOKEN, http

REFUSED = b'{"error_code":"401013","message":"Oauth token is not valid"}'


def token(**fields):
    return http(200, json.dumps({"access_token": "t1", "expires_in": 86399, **fields}).encode())


# What brings no token. Callers hear that the upstream cannot be used, by no fault of theirs.
NO_TOKEN = {
    "nothing": http(200, b""),
    "a page": http(200, b"<html>Sign in</html>"),
    "a list": http(200, b"[]"),
    "a text": http(200, b'"t1"'),
    "no field": http(200, b'{"expires_in":86399}'),
    "an empty token": token(access_token=""),
    "a number": token(access_token=5),
    "a line break": token(access_token="t1\r\nX-Evil: 1"),
    "a NUL": token(access_token="t1\u0000x"),
    "not ASCII": token(access_token="tøken"),
    "a MiB": token(access_token="x" * (1 << 20)),
    "cut": http(200, TOKEN[:-9]),
    "torn gzip": http(200, gzip.compress(TOKEN)[:20], "Content-Encoding: gzip"),
    "deep": http(200, b"[" * 50000),
    "a redirect": http(302, b"", "Location: http://127.0.0.1:1/"),
    "400": http(400, b'{"error":"invalid_client"}'),
    "401": http(401, b'{"error":"invalid_client"}'),
    "403": http(403, b""),
    "404": http(404, b"<html>"),
    "429": http(429, b"", "Retry-After: 1"),
    "500": http(500, b""),
    "503": http(503, b"<html>"),
    "no HTTP": b"garbage\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
}

# Lifetimes that are odd, with tokens that are good.
ODD_LIFETIMES = [0, -1, 1, "3600", "soon", None, 1e300, 9223372036854775807, 86399000, [], {}]


class Tokens(FaultCase):
    def test_garbage_in_place_of_a_token(self):
        answer = [token()]
        with Plain(lambda path, number: http(200, PROFILE), lambda body: answer[0]) as upstream:
            for name, garbage in NO_TOKEN.items():
                # Half an answer ends with its connection.
                answer[0] = garbage if garbage.startswith(b"HTTP/1.1 ") and b"\r\n\r\n" in garbage \
                    else iter_and_close(garbage)
                with serving(upstream.url) as server:
                    outcome = self.call(server, timeout=3.0)
                    self.assertEqual(outcome.code, Code.UNAVAILABLE, f"{name}: {outcome}")
                    self.assertIn(outcome.reason,
                                  {"UPSTREAM_TOKEN_UNAVAILABLE", "UPSTREAM_TOKEN_REFUSED"}, name)
                    self.assertLess(outcome.took, 1.0, name)
                    answer[0] = token()
                    started = time.monotonic()
                    self.recovers(server)
                    self.assertLess(time.monotonic() - started, 3.0, name)

    def test_odd_lifetimes(self):
        answer = [token()]
        with Plain(lambda path, number: http(200, PROFILE), lambda body: answer[0]) as upstream:
            for lifetime in ODD_LIFETIMES:
                answer[0] = token(expires_in=lifetime)
                with serving(upstream.url) as server:
                    before = upstream.count("/ims/token")
                    for _ in range(20):
                        self.assertEqual(self.call(server).code, Code.OK, lifetime)
                    # None is asked for with each call.
                    self.assertLessEqual(upstream.count("/ims/token") - before, 3, lifetime)

    def test_401_for_ever(self):
        """Neither asks in a circle nor blames the caller; tokens are asked for once a second."""
        with Plain(lambda path, number: http(401, REFUSED)) as upstream, \
                serving(upstream.url) as server:
            started = time.monotonic()
            for _ in range(100):
                outcome = self.call(server)
                self.assertEqual(outcome.code, Code.UNAVAILABLE)
                self.assertEqual(outcome.reason, "UPSTREAM_UNAUTHENTICATED")
            took = time.monotonic() - started
            requests = upstream.count("/access/entities")
            tokens = upstream.count("/ims/token")
            self.assertLessEqual(requests, 100 + took + 2)
            self.assertLessEqual(tokens, took + 3)
            upstream.answer = lambda path, number: http(200, PROFILE)
            self.recovers(server)
            print(f"401 for ever: 100 calls, {requests} requests, {tokens} tokens")

    def test_tokens_that_end_while_calls_are_under_way(self):
        """Every one is revoked again and again; no caller hears of it."""
        with closing(Sandbox("--delay", "30+-10", "--generate", "50")) as sandbox, serving(sandbox.url) as server:
            self.recovers(server)
            stop = threading.Event()

            def ask():
                codes = []
                while not stop.is_set():
                    codes.append(self.call(server, request=person(len(codes) % 50 + 1)).code)
                return codes

            with concurrent.futures.ThreadPoolExecutor(8) as callers:
                pending = [callers.submit(ask) for _ in range(8)]
                for _ in range(3):
                    sandbox.call("DELETE", "/_sandbox/tokens")
                    # Longer than the second between two tokens that are refused.
                    time.sleep(1.2)
                stop.set()
                codes = [code for call in pending for code in call.result()]
            self.assertEqual(set(codes), {Code.OK})
            tokens = sandbox.stats()["operations"]["token"]["requests"]
            self.assertEqual(tokens, 4)
            print(f"{len(codes)} calls over 3 revocations, all good, {tokens} tokens")


def iter_and_close(data):
    yield data
    raise OSError("the connection closes here")


if __name__ == "__main__":
    unittest.main(verbosity=2)
