#!/usr/bin/python3
"""Writes the first inputs of every fuzz target from what the tests have. Usage: seeds.py FOLDER

Each target gets a folder of its own; a file is named after its content, so that writing again
changes nothing.
"""

import base64
import glob
import hashlib
import json
import os
import re
import sys

BETWEEN = re.compile(r"[\s,]*")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(pattern):
    names = sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True))
    if not names:
        sys.exit(f"seeds.py: nothing matches {pattern}")
    for name in names:
        with open(name, "rb") as file:
            yield file.read()


def objects(pattern):
    """The objects of files that hold one, or an array of them, as they were written."""
    decoder = json.JSONDecoder(strict=False)
    for data in read(pattern):
        # A character for each byte: what is no UTF-8 stays as it is.
        text = data.decode("latin-1").strip()
        if text.startswith("{"):
            yield text.encode("latin-1")
            continue
        at = BETWEEN.match(text, 1).end()
        while text[at] != "]":
            _, end = decoder.raw_decode(text, at)
            yield text[at:end].encode("latin-1")
            at = BETWEEN.match(text, end).end()


def upstream():
    """What fuzz_upstream.c reads: two bytes for the status, one for the kind, then the body."""
    statuses = [200, 207, 400, 401, 403, 404, 422, 429, 500]
    for place, body in enumerate(read("tests/fixtures/upstream/*.json")):
        for kind in range(8):
            status = statuses[(place + kind) % len(statuses)] - 100
            yield bytes([status >> 8, status & 255, kind]) + body


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def requests():
    identity = field(1, b"Email") + field(2, b"ada.byron@example.com")
    mask = field(1, b"profile.person.name") + field(1, b"events")
    for number in range(1, 12):
        yield field(1, identity) + field(number, mask)
        yield field(1, field(1, identity)) + bytes([number << 3, 150, 1])
    yield b""


def tokens():
    yield b""
    for size in (1, 20, 28, 60, 200):
        yield base64.urlsafe_b64encode(bytes(size)).rstrip(b"=")


def round_trip():
    yield from objects("tests/unit/mapping/documents/**/*.json")


def transcode():
    yield from round_trip()
    yield from read("tests/fixtures/upstream/*.json")
    for document in objects("tests/unit/mapping/documents/event/*.json"):
        yield (b'{"_page":{"count":1,"next":"c"},"children":[{"entityId":"e","timestamp":1756260476000,'
               b'"entity":' + document + b',"lastModifiedAt":"2025-08-21T06:49:02Z"}]}')
    for document in objects("tests/unit/mapping/documents/profile/*.json"):
        yield b'{"xid":{"entityId":"xid","sources":["1"],"entity":' + document + b"}}"


def batch():
    yield from read("tests/fixtures/upstream/*.json")


def audit():
    """Whole trails, the chain included (server/audit/README.md), in one file and in two."""
    former = bytes(32)
    trail = b""
    for number in range(1, 9):
        body = b'{"seq":%d,"time":"2026-01-02T03:04:05.678Z"' % number
        if number in (1, 5):
            body += b',"event":"open","format":1,"former":"%s","torn_bytes":0' % (
                former.hex().encode())
        else:
            body += b',"event":"access","rpc":"GetContext"' if number != 7 else (
                b',"event":"dropped","lines":3')
        former = hashlib.sha256(former + body).digest()
        trail += body + b',"hash":"%s"}\n' % former.hex().encode()
        if number in (4, 8):
            yield b"\xff" + trail
            yield b"\xff" + trail[:-20] + b"\n" + body
    yield b"\x80" + trail


def config():
    yield from read("server/config/example.yaml")
    yield from read("deploy/*.yaml")


def identity():
    """What fuzz_identity.c reads: a byte for the kind, then a key set, a token or claims."""
    keys = [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
             "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "kid": "k", "use": "sig"},
            {"kty": "RSA", "e": "AQAB", "alg": "RS256", "key_ops": ["verify"],
             "n": base64.urlsafe_b64encode(b"\xff" * 256).rstrip(b"=").decode()}]
    claims = {"iss": "issuer", "aud": ["profile-context"], "sub": "crm", "exp": 1700000600,
              "iat": 1.7e9, "nbf": 1699999999}
    yield b"\0" + json.dumps({"keys": keys}).encode()
    yield b"\2" + json.dumps(claims).encode()
    for header in ({"alg": "ES256", "kid": "k", "typ": "at+jwt"}, {"alg": "none"},
                   {"alg": "RS256", "crit": ["exp"]}):
        parts = [json.dumps(part).encode() for part in (header, claims)] + [bytes(64)]
        yield b"\1" + b".".join(base64.urlsafe_b64encode(p).rstrip(b"=") for p in parts)


def policy():
    yield from read("server/policy/example.yaml")
    yield b"callers: [{name: a, rpcs: '*', masks: {profile.person.name.full_name: {partial: 2}}}]"


def traces():
    yield b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    yield b"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more"


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: tests/fuzz/seeds.py FOLDER")
    seeds = {
        "fuzz_audit": audit,
        "fuzz_batch": batch,
        "fuzz_config": config,
        "fuzz_decode": requests,
        "fuzz_identity": identity,
        "fuzz_page_token": tokens,
        "fuzz_policy": policy,
        "fuzz_round_trip": round_trip,
        "fuzz_trace": traces,
        "fuzz_transcode": transcode,
        "fuzz_upstream": upstream,
    }
    for target, inputs in seeds.items():
        folder = os.path.join(sys.argv[1], target)
        os.makedirs(folder, exist_ok=True)
        for data in inputs():
            name = os.path.join(folder, hashlib.sha1(data).hexdigest())
            with open(name, "wb") as file:
                file.write(data)


if __name__ == "__main__":
    main()
