"""Who calls: certificates, tokens, proxies, and all who are refused."""

import re
import socket
import tempfile
import time
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import grpc
import h2.config
import h2.connection
import h2.events

from credentials import Folder, Issuer, base64url, unsigned_token
from harness import (
    SERVICE, Failure, Process, Sandbox, Server, closing, entity_messages, identity,
    messages, program, wait_until,
)

OK = "OK"
HEALTH = "/grpc.health.v1.Health/Check"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
CHANNELZ = "/grpc.channelz.v1.Channelz/GetTopChannels"


def raw_call(channel, path, data=b"", metadata=None):
    """A unary call of any path with any bytes: "OK" or the reason of its failure."""
    try:
        channel.unary_unary(path, lambda b: b, lambda b: b)(data, timeout=10, metadata=metadata)
        return OK
    except grpc.RpcError as error:
        return Failure(error).reason or error.code().name


def call(channel, metadata=None):
    request = messages.GetProfileRequest(identity=identity())
    return raw_call(channel, SERVICE + "GetProfile", request.SerializeToString(), metadata)


def bearer(token):
    return [("authorization", "Bearer " + token)]


class Identity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.files = Folder()
        cls.files.make_authority("ca")
        cls.files.make_authority("other-ca")
        cls.files.make_pair("server", "ca")
        cls.files.make_pair("crm", "ca", names="")
        cls.files.make_pair("proxy", "ca", names="DNS:proxy.example")
        cls.files.make_pair("spiffe", "ca", names="URI:spiffe://example/crm,DNS:crm.example")
        cls.files.make_pair("expired", "ca", days=-1)
        cls.files.make_pair("wildcard", "ca", names="DNS:*.example")
        cls.files.make_pair("second", "ca", names="DNS:crm.example,DNS:proxy.example",
                            common_name="proxy.example")
        cls.files.make_pair("stranger", "other-ca", names="DNS:proxy.example")
        cls.issuer = Issuer()
        cls.issuer.add("e")
        cls.issuer.add("r", "RS256")
        cls.files.put("keys.json", cls.issuer.jwks())

    @classmethod
    def tearDownClass(cls):
        cls.files.remove()
        cls.sandbox.close()

    # ---- servers ------------------------------------------------------------------------------

    def server(self, *arguments, env=None):
        return Server(self.sandbox.url, "--operator-address=127.0.0.1:0", *arguments, env=env)

    def tls(self):
        return [f"--listen-tls-certificate-file={self.files.path('server.crt')}",
                f"--listen-tls-key-file={self.files.path('server.key')}"]

    def callers_ca(self):
        return f"--listen-tls-client-ca-file={self.files.path('ca.crt')}"

    def tokens(self, mode="token"):
        return [f"--identity-mode={mode}", f"--identity-issuer={Issuer.ISSUER}",
                f"--identity-audience=elsewhere, {Issuer.AUDIENCE}",
                f"--identity-jwks-file={self.files.path('keys.json')}",
                "--identity-clock-skew=5s"]

    PROXIES = ["--identity-forwarded-header=x-caller",
               "--identity-proxies=other.example,proxy.example"]

    def name_of(self, server, channel, metadata=None):
        """Who the server says has called: a request to delete leaves its caller in the log."""
        before = len(server.read_log())
        request = entity_messages.DeleteProfileRequest(
            identity=identity(id="nobody@example.com"), sandbox="prod")
        try:
            raw = channel.unary_unary(SERVICE + "DeleteProfile", lambda b: b, lambda b: b)
            raw(request.SerializeToString(), timeout=10, metadata=metadata)
        except grpc.RpcError:
            pass
        return wait_until(lambda: re.search(r'"audit.delete_profile","caller":"([^"]*)"',
                                            server.read_log()[before:]), 10, "audit").group(1)

    def check_start_fails(self, text, *arguments):
        process = Process([program("profile-contextd"), "--sandbox", "--check-config", *arguments])
        self.assertEqual(process.popen.wait(20), 2, text)
        self.assertIn(text, process.read_log())
        process.close()

    # ---- certificates -------------------------------------------------------------------------

    def test_the_certificate_names_the_caller(self):
        with closing(self.server(*self.tls(), self.callers_ca(), *self.PROXIES)) as server:
            for pair, name in [("crm", "crm"), ("proxy", "proxy.example"),
                               ("spiffe", "spiffe://example/crm")]:
                with self.files.channel(server.address, "ca", pair) as channel:
                    self.assertEqual(call(channel), OK)
                    self.assertEqual(self.name_of(server, channel), name)
            # The proxy speaks for others.
            with self.files.channel(server.address, "ca", "proxy") as channel:
                forwarded = [("x-caller", "spiffe://example/routing")]
                self.assertEqual(self.name_of(server, channel, forwarded), forwarded[0][1])

    def test_the_matrix_of_certificates(self):
        """Every row is refused: who connects, what it sends, and how that ends."""
        forged = [("x-caller", "spiffe://example/crm")]
        rows = [
            ("no certificate", None, None, "UNAVAILABLE"),
            ("of another authority", "stranger", None, "UNAVAILABLE"),
            ("another authority's, with a proxy's name", "stranger", forged, "UNAVAILABLE"),
            ("expired", "expired", None, "UNAVAILABLE"),
            ("forged by one who is no proxy", "crm", forged, "FORWARDED_UNTRUSTED"),
            ("forged, with a proxy's name", "spiffe", [("x-caller", "proxy.example")],
             "FORWARDED_UNTRUSTED"),
            ("forged, with a wildcard for a proxy's name", "wildcard", forged,
             "FORWARDED_UNTRUSTED"),
            ("forged, with a proxy's name in second place", "second", forged,
             "FORWARDED_UNTRUSTED"),
            ("forged empty", "crm", [("x-caller", "")], "FORWARDED_UNTRUSTED"),
            ("two names", "proxy", forged + [("x-caller", "other")], "FORWARDED_DUPLICATE"),
            ("the same name twice", "proxy", forged * 2, "FORWARDED_DUPLICATE"),
            ("no name", "proxy", [("x-caller", "")], "FORWARDED_INVALID"),
            ("a list of names", "proxy", [("x-caller", "crm, routing")], "FORWARDED_INVALID"),
            ("a long name", "proxy", [("x-caller", "x" * 201)], "FORWARDED_INVALID"),
        ]
        with closing(self.server(*self.tls(), self.callers_ca(), *self.PROXIES)) as server:
            for what, pair, metadata, wanted in rows:
                with self.subTest(what), self.files.channel(server.address, "ca", pair) as channel:
                    self.assertEqual(call(channel, metadata), wanted)
                    # Nor is anything else to be had.
                    for path in [HEALTH, REFLECTION, CHANNELZ, "/none/None"]:
                        if wanted != "UNAVAILABLE" or pair is None:
                            self.assertEqual(raw_call(channel, path, metadata=metadata), wanted)
            self.assertEqual(self.sandbox_requests(server), 0)
            server.quit()

    def sandbox_requests(self, server):
        """Requests that the server has sent to the upstream: none for those it refuses."""
        return sum(value for name, value in server.metrics().items()
                   if name.startswith("profilecontext_upstream_requests_total"))

    def test_versions_of_tls_before_1_2_are_refused(self):
        with closing(self.server(*self.tls())) as server:
            def connects(version):
                done = Process(["openssl", "s_client", "-connect", server.address, version,
                                "-cipher", "ALL:@SECLEVEL=0", "-alpn", "h2", "-brief"])
                done.popen.stdin and done.popen.stdin.close()
                code = done.popen.wait(20)
                done.close()
                return code == 0

            self.assertFalse(connects("-tls1"))
            self.assertFalse(connects("-tls1_1"))
            self.assertTrue(connects("-tls1_2"))
            self.assertTrue(connects("-tls1_3"))

    # ---- tokens -------------------------------------------------------------------------------

    def test_a_token_names_the_caller_and_is_verified_once(self):
        with closing(self.server(*self.tokens(), "--identity-caller-claim=client_id",
                                 "--identity-caller-prefix=jwt:")) as server:
            for kid in ["e", "r"]:
                token = self.issuer.token(kid, client_id="routing", aud=["x", Issuer.AUDIENCE])
                self.assertEqual(self.name_of(server, server.channel, bearer(token)), "jwt:routing")
                for _ in range(10):
                    self.assertEqual(call(server.channel, bearer(token)), OK)
            self.assertEqual(call(server.channel, [("authorization", "bEARER " + token)]), OK)
            metrics = server.metrics()
            self.assertEqual(metrics['profilecontext_identity_tokens_total{how="verified"}'], 2)
            self.assertEqual(metrics['profilecontext_identity_tokens_total{how="remembered"}'], 21)
            # Remembered is not for ever.
            token = self.issuer.token("e", client_id="x", exp=int(time.time()) - 3)
            self.assertEqual(call(server.channel, bearer(token)), OK)
            wait_until(lambda: call(server.channel, bearer(token)) == "TOKEN_EXPIRED", 10, "the end")
            self.assertNotIn(token, server.read_log())
            server.quit()

    def test_the_matrix_of_tokens(self):
        """Every row is refused: what stands in the authorization header, and the reason."""
        now = int(time.time())
        good = self.issuer.token("e")
        header, payload, signature = good.split(".")
        stranger = Issuer()
        stranger.add("e")
        stranger.add("unknown")
        claims = self.issuer.claims()
        public = self.issuer.jwks("r")
        rows = [
            ("no header", [], "TOKEN_MISSING"),
            ("alg none", bearer(unsigned_token({"alg": "none"}, claims)),
             "TOKEN_ALGORITHM_REFUSED"),
            ("alg none, with a signature", bearer(
                unsigned_token({"alg": "none", "kid": "e"}, claims) + signature),
             "TOKEN_ALGORITHM_REFUSED"),
            ("HS256 with the public key", bearer(hmac_token(public, claims)),
             "TOKEN_ALGORITHM_REFUSED"),
            ("expired", bearer(self.issuer.token("e", exp=now - 6)), "TOKEN_EXPIRED"),
            ("without an expiry", bearer(self.issuer.token("e", exp=None)), "TOKEN_EXPIRED"),
            ("not valid yet", bearer(self.issuer.token("e", nbf=now + 60)), "TOKEN_NOT_YET_VALID"),
            ("issued in the future", bearer(self.issuer.token("e", iat=now + 60)),
             "TOKEN_NOT_YET_VALID"),
            ("for another audience", bearer(self.issuer.token("e", aud="x")),
             "TOKEN_AUDIENCE_WRONG"),
            ("for no audience", bearer(self.issuer.token("e", aud=None)), "TOKEN_AUDIENCE_WRONG"),
            ("of another issuer", bearer(self.issuer.token("e", iss="https://evil.example")),
             "TOKEN_ISSUER_WRONG"),
            ("by an unknown key", bearer(stranger.token("unknown")), "TOKEN_KEY_UNKNOWN"),
            ("by another key under a known id", bearer(stranger.token("e")),
             "TOKEN_SIGNATURE_INVALID"),
            ("with the id of the other algorithm's key",
             bearer(self.issuer.token("e", headers={"kid": "r"})), "TOKEN_KEY_UNKNOWN"),
            ("truncated", bearer(good[:-10]), "TOKEN_SIGNATURE_INVALID"),
            ("without its signature", bearer(f"{header}.{payload}."), "TOKEN_SIGNATURE_INVALID"),
            ("two parts", bearer(f"{header}.{payload}"), "TOKEN_MALFORMED"),
            ("other claims under the signature", bearer(
                f"{header}.{base64url(b'{}')}.{signature}"), "TOKEN_SIGNATURE_INVALID"),
            ("with padding", bearer(good + "=="), "TOKEN_SIGNATURE_INVALID"),
            ("two tokens in one header", bearer(f"{good}, Bearer {good}"),
             "TOKEN_SIGNATURE_INVALID"),
            ("two headers", bearer(good) * 2, "TOKEN_DUPLICATE"),
            ("a good header after a bad one", bearer("x") + bearer(good), "TOKEN_DUPLICATE"),
            ("not bearer", [("authorization", "Basic " + good)], "TOKEN_MALFORMED"),
            ("only the scheme", [("authorization", "Bearer")], "TOKEN_MALFORMED"),
            ("the token alone", [("authorization", good)], "TOKEN_MALFORMED"),
            ("empty", [("authorization", "")], "TOKEN_MALFORMED"),
            ("too large", bearer("x" * 8193), "TOKEN_TOO_LARGE"),
            ("a name with a space", bearer(self.issuer.token("e", sub="a b")),
             "TOKEN_CALLER_INVALID"),
            ("no name", bearer(self.issuer.token("e", sub=None)), "TOKEN_CALLER_INVALID"),
            ("in another header", [("x-authorization", "Bearer " + good)], "TOKEN_MISSING"),
        ]
        with closing(self.server(*self.tokens(), "--listen-channelz")) as server:
            for what, metadata, wanted in rows:
                with self.subTest(what):
                    self.assertEqual(call(server.channel, metadata), wanted)
                    for path in [REFLECTION, CHANNELZ, "/none/None", SERVICE + "DeleteProfile"]:
                        self.assertEqual(raw_call(server.channel, path, metadata=metadata), wanted)
                    for _, value in metadata:
                        self.assertTrue(len(value) < 20 or value not in server.read_log())
            self.assertEqual(self.sandbox_requests(server), 0)
            self.assertEqual(server.metrics()["profilecontext_identity_refused_total"],
                             5 * len(rows))
            # Load balancers need no name for health; it is closed on demand.
            self.assertEqual(raw_call(server.channel, HEALTH), OK)
            self.assertEqual(call(server.channel, bearer(good)), OK)
            self.assertEqual(raw_call(server.channel, CHANNELZ, metadata=bearer(good)), OK)
            server.quit()
        with closing(self.server(*self.tokens(), "--no-identity-open-health")) as server:
            self.assertEqual(raw_call(server.channel, HEALTH), "TOKEN_MISSING")
            self.assertEqual(raw_call(server.channel, HEALTH, metadata=bearer(good)), OK)

    def test_a_flood_of_bad_tokens_costs_few_verifications(self):
        known = bearer(self.issuer.token("e", sub="known"))
        stranger = Issuer()
        stranger.add("e")
        flood = [bearer(stranger.token("e", jti=str(i))) for i in range(300)]
        how = "profilecontext_identity_unverified_tokens_total{reason=\"%s\"}"
        with closing(self.server(*self.tokens(), "--identity-refused-token-rate=1")) as server:
            self.assertEqual(call(server.channel, known), OK)
            # What is refused before its signature is looked at is no verification.
            other = Issuer()
            other.add("unknown")
            for i in range(50):
                self.assertEqual(call(server.channel, bearer(other.token("unknown", jti=str(i)))),
                                 "TOKEN_KEY_UNKNOWN")
                self.assertEqual(call(server.channel, bearer(f"a.b.{i}")), "TOKEN_MALFORMED")
            # The same one again and again is one.
            for _ in range(100):
                self.assertEqual(call(server.channel, flood[0]), "TOKEN_SIGNATURE_INVALID")
            self.assertEqual(server.metrics()[how % "known"], 99)
            ends = [call(server.channel, metadata) for metadata in flood]
            self.assertEqual(set(ends), {"TOKEN_SIGNATURE_INVALID", "TOKENS_REFUSED_TOO_OFTEN"})
            # Ten at once, and one in each second that it took.
            self.assertGreaterEqual(ends.count("TOKEN_SIGNATURE_INVALID"), 9)
            self.assertLess(ends.count("TOKEN_SIGNATURE_INVALID"), 150)
            self.assertEqual(server.metrics()[how % "too_many"],
                             ends.count("TOKENS_REFUSED_TOO_OFTEN"))
            failure = server.fails("GetProfile", messages.GetProfileRequest(identity=identity()),
                                   grpc.StatusCode.RESOURCE_EXHAUSTED, "TOKENS_REFUSED_TOO_OFTEN",
                                   metadata=bearer(stranger.token("e", jti="more")))
            self.assertGreater(failure.retry_ms, 0)
            self.assertEqual(call(server.channel, known), OK)
            new = bearer(self.issuer.token("e", sub="new"))
            wait_until(lambda: call(server.channel, new) == OK, 10, "a good token to be taken")
            server.quit()
        with closing(self.server(*self.tokens(), "--identity-refused-token-rate=0")) as server:
            for metadata in flood:
                self.assertEqual(call(server.channel, metadata), "TOKEN_SIGNATURE_INVALID")

    def test_paths_that_look_like_a_method_are_none(self):
        good = bearer(self.issuer.token("e"))
        request = messages.GetProfileRequest(identity=identity()).SerializeToString()
        paths = ["//profilecontext.v1.ProfileContext/GetProfile",
                 "/profilecontext.v1.ProfileContext//GetProfile",
                 "/profilecontext.v1.ProfileContext/GetProfile/",
                 "/profilecontext.v1.profilecontext/getprofile",
                 "/PROFILECONTEXT.V1.PROFILECONTEXT/GETPROFILE",
                 "/profilecontext.v1.ProfileContext/Get%50rofile",
                 "/profilecontext.v1.ProfileContext/GetProfile?x=1",
                 "/profilecontext.v1.ProfileContext/./GetProfile",
                 "/grpc.health.v1.Health/../profilecontext.v1.ProfileContext/GetProfile",
                 "/grpc.health.v1.Health/Check/", "/grpc.health.v1.health/check"]
        with closing(self.server(*self.tokens())) as server:
            for path in paths:
                with self.subTest(path):
                    self.assertEqual(raw_call(server.channel, path, request), "TOKEN_MISSING")
                    self.assertEqual(raw_call(server.channel, path, request, good),
                                     "METHOD_UNKNOWN")
            self.assertEqual(self.sandbox_requests(server), 0)

    def test_header_names_in_upper_case_name_nobody(self):
        token = self.issuer.token("e")
        forwarded = ["--identity-forwarded-header=x-caller", "--identity-trust-unix-socket"]
        with tempfile.TemporaryDirectory() as folder:
            with closing(self.server(*self.tokens(), *forwarded,
                                     f"--listen-address=unix:{folder}/socket")) as server:
                path = server.address.removeprefix("unix:")
                self.assertEqual(http2_call(path, [("authorization", "Bearer " + token)]), "0")
                self.assertEqual(http2_call(path, [("x-caller", "crm")]), "0")
                for name, value in [("Authorization", "Bearer " + token),
                                    ("AUTHORIZATION", "Bearer " + token), ("X-Caller", "crm")]:
                    self.assertNotEqual(http2_call(path, [(name, value)]), "0")

    def test_both_are_needed_where_both_are_asked_for(self):
        token = bearer(self.issuer.token("e", sub="of-the-token"))
        with closing(self.server(*self.tls(), self.callers_ca(),
                                 *self.tokens("certificate_and_token"))) as server:
            with self.files.channel(server.address, "ca", "crm") as channel:
                self.assertEqual(call(channel), "TOKEN_MISSING")
                self.assertEqual(call(channel, bearer("x")), "TOKEN_MALFORMED")
                self.assertEqual(self.name_of(server, channel, token), "of-the-token")
            for pair in [None, "stranger"]:
                with self.files.channel(server.address, "ca", pair) as channel:
                    self.assertEqual(call(channel, token), "UNAVAILABLE")

    def test_either_is_enough_where_either_is_asked_for(self):
        token = bearer(self.issuer.token("e", sub="of-the-token"))
        with closing(self.server(*self.tls(), self.callers_ca(),
                                 *self.tokens("certificate_or_token"))) as server:
            with self.files.channel(server.address, "ca", "crm") as channel:
                self.assertEqual(self.name_of(server, channel), "crm")
                self.assertEqual(self.name_of(server, channel, token), "of-the-token")
                self.assertEqual(call(channel, bearer("x")), "TOKEN_MALFORMED")
            with self.files.channel(server.address, "ca") as channel:
                self.assertEqual(call(channel), "CERTIFICATE_MISSING")
                self.assertEqual(self.name_of(server, channel, token), "of-the-token")
            with self.files.channel(server.address, "ca", "stranger") as channel:
                self.assertEqual(call(channel, token), "UNAVAILABLE")

    def test_profilectl_sends_the_token_of_a_file(self):
        def run(*arguments):
            process = Process([program("profilectl"), "--server", server.address,
                               "--token-file", self.files.path("token"), *arguments])
            code = process.popen.wait(20)
            log = process.read_log()
            process.close()
            return code, log

        with closing(self.server(*self.tokens())) as server:
            self.files.put("token", self.issuer.token("e").encode() + b"\n")
            self.assertEqual(run("profile", "email:ada.byron@example.com"), (0, ""))
            self.assertEqual(run("bench", "email:ada.byron@example.com", "--requests", "20",
                                 "--warmup", "0s", "--color", "never")[0], 0)
            self.files.put("token", self.issuer.token("e", exp=1).encode())
            code, log = run("profile", "email:ada.byron@example.com")
            self.assertEqual(code, 4, log)
            self.assertIn("TOKEN_EXPIRED", log)
            for wrong in [b"", b"a b", b"a\nb", b"x" * 8193]:
                self.files.put("token", wrong)
                code, log = run("profile", "email:ada.byron@example.com")
                self.assertEqual(code, 2, log)
                self.assertIn("must hold one token", log)

    # ---- proxies ------------------------------------------------------------------------------

    def test_a_proxy_on_the_unix_socket_names_callers(self):
        with tempfile.TemporaryDirectory() as folder:
            with closing(self.server("--identity-mode=forwarded", "--identity-trust-unix-socket",
                                     "--identity-forwarded-header=x-caller",
                                     f"--listen-address=unix:{folder}/socket")) as server:
                forwarded = [("x-caller", "crm")]
                self.assertEqual(self.name_of(server, server.channel, forwarded), "crm")
                self.assertEqual(call(server.channel), "FORWARDED_MISSING")
                self.assertEqual(call(server.channel, forwarded * 2), "FORWARDED_DUPLICATE")
                self.assertEqual(raw_call(server.channel, HEALTH), OK)

    def test_a_socket_that_everyone_may_connect_to_is_not_believed(self):
        with tempfile.TemporaryDirectory() as folder:
            process = Process([
                "sh", "-c", 'umask 000; exec "$@"', "sh", program("profile-contextd"), "--sandbox",
                f"--sandbox-program={program('entity-sandbox')}", "--identity-mode=forwarded",
                "--identity-trust-unix-socket", "--identity-forwarded-header=x-caller",
                f"--listen-address=unix:{folder}/socket"])
            self.assertEqual(process.popen.wait(20), 1)
            self.assertIn("SOCKET_OPEN_TO_ALL", process.read_log())
            process.close()

    # ---- keys ---------------------------------------------------------------------------------

    def test_keys_of_a_file_change_and_a_broken_set_keeps_the_old(self):
        issuer = Issuer()
        issuer.add("old")
        issuer.add("new")
        self.files.put("rotating.json", issuer.jwks("old"))
        reloads = 'profilecontext_reloads_total{kind="jwks",outcome="%s"}'
        flags = [*self.tokens(), f"--identity-jwks-file={self.files.path('rotating.json')}",
                 "--reload-interval=100ms", "--identity-jwks-ask-gap=1h"]
        with closing(self.server(*flags)) as server:
            old, new = bearer(issuer.token("old")), bearer(issuer.token("new"))
            self.assertEqual(call(server.channel, old), OK)
            self.assertEqual(call(server.channel, new), "TOKEN_KEY_UNKNOWN")
            self.files.put("rotating.json", issuer.jwks("old", "new"))
            wait_until(lambda: call(server.channel, new) == OK, 10, "the new key")
            self.assertEqual(call(server.channel, old), OK)
            before = server.metrics()[reloads % "failure"]
            for number, broken in enumerate([b"", b"{}", b'{"keys":[]}', b'{"keys":[{}]}'], 1):
                self.files.put("rotating.json", broken)
                wait_until(lambda: server.metrics()[reloads % "failure"] == before + number, 10,
                           "a set that fails")
                self.assertEqual(call(server.channel, new), OK)
            wait_until(lambda: "JWKS_INVALID" in server.read_log(), 10, "the log")
            # A key that is gone takes its tokens with it, those that were remembered too.
            self.files.put("rotating.json", issuer.jwks("new"))
            wait_until(lambda: call(server.channel, old) == "TOKEN_KEY_UNKNOWN", 10, "the end")
            self.assertEqual(call(server.channel, new), OK)

    def url_flags(self, keys, *flags):
        return [*(flag for flag in self.tokens() if "jwks-file" not in flag),
                f"--identity-jwks-url=http://127.0.0.1:{keys.port}/keys", *flags]

    def test_keys_of_a_url_are_fetched_when_a_new_one_is_used(self):
        issuer = Issuer()
        for kid in ["old", "new", "never"]:
            issuer.add(kid)
        with KeyServer() as keys:
            flags = self.url_flags(keys, "--identity-jwks-ask-gap=100ms",
                                   "--identity-jwks-refresh=1h")
            # The provider is down: the server starts, and says so to those who call.
            with closing(self.server(*flags)) as server:
                old, new, never = (bearer(issuer.token(kid)) for kid in issuer.keys)
                self.assertEqual(call(server.channel, old), "IDENTITY_KEYS_MISSING")
                self.assertEqual(raw_call(server.channel, HEALTH), OK)
                keys.answer = issuer.jwks("old")
                wait_until(lambda: call(server.channel, old) == OK, 10, "the first keys")
                self.assertEqual(call(server.channel, new), "TOKEN_KEY_UNKNOWN")
                keys.answer = issuer.jwks("old", "new")
                wait_until(lambda: call(server.channel, new) == OK, 10, "the new key")
                # Asking in vain does no harm, and is not done more often than it may.
                for answer in [None, b"", b'{"keys":[]}']:
                    keys.answer = answer
                    asked = keys.count
                    begun = time.monotonic()
                    while keys.count < asked + 3:
                        self.assertEqual(call(server.channel, never), "TOKEN_KEY_UNKNOWN")
                    self.assertGreater(time.monotonic() - begun, 0.1)
                    self.assertEqual(call(server.channel, new), OK)
                server.quit()

    def test_keys_of_a_url_are_fetched_in_time_and_one_that_is_gone_counts_no_more(self):
        issuer = Issuer()
        issuer.add("old")
        issuer.add("new")
        with KeyServer() as keys:
            keys.answer = issuer.jwks("old")
            flags = self.url_flags(keys, "--identity-jwks-ask-gap=1h",
                                   "--identity-jwks-refresh=1s")
            with closing(self.server(*flags)) as server:
                old = bearer(issuer.token("old"))
                self.assertEqual(call(server.channel, old), OK)
                keys.answer = issuer.jwks("new")
                wait_until(lambda: call(server.channel, old) == "TOKEN_KEY_UNKNOWN", 10, "the end")

    # ---- configuration ------------------------------------------------------------------------

    def test_combinations_that_make_no_sense_do_not_start(self):
        tokens = self.tokens()
        for text, flags in [
            ("callers' certificates need", ["--identity-mode=certificate"]),
            ("callers' certificates need", [*tokens, "--identity-mode=certificate_and_token"]),
            ("tokens need one of them", [f for f in tokens if "jwks" not in f]),
            ("are required with tokens", [f for f in tokens if "audience" not in f]),
            ("are required with tokens", [f for f in tokens if "issuer" not in f]),
            ("in the clear", [*tokens, "--listen-address=0.0.0.0:0"]),
            ("takes no tokens", [*tokens, "--identity-mode=none"]),
            ("takes no tokens", [f for f in tokens if "mode" not in f]),
            ("forwarded_header: is required", ["--identity-mode=forwarded"]),
            ("needs identity.proxies or", ["--identity-forwarded-header=x-caller"]),
            ("must be a header's name", ["--identity-forwarded-header=X-Caller"]),
            ("must be a header's name", ["--identity-forwarded-header=authorization"]),
            ("are known by their certificates", self.PROXIES),
            ("needs listen.address to be unix", ["--identity-forwarded-header=x-caller",
                                                 "--identity-trust-unix-socket"]),
        ]:
            with self.subTest(text):
                self.check_start_fails(text, *flags)
        self.files.put("wrong.json", b'{"keys":[]}')
        process = Process([program("profile-contextd"), "--sandbox",
                           f"--sandbox-program={program('entity-sandbox')}",
                           "--listen-address=127.0.0.1:0", *tokens,
                           f"--identity-jwks-file={self.files.path('wrong.json')}"])
        self.assertEqual(process.popen.wait(20), 1)
        self.assertIn("JWKS_INVALID", process.read_log())
        process.close()


class KeyServer:
    """Serves a key set, or 503 while there is none."""

    def __enter__(self):
        outer = self
        self.answer = None
        self.count = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer = outer.answer
                outer.count += 1
                self.send_response(503 if answer is None else 200)
                self.send_header("Content-Length", str(len(answer or b"")))
                self.end_headers()
                self.wfile.write(answer or b"")

            def log_message(self, *arguments):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        # Whoever asked may be gone before the answer is written.
        self.server.handle_error = lambda *arguments: None
        self.port = self.server.server_address[1]
        self.thread = Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def hmac_token(secret, claims):
    """What a library that takes any key for any algorithm would accept."""
    import hashlib
    import hmac

    text = unsigned_token({"alg": "HS256", "kid": "r"}, claims)[:-1]
    return text + "." + base64url(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def http2_call(path, headers):
    """A call with headers just as they are given, which no gRPC library would send: the gRPC
    status, or how else it ended."""
    request = messages.GetProfileRequest(identity=identity()).SerializeToString()
    config = h2.config.H2Configuration(
        header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        state = h2.connection.H2Connection(config)
        state.initiate_connection()
        state.send_headers(1, [
            (":method", "POST"), (":scheme", "http"), (":path", SERVICE + "GetProfile"),
            (":authority", "localhost"), ("te", "trailers"),
            ("content-type", "application/grpc"), *headers])
        state.send_data(1, b"\0" + len(request).to_bytes(4, "big") + request, end_stream=True)
        connection.sendall(state.data_to_send())
        while True:
            data = connection.recv(65536)
            if not data:
                return "closed"
            for event in state.receive_data(data):
                if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    status = dict(event.headers).get("grpc-status")
                    if status is not None:
                        return status
                elif isinstance(event, h2.events.StreamReset):
                    return "reset"
                elif isinstance(event, h2.events.ConnectionTerminated):
                    return "closed"
            connection.sendall(state.data_to_send())


if __name__ == "__main__":
    unittest.main(verbosity=2)
