"""A person and secrets with values that stand out: they must be found nowhere outside answers. Logs at
debug level, metrics, status texts and details, the audit trail, and the server's memory are searched,
after calls of every RPC that went well, failed, and made no sense.
"""

import json
import os
import re
import shutil
import tempfile
import unittest

import grpc

from harness import (
    KIND, SERVICE, Sandbox, Server, batch_messages, closing, entity_messages, identity, messages,
    prefetch_messages, stream_messages, wait_until,
)

EMAIL = ("Email", "zq7731.mail@canary.example")
PHONE = ("Phone", "+19997731773177")
FIRST_NAME = "Zq7731firstname"
LAST_NAME = "Zq7731lastname"
TENANT = "zq7731-tenant-value"
EVENT = "zq7731-event-order"
PERSONAL = [EMAIL[1], PHONE[1], FIRST_NAME, LAST_NAME, TENANT, EVENT]
CLIENT_SECRET = "zq7731-client-secret-of-the-upstream"
PAGE_KEY = "zq7731-page-token-key-0123456789"
IDENTITY_KEY = "zq7731-identity-key-0123456789"
SECRETS = [CLIENT_SECRET, PAGE_KEY, IDENTITY_KEY]

RECORDS = [
    {"type": "profile", "dataset": "d" * 24, "timestamp": "-1d",
     "identities": [{"ns": "Email", "id": EMAIL[1], "primary": True},
                    {"ns": "Phone", "id": PHONE[1]}],
     "entity": {"person": {"name": {"firstName": FIRST_NAME, "lastName": LAST_NAME}},
                "personalEmail": {"address": EMAIL[1]}, "mobilePhone": {"number": PHONE[1]},
                "_exampletenant": {"secretWish": TENANT}}},
    {"type": "event", "dataset": "d" * 24, "timestamp": "-1h",
     "identities": [{"ns": "Email", "id": EMAIL[1], "primary": True}],
     "entity": {"_id": "zq-1", "eventType": "commerce.purchases",
                "commerce": {"order": {"purchaseID": EVENT}, "purchases": {"value": 1}}}},
]
MEMORY_CALLS = 30


def memory_of(pid):
    """The pieces of a process's memory that it can write, as root may read them; None when we may not."""
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, rights = line.split()[:2]
                if rights.startswith("rw") and "[vvar]" not in line:
                    begin, end = (int(part, 16) for part in span.split("-"))
                    memory.seek(begin)
                    left = end - begin
                    tail = b""
                    while left > 0:
                        try:
                            piece = memory.read(min(left, 1 << 24))
                        except OSError:
                            break
                        yield tail + piece
                        tail = piece[-64:]
                        left -= len(piece)
    except PermissionError:
        raise unittest.SkipTest("reading another process's memory needs root") from None


def count_in_memory(pid, texts):
    counts = dict.fromkeys(texts, 0)
    for piece in memory_of(pid):
        for text in texts:
            counts[text] += piece.count(text.encode())
    return counts


class Canary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        records = cls.write("records", "\n".join(json.dumps(record) for record in RECORDS) + "\n")
        cls.sandbox = Sandbox("--load", records, "--client-secret", CLIENT_SECRET)
        cls.files = {name: cls.write(name, text) for name, text in (
            ("secret", CLIENT_SECRET), ("page", PAGE_KEY), ("identity", IDENTITY_KEY))}

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()
        shutil.rmtree(cls.folder)

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def setUp(self):
        self.sandbox.faults({})
        self.texts = []  # all that callers were told beside answers

    def start(self, *arguments, upstream=None):
        self.trail = os.path.join(self.folder, "audit")
        if os.path.exists(self.trail):
            os.unlink(self.trail)
        server = Server(
            upstream or self.sandbox.url, f"--page-token-key-file={self.files['page']}",
            f"--log-identity-key-file={self.files['identity']}", f"--audit-file={self.trail}",
            "--log-level=debug", "--log-format=json", "--operator-address=127.0.0.1:0",
            "--access-delete-profiles", "--upstream-timeout=300ms", *arguments,
            env={"PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET": CLIENT_SECRET})
        self.addCleanup(server.close)
        return server

    # ---- calls

    def attempt(self, call):
        """Makes a call, and keeps what it said when it failed."""
        try:
            result = call()
            return result if hasattr(result, "DESCRIPTOR") else list(result)
        except grpc.RpcError as error:
            self.texts.append(error.details())
            for key, value in (error.trailing_metadata() or ()) + (error.initial_metadata() or ()):
                self.texts.append(f"{key} {value}")
            return None

    def call_all(self, server, person, **odd):
        """Every RPC once. `odd` spoils the requests that have such a field."""
        who = {"identity": identity(*person)}
        persons = {"persons": [who, {"identity": identity("Email", "nobody@canary.example")}]}

        def request(kind, **fields):
            given = {name: value for name, value in odd.items()
                     if name in kind.DESCRIPTOR.fields_by_name}
            return kind(**{**fields, **given})

        def unary(method, kind, **fields):
            return self.attempt(lambda: server.call(method, request(kind, **fields)))

        def stream(method, kind, **fields):
            return self.attempt(lambda: server.stream(method, request(kind, **fields)))

        answers = [
            unary("GetContext", messages.GetContextRequest, **who),
            unary("GetProfile", messages.GetProfileRequest, **who),
            unary("ListEvents", messages.ListEventsRequest, **who),
            unary("ListSegmentMemberships", messages.ListSegmentMembershipsRequest, **who),
            unary("BatchGetProfiles", batch_messages.BatchGetProfilesRequest, **persons),
            stream("BatchGetContexts", batch_messages.BatchGetContextsRequest, **persons),
            stream("StreamEvents", stream_messages.StreamEventsRequest, **who),
            unary("GetIdentities", entity_messages.GetIdentitiesRequest, **who),
            unary("GetEntity", entity_messages.GetEntityRequest, schema="_xdm.context.account",
                  **who),
            unary("PrefetchContexts", prefetch_messages.PrefetchContextsRequest, **persons),
        ]
        return answers

    def delete(self, server):
        self.attempt(lambda: server.call("DeleteProfile", entity_messages.DeleteProfileRequest(
            identity=identity("Email", "gone.zq7731.mail@canary.example"), sandbox="prod")))

    def misuse(self, server):
        """Personal values at all wrong places."""
        for text in PERSONAL:
            swapped = {"identity": identity(text, "Email")}
            for odd in ({"sandbox": text}, {"merge_policy_id": text}, {"schema": text},
                        {"read_mask": {"paths": [text, f"profile.{text}"]}},
                        {"page_token": text}, {"resume_token": text}, swapped):
                self.call_all(server, EMAIL, **odd)
            self.attempt(lambda: server.call(
                "GetProfile", messages.GetProfileRequest(identity=identity(*EMAIL)),
                metadata=[("x-request-id", f"{text} x"), ("x-purpose", f"{text}.x"),
                          ("x-criticality", text), ("x-else", text)]))
            self.attempt(lambda: server.channel.unary_unary(SERVICE + text)(b"", timeout=10))
            for data in (text.encode(), b"\x0a\x7f" + text.encode(), b"\xff" + text.encode()):
                for method in ("GetContext", "BatchGetProfiles", "DeleteProfile"):
                    self.attempt(lambda: server.call_raw(method, data))

    def go_wrong(self, server):
        for fault in ({"errorRate": 1, "errorStatus": 500}, {"errorRate": 1, "errorStatus": 403},
                      {"corruptRate": 1}, {"cutRate": 1}, {"hangRate": 1},
                      {"throttleAllow": 0, "retryAfterMs": 10}):
            faults = {name: fault for name in ("profile", "events")}
            self.sandbox.faults({"operations": faults})
            self.call_all(server, EMAIL)
        self.sandbox.faults({})

    # ---- tests

    def tokens_of(self, server):
        """The access tokens in use. A sanitizer maps more memory than can be read."""
        if KIND == "sanitizer":
            return set()
        tokens = {token for piece in memory_of(server.popen.pid)
                  for token in re.findall(rb"Bearer ([\x21-\x7e]{8,})", piece)}
        self.assertTrue(tokens)
        return tokens

    def search(self, name, text, words):
        for word in words:
            at = text.lower().find(word.lower())
            if at >= 0:
                raise AssertionError(f"{name}: {word} in {text[max(0, at - 400):at + 100]}")

    def test_nothing_personal_and_no_secret_is_told_beside_answers(self):
        server = self.start("--cache-max-bytes=64MiB")
        answers = self.call_all(server, EMAIL)
        self.assertIn(FIRST_NAME, str(answers[0]))
        self.assertIn(TENANT, str(answers[0]))
        self.assertIn(EVENT, str(answers[2]))
        self.assertIn(LAST_NAME, str(self.call_all(server, PHONE)[1]))
        with open(f"/proc/{server.popen.pid}/environ", "rb") as file:
            environment = file.read().decode(errors="replace")
        tokens = self.tokens_of(server)
        self.misuse(server)
        self.go_wrong(server)
        self.delete(server)
        _, _, page = server.operator("/metrics")
        server.quit()
        words = PERSONAL + SECRETS + [token.decode() for token in tokens]
        with open(self.trail) as file:
            trail = file.read()
        self.assertGreater(trail.count('"event":"access"'), 100)
        self.assertGreater(len(self.texts), 200)
        self.search("environment", environment, SECRETS)
        self.search("metrics", page, words)
        self.search("log", server.read_log(), words)
        self.search("audit trail", trail, words)
        for text in self.texts:
            self.search(text, text, words)

    @unittest.skipIf(KIND == "sanitizer", "sanitizers have free() for themselves")
    def test_wiped_memory_has_nobody_once_calls_are_over(self):
        server = self.start("--hardening-wipe-memory")
        for _ in range(MEMORY_CALLS):
            self.call_all(server, EMAIL)
        self.go_wrong(server)
        self.wait_until_wiped(server)

    @unittest.skipIf(KIND == "sanitizer", "sanitizers have free() for themselves")
    def test_wiped_memory_has_nobody_once_a_remembered_person_is_deleted(self):
        with closing(Sandbox("--load", os.path.join(self.folder, "records"),
                             "--client-secret", CLIENT_SECRET)) as sandbox:
            server = self.start("--hardening-wipe-memory", "--cache-max-bytes=64MiB",
                                upstream=sandbox.url)
            for _ in range(MEMORY_CALLS):
                self.call_all(server, EMAIL)
            counts = count_in_memory(server.popen.pid, PERSONAL)
            # What is remembered is there, so the search finds what there is.
            self.assertNotIn(0, counts.values(), counts)
            server.call("DeleteProfile", entity_messages.DeleteProfileRequest(
                identity=identity(*EMAIL), sandbox="prod"))
            self.wait_until_wiped(server)

    def wait_until_wiped(self, server):
        server.channel.close()
        pid = server.popen.pid
        counts = {}

        def wiped():
            counts.update(count_in_memory(pid, PERSONAL))
            return not any(counts.values())

        try:
            wait_until(wiped, 10, "memory without a person")
        except AssertionError:
            self.fail(f"memory still has {counts}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
