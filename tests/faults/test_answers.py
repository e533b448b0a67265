"""What an upstream may answer: too much, too deep, compressed beyond measure, or not what was agreed."""

import copy
import gzip
import json
import os
import random
import unittest
import zlib

from case import Code, FaultCase, KIND, SEED, memory, serving
from harness import identity, messages
from upstream import PROFILE, Plain, http

# Each answer is met by a call of its own; neither hides it.
PLAIN = ("--upstream-retry-percent=0", "--breaker-failure-percent=0")
GIB = 1 << 30
FIXTURES = os.path.join(os.path.dirname(__file__), os.pardir, "fixtures", "upstream")


def head(*headers):
    return "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: application/json", *headers,
                        "", ""]).encode()


def endless(first, *headers, chunked=False):
    """A GiB, in pieces."""
    piece = b"x" * (1 << 16)
    yield head(*headers)
    yield b"%x\r\n%b\r\n" % (len(first), first) if chunked else first
    for _ in range(GIB // len(piece)):
        yield b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece


def bomb():
    """A GiB of one letter within a JSON string: about a MiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    out = packer.compress(b'{"X1":{"entity":{"a":"')
    piece = b"x" * (1 << 22)
    for _ in range(GIB // len(piece)):
        out += packer.compress(piece)
    return out + packer.compress(b'"}}}') + packer.flush()


def entity(value):
    return json.dumps({"X1": {"entityId": "X1", "sources": ["s"], "entity": value}}).encode()


class Answers(FaultCase):
    def setUp(self):
        self.body = http(200, PROFILE)
        self.upstream = Plain(lambda path, number: self.body() if callable(self.body) else self.body)

    def tearDown(self):
        self.upstream.close()

    def meets(self, server, body, timeout=10.0):
        self.body = body
        return self.call(server, timeout)

    def test_a_gibibyte(self):
        with serving(self.upstream.url, *PLAIN, "--upstream-body-bytes-max=16MiB") as server:
            self.recovers(server)
            with self.leaks_nothing(server):
                for body in (
                        lambda: endless(b'{"X1":"', f"Content-Length: {GIB + 7}"),
                        lambda: endless(b'{"X1":"', "Transfer-Encoding: chunked", chunked=True),
                        lambda: endless(b'{"X1":"', "Connection: close")):
                    outcome = self.meets(server, body)
                    self.assertEqual(outcome.code, Code.RESOURCE_EXHAUSTED)
                    self.assertEqual(outcome.reason, "UPSTREAM_BODY_TOO_LARGE")
            peak = memory(server, "VmHWM")
            if KIND == "plain":
                self.assertLess(peak, 100)
            print(f"1 GiB: peak of {peak:.0f} MiB with answers of 16 MiB at most")
            self.assertEqual(self.meets(server, http(200, PROFILE)).code, Code.OK)

    def test_a_gzip_bomb(self):
        packed = bomb()
        with serving(self.upstream.url, *PLAIN, "--upstream-body-bytes-max=16MiB") as server:
            self.recovers(server)
            outcome = self.meets(server, http(200, packed, "Content-Encoding: gzip"))
            self.assertEqual(outcome.reason, "UPSTREAM_BODY_TOO_LARGE")
            peak = memory(server, "VmHWM")
            if KIND == "plain":
                self.assertLess(peak, 100)
            print(f"1 GiB out of {len(packed) >> 10} KiB: peak of {peak:.0f} MiB")
            good = gzip.compress(PROFILE)
            self.assertEqual(
                self.meets(server, http(200, good, "Content-Encoding: gzip")).code, Code.OK)
            for torn in (good[:-20], good[:20], b"not gzip", good[:10] + b"\xff" * 40):
                outcome = self.meets(server, http(200, torn, "Content-Encoding: gzip"))
                self.assertIn(outcome.code, {Code.UNAVAILABLE, Code.INTERNAL})

    def test_nesting(self):
        depth = 100000
        shapes = {
            "arrays": b"[" * depth,
            "objects": b'{"a":' * depth,
            "closed arrays": b"[" * depth + b"]" * depth,
            "in an entity": b'{"X1":{"entity":{"a":' + b"[" * depth + b"]" * depth + b"}}}",
            "in a typed place": (b'{"X1":{"entity":{"person":' + b'{"name":' * depth
                                 + b"}" * depth + b"}}}"),
        }
        with serving(self.upstream.url, *PLAIN) as server:
            self.recovers(server)
            for name, body in shapes.items():
                outcome = self.meets(server, http(200, body))
                self.assertIn(outcome.code, {Code.INTERNAL, Code.RESOURCE_EXHAUSTED}, name)
            self.assertEqual(self.meets(server, http(200, PROFILE)).code, Code.OK)

    def test_answers_that_are_hardly_http(self):
        answers = {
            "nothing but interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
            "a head of a MiB": head("X-A: " + "a" * (1 << 20)) + b"{}",
            "ten thousand headers": head(*(f"X-{i}: {'a' * 40}" for i in range(10000))) + PROFILE,
            "a status of none": b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
            "no status": b"HTTP/1.1 \r\nContent-Length: 0\r\n\r\n",
            "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
            "a negative length": head("Content-Length: -1") + b"{}",
            "two lengths": head("Content-Length: 2", "Content-Length: 200") + b"{}",
            "a chunk without end": head("Transfer-Encoding: chunked") + b"ffffffffffffffff\r\n{}",
            "a chunk that is no number": head("Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
            "a redirect": http(302, b"", "Location: http://127.0.0.1:1/elsewhere"),
            "204": b"HTTP/1.1 204 X\r\n\r\n",
            "304": b"HTTP/1.1 304 X\r\n\r\n",
            "206": http(206, PROFILE[:20], "Content-Range: bytes 0-19/200"),
            "switching": b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        }
        def closing(answer):
            yield answer
            raise OSError("the connection closes here")

        with serving(self.upstream.url, *PLAIN) as server:
            self.recovers(server)
            with self.leaks_nothing(server):
                for name, answer in answers.items():
                    outcome = self.meets(server, lambda a=answer: closing(a), timeout=1.0)
                    self.assertNotEqual(outcome.code, Code.OK, name)
                    self.assertIn(outcome.code, {
                        Code.UNAVAILABLE, Code.INTERNAL, Code.DEADLINE_EXCEEDED,
                        Code.RESOURCE_EXHAUSTED}, name)
            self.assertEqual(self.meets(server, http(200, PROFILE)).code, Code.OK)

    def test_a_schema_that_has_drifted(self):
        """What is of another type stands in the extensions, and all else is as it was."""
        drifted = [
            {"person": "a text"}, {"person": ["a list"]}, {"person": None}, {"person": 5},
            {"person": {"name": "Ada"}}, {"person": {"name": {"firstName": {"given": "Ada"}}}},
            {"person": {"name": {"firstName": ["Ada", "Augusta"]}}},
            {"person": {"birthDate": "not a date"}}, {"person": {"birthDate": 1e300}},
            {"segmentMembership": []}, {"segmentMembership": {"ups": "none"}},
            {"segmentMembership": {"ups": {"a": {"status": "a new one"}}}},
            {"segmentMembership": {"ups": {"a": []}}}, {"identityMap": "none"},
            {"identityMap": {"Email": {"id": "a"}}}, {"identityMap": {"Email": [{"id": 5}]}},
            {"consents": {"marketing": {"email": {"val": "perhaps"}}}}, {"consents": []},
            {"_new": {"field": [1, {"a": [None]}]}}, {"": ""}, {"a" * 10000: 1}, {"\u0000": "\u0000"},
        ]
        with serving(self.upstream.url, *PLAIN) as server:
            self.recovers(server)
            for value in drifted:
                outcome = self.meets(server, http(200, entity({"workEmail": {"address": "a@b"},
                                                               **value})))
                self.assertEqual(outcome.code, Code.OK, f"{value} {outcome}")
                self.assertEqual(outcome.answer.profile.work_email.address, "a@b", value)
            # A wrapping that has drifted is no profile, and says so.
            for body in (b"[]", b'"text"', b"5", b"null", b'{"X1":5}', b'{"X1":{"entity":5}}',
                         b'{"X1":{"entities":{}}}', b'{"data":{"entity":{}}}'):
                outcome = self.meets(server, http(200, body))
                self.assertIn(outcome.code, {Code.NOT_FOUND, Code.INTERNAL, Code.OK}, body)

    def mutate(self, dice, value):
        """The same with something another."""
        strange = [None, True, -1, 1e308, "", "x" * 500, [], {}, [[]], {"a": None}, "2024-99-99"]
        if isinstance(value, dict) and value and dice.random() < 0.85:
            key = dice.choice(list(value))
            if dice.random() < 0.1:
                value[dice.choice(["", "entity", "id", key + "2", key.upper()])] = value.pop(key)
            else:
                value[key] = self.mutate(dice, value[key])
            return value
        if isinstance(value, list) and value and dice.random() < 0.85:
            place = dice.randrange(len(value))
            value[place] = self.mutate(dice, value[place])
            return value
        return copy.deepcopy(dice.choice(strange))

    def test_a_schema_that_drifts_at_random(self):
        dice = random.Random(SEED)
        sources = []
        for name in ("profile-full.json", "customer-ai.json", "events-next.json",
                     "audiences-one-missing.json", "account.json"):
            with open(os.path.join(FIXTURES, name)) as file:
                sources.append(json.load(file))
        request = messages.GetContextRequest(identity=identity())
        allowed = {Code.OK, Code.NOT_FOUND, Code.INTERNAL, Code.UNAVAILABLE}
        codes = {}

        def drifting():
            value = copy.deepcopy(dice.choice(sources))
            for _ in range(dice.randint(1, 4)):
                value = self.mutate(dice, value)
            return http(200, json.dumps(value).encode())

        with serving(self.upstream.url, *PLAIN, "--audiences-name-wait=100ms") as server:
            self.recovers(server)
            self.body = drifting
            for _ in range(400):
                outcome = self.call(server, 5.0, "GetContext", request)
                codes[outcome.code] = codes.get(outcome.code, 0) + 1
                self.assertIn(outcome.code, allowed, f"{outcome} PC_FAULTS_SEED={SEED}")
            self.assertEqual(self.meets(server, http(200, PROFILE)).code, Code.OK)
        print({code.name: count for code, count in codes.items()})


if __name__ == "__main__":
    unittest.main(verbosity=2)
