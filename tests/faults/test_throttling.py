"""429 and 503 with every kind of advice on when to come again."""

import email.utils
import json
import time
import unittest

from case import Code, FaultCase, earn_retries, serving
from upstream import PROFILE, Plain, http

HOUR_MS = 3600 * 1000


def body(value=None, field="retryAfterMs"):
    entry = {"message": "Too many requests", "statusCode": "429"}
    if value is not None:
        entry[field] = value
    return json.dumps([entry]).encode()


def at(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


# What comes with the answer, and what callers are told at least and at most, in ms; 0: nothing.
ADVICE = [
    ("none", body(), [], 0, 0),
    ("text", body("700"), [], 700, 700),
    ("number", body(700), [], 700, 700),
    ("a fraction", body(700.9), [], 0, 701),
    ("zero", body("0"), [], 0, 0),
    ("negative", body("-700"), [], 0, 0),
    ("empty", body(""), [], 0, 0),
    ("words", body("soon"), [], 0, 0),
    ("null", body(None), [], 0, 0),
    ("a list", body([700]), [], 0, 0),
    ("a number and words", body("700 ms"), [], 0, 700),
    ("a day", body("86400000"), [], 1, HOUR_MS),
    ("more than fits", body("9" * 30), [], 0, HOUR_MS),
    ("an object, not a list", json.dumps({"retryAfterMs": "700", "statusCode": "429"}).encode(), [],
     700, 700),
    ("no JSON", b"<html>", [], 0, 0),
    ("no body", b"", [], 0, 0),
    ("header: seconds", body(), ["Retry-After: 2"], 2000, 2000),
    ("header: a date to come", body(), [lambda: f"Retry-After: {at(20)}"], 15000, 21000),
    ("header: a date that has been", body(), [lambda: f"Retry-After: {at(-20)}"], 0, 0),
    ("header: words", body(), ["Retry-After: soon"], 0, 0),
    ("header: negative", body(), ["Retry-After: -2"], 0, 0),
    ("header: a fraction", body(), ["Retry-After: 1.5"], 0, 1500),
    ("header: more than fits", body(), ["Retry-After: " + "9" * 30], 1, HOUR_MS),
    ("header: empty", body(), ["Retry-After: "], 0, 0),
    ("both, the longer counts", body("700"), ["Retry-After: 3"], 3000, 3000),
    ("both, the other way round", body("4000"), ["Retry-After: 3"], 4000, 4000),
    ("two headers", body(), ["Retry-After: 1", "Retry-After: 2"], 1000, 2000),
]


class Throttling(FaultCase):
    def setUp(self):
        self.say = http(200, PROFILE)
        self.upstream = Plain(lambda path, number: self.say)

    def tearDown(self):
        self.upstream.close()

    def answer(self, status, content, headers):
        self.say = http(status, content, *(h() if callable(h) else h for h in headers))

    def check(self, status, code):
        for name, content, headers, least, most in ADVICE:
            # Advice makes the budget wait, so each has a server of its own.
            with serving(self.upstream.url, "--upstream-retry-percent=0") as server:
                self.answer(status, content, headers)
                outcome = self.call(server, timeout=3.0)
                self.assertEqual(outcome.code, code, name)
                told = outcome.failure.retry_ms or 0
                self.assertTrue(least <= told <= most, f"{name}: {told}")
                self.assertLess(outcome.took, 2, name)

    def test_429(self):
        self.check(429, Code.RESOURCE_EXHAUSTED)

    def test_advice_that_fits_is_followed_once(self):
        for status in (429, 503):
            with serving(self.upstream.url) as server:
                self.say = http(200, PROFILE)
                earn_retries(self, server, 12)
                throttled = http(status, body("300"))
                good = http(200, PROFILE)
                first = self.upstream.number
                self.upstream.answer = lambda path, number: throttled if number == first else good
                outcome = self.call(server)
                self.upstream.answer = lambda path, number: self.say
                self.assertEqual(outcome.code, Code.OK)
                self.assertEqual(self.upstream.number, first + 2)
                self.assertGreaterEqual(outcome.took, 0.3)

    def test_advice_that_does_not_fit_is_handed_on(self):
        with serving(self.upstream.url) as server:
            earn_retries(self, server, 12)
            self.answer(429, body("5000"), [])
            first = self.upstream.number
            outcome = self.call(server, timeout=2.0)
            self.assertEqual(outcome.code, Code.RESOURCE_EXHAUSTED)
            self.assertEqual(outcome.failure.retry_ms, 5000)
            self.assertLess(outcome.took, 1.5)
            self.assertEqual(self.upstream.number, first + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
