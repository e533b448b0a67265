"""Whoever may not is refused, is told so, gets nothing, and leaves exactly one line in the audit trail.

The tables below are the test. Each row is sent as raw HTTP/2, so that nothing of it is put right by a
gRPC library, and stands for one line of the trail."""

import base64
import json
import socket
import ssl
import time
import unittest

from credentials import Folder, Issuer, unsigned_token
from harness import (
    SERVICE, Sandbox, Server, closing, entity_messages, identity, messages, wait_until,
)
from wire import CLOSED, Wire

GET = SERVICE + "GetProfile"
CONTEXT = SERVICE + "GetContext"
DELETE = SERVICE + "DeleteProfile"
HEALTH = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
REFLECTION_ALPHA = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
CHANNELZ = "/grpc.channelz.v1.Channelz/GetTopChannels"
CHANNELZ_SERVERS = "/grpc.channelz.v1.Channelz/GetServers"

OK, DENIED, UNIMPLEMENTED, NOBODY = "0", "7", "12", "16"

# Who may do what. Everyone is certified or has a token; "crm" has no right to what stands beside.
POLICY = """
roles:
  reader: {rpcs: [GetProfile, GetContext], sections: "*", namespaces: [Email], sandboxes: "*",
           merge_policies: "*"}
callers:
  - {name: crm, role: reader}
  - {name: proxy.example, role: reader}
"""

# The connection: with which certificate, of which TLS, and what the trail says of it.
HANDSHAKES = [
    # what                             pair        TLS    reason in the trail
    ("no certificate",                 None,       "1.3", "CERTIFICATE_MISSING"),
    ("no certificate, TLS 1.2",        None,       "1.2", "CERTIFICATE_MISSING"),
    ("of another authority",           "stranger", "1.3", "CERTIFICATE_UNTRUSTED"),
    ("of another authority, TLS 1.2",  "stranger", "1.2", "CERTIFICATE_UNTRUSTED"),
    ("signed by itself",               "selfmade", "1.3", "CERTIFICATE_UNTRUSTED"),
    ("expired",                        "expired",  "1.3", "CERTIFICATE_EXPIRED"),
    ("expired, TLS 1.2",               "expired",  "1.2", "CERTIFICATE_EXPIRED"),
    ("for servers only",               "server-only", "1.3", "CERTIFICATE_INVALID"),
    ("TLS 1.1",                        "crm",      "1.1", "TLS_VERSION_REFUSED"),
    ("not HTTP/2",                     "crm",      "http/1.1", "TLS_NO_HTTP2"),
    ("no TLS",                         "crm",      "plain", "TLS_NOT_SPOKEN"),
]

FORGED = [("x-caller", "crm")]

# Calls over mutual TLS: by whom, what, with which headers, and how that ends.
CALLS = [
    # what                             pair        path      headers            status  reason
    ("a name that no rule has",        "spiffe",   GET,      [],                DENIED, "POLICY_NO_RULE"),
    ("a wrong SAN for a right CN",     "wrong-san", GET,     [],                DENIED, "POLICY_NO_RULE"),
    ("a wildcard for a name",          "wildcard", GET,      [],                DENIED, "POLICY_NO_RULE"),
    ("forged by no proxy",             "crm",      GET,      FORGED,            NOBODY, "FORWARDED_UNTRUSTED"),
    ("forged, proxy in second place",  "second",   GET,      FORGED,            NOBODY, "FORWARDED_UNTRUSTED"),
    ("forged, wildcard for the proxy", "wildcard", GET,      FORGED,            NOBODY, "FORWARDED_UNTRUSTED"),
    ("forged empty",                   "crm",      GET,      [("x-caller", "")], NOBODY, "FORWARDED_UNTRUSTED"),
    ("forged for what stands beside",  "crm",      HEALTH,   FORGED,            NOBODY, "FORWARDED_UNTRUSTED"),
    ("two names of a proxy",           "proxy",    GET,      FORGED * 2,        NOBODY, "FORWARDED_DUPLICATE"),
    ("no name of a proxy",             "proxy",    GET,      [("x-caller", "")], NOBODY, "FORWARDED_INVALID"),
    ("a list of names of a proxy",     "proxy",    GET,      [("x-caller", "crm, x")], NOBODY, "FORWARDED_INVALID"),
    ("forwarded, a name no rule has",  "proxy",    GET,      [("x-caller", "nobody")], DENIED, "POLICY_NO_RULE"),
    ("an RPC without the right",       "crm",      DELETE,   [],                DENIED, "POLICY_RPC_DENIED"),
    ("health without the right",       "crm",      HEALTH,   [],                DENIED, "POLICY_RPC_DENIED"),
    ("watching health likewise",       "crm",      WATCH,    [],                DENIED, "POLICY_RPC_DENIED"),
    ("reflection without the right",   "crm",      REFLECTION, [],              DENIED, "POLICY_RPC_DENIED"),
    ("its older version likewise",     "crm",      REFLECTION_ALPHA, [],        DENIED, "POLICY_RPC_DENIED"),
    ("channelz without the right",     "crm",      CHANNELZ, [],                DENIED, "POLICY_RPC_DENIED"),
    ("more of channelz likewise",      "crm",      CHANNELZ_SERVERS, [],        DENIED, "POLICY_RPC_DENIED"),
    ("health by who has no rule",      "spiffe",   HEALTH,   [],                DENIED, "POLICY_NO_RULE"),
    ("channelz by who has no rule",    "spiffe",   CHANNELZ, [],                DENIED, "POLICY_NO_RULE"),
    ("an unknown method",              "crm",      SERVICE + "StealProfile", [], UNIMPLEMENTED, "METHOD_UNKNOWN"),
    ("an unknown service",             "crm",      "/none.None/None", [],       UNIMPLEMENTED, "METHOD_UNKNOWN"),
    ("another package",                "crm",      "/profilecontext.v2.ProfileContext/GetProfile", [],
     UNIMPLEMENTED, "METHOD_UNKNOWN"),
]

# Paths that are not quite a method's. All are unknown to whoever is named.
PATHS = [
    "//profilecontext.v1.ProfileContext/GetProfile",
    "/profilecontext.v1.ProfileContext//GetProfile",
    "/profilecontext.v1.ProfileContext/GetProfile/",
    "/profilecontext.v1.ProfileContext/getProfile",
    "/profilecontext.v1.ProfileContext/GETPROFILE",
    "/Profilecontext.v1.ProfileContext/GetProfile",
    "/profilecontext.v1.ProfileContext/Get%50rofile",
    "/profilecontext.v1.ProfileContext/GetProfile?x=1",
    "/profilecontext.v1.ProfileContext/./GetProfile",
    "/grpc.health.v1.Health/../profilecontext.v1.ProfileContext/GetProfile",
    "/grpc.health.v1.Health/Check/",
    "/grpc.health.v1.health/check",
]


def token_rows(issuer, stranger):
    """What stands in the headers, and the reason of the refusal, which is always UNAUTHENTICATED."""
    now = int(time.time())
    claims = issuer.claims()
    good = issuer.token("e")
    header, payload, signature = good.split(".")
    return [
        ("no token", [], "TOKEN_MISSING"),
        ("alg none", bearer(unsigned_token({"alg": "none"}, claims)), "TOKEN_ALGORITHM_REFUSED"),
        ("alg none, with a key and a signature",
         bearer(unsigned_token({"alg": "none", "kid": "e"}, claims) + signature),
         "TOKEN_ALGORITHM_REFUSED"),
        ("alg None", bearer(unsigned_token({"alg": "None"}, claims)), "TOKEN_ALGORITHM_REFUSED"),
        ("expired", bearer(issuer.token("e", exp=now - 60)), "TOKEN_EXPIRED"),
        ("without an expiry", bearer(issuer.token("e", exp=None)), "TOKEN_EXPIRED"),
        ("not valid yet", bearer(issuer.token("e", nbf=now + 60)), "TOKEN_NOT_YET_VALID"),
        ("for another audience", bearer(issuer.token("e", aud="x")), "TOKEN_AUDIENCE_WRONG"),
        ("for no audience", bearer(issuer.token("e", aud=None)), "TOKEN_AUDIENCE_WRONG"),
        ("of another issuer", bearer(issuer.token("e", iss="https://evil.example")),
         "TOKEN_ISSUER_WRONG"),
        ("by an unknown key", bearer(stranger.token("unknown")), "TOKEN_KEY_UNKNOWN"),
        ("by another key under a known id", bearer(stranger.token("e")), "TOKEN_SIGNATURE_INVALID"),
        ("other claims under the signature", bearer(f"{header}.{base64url_of({})}.{signature}"),
         "TOKEN_SIGNATURE_INVALID"),
        ("without its signature", bearer(f"{header}.{payload}."), "TOKEN_SIGNATURE_INVALID"),
        ("two parts", bearer(f"{header}.{payload}"), "TOKEN_MALFORMED"),
        ("not bearer", [("authorization", "Basic " + good)], "TOKEN_MALFORMED"),
        ("empty", [("authorization", "")], "TOKEN_MALFORMED"),
        ("too large", bearer("x" * 8193), "TOKEN_TOO_LARGE"),
        ("no name", bearer(issuer.token("e", sub=None)), "TOKEN_CALLER_INVALID"),
        ("the header twice", bearer(good) * 2, "TOKEN_DUPLICATE"),
        ("a good one after a bad one", bearer("x") + bearer(good), "TOKEN_DUPLICATE"),
        ("in another header", [("x-authorization", "Bearer " + good)], "TOKEN_MISSING"),
        ("a header in upper case", [("Authorization", "Bearer " + good)], "TOKEN_MISSING"),
        ("all of it in upper case", [("AUTHORIZATION", "BEARER " + good)], "TOKEN_MISSING"),
        ("upper case beside a bad one", [("Authorization", "Bearer " + good)] + bearer("x"),
         "TOKEN_MALFORMED"),
    ]


def bearer(token):
    return [("authorization", "Bearer " + token)]


def base64url_of(claims):
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def request_of(path):
    """Bytes of a request that would do, where there is such a method."""
    if "Delete" in path:
        request = entity_messages.DeleteProfileRequest(identity=identity(), sandbox="prod")
    elif "GetProfile" in path:
        request = messages.GetProfileRequest(identity=identity())
    else:
        return b""
    return request.SerializeToString()


def rpc_of(path, is_known):
    """The trail's name of a method."""
    return "unknown" if not is_known else path.removeprefix(SERVICE)


class Matrix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.files = Folder()
        cls.files.make_authority("ca")
        cls.files.make_authority("other-ca")
        cls.files.make_authority("selfmade")
        cls.files.make_pair("server", "ca")
        cls.files.make_pair("crm", "ca", names="")
        cls.files.make_pair("proxy", "ca", names="DNS:proxy.example")
        cls.files.make_pair("spiffe", "ca", names="URI:spiffe://example/crm")
        cls.files.make_pair("wrong-san", "ca", names="DNS:routing.example", common_name="crm")
        cls.files.make_pair("wildcard", "ca", names="DNS:*.example")
        cls.files.make_pair("second", "ca", names="DNS:crm.example,DNS:proxy.example")
        cls.files.make_pair("expired", "ca", days=-1)
        cls.files.make_pair("stranger", "other-ca", names="DNS:proxy.example")
        cls.files.make_pair("server-only", "ca", names="DNS:crm\nextendedKeyUsage=serverAuth")
        cls.files.put("policy.yaml", POLICY.encode())
        cls.files.put("key", b"a key of the identities' hashes\n")

    @classmethod
    def tearDownClass(cls):
        cls.files.remove()
        cls.sandbox.close()

    def setUp(self):
        self.wanted = []

    def server(self, *arguments, pass_fds=()):
        self.trail = self.files.path(self.id().rsplit(".", 1)[1])
        return Server(self.sandbox.url, "--operator-address=127.0.0.1:0", "--listen-channelz",
                      f"--access-policy-file={self.files.path('policy.yaml')}",
                      f"--audit-file={self.trail}",
                      f"--log-identity-key-file={self.files.path('key')}", *arguments,
                      pass_fds=pass_fds)

    def mutual_tls(self, *arguments, pass_fds=()):
        return self.server(f"--listen-tls-certificate-file={self.files.path('server.crt')}",
                           f"--listen-tls-key-file={self.files.path('server.key')}",
                           f"--listen-tls-client-ca-file={self.files.path('ca.crt')}",
                           "--identity-forwarded-header=x-caller",
                           "--identity-proxies=proxy.example", *arguments, pass_fds=pass_fds)

    def lines(self):
        """Those of the trail that are about callers."""
        with open(self.trail) as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        return [line for line in lines
                if line["event"] in ("access", "refused", "handshake", "left_out")]

    def expect(self, what, line):
        """One more line, which is this. What comes later than it should fails the next row."""
        self.wanted.append({"peer": "ipv4:127.0.0.1", **line})
        wait_until(lambda: len(self.lines()) >= len(self.wanted), 10, f"a line of: {what}")
        found = [{name: line[name] for name in wanted}
                 for line, wanted in zip(self.lines(), self.wanted)]
        self.assertEqual(found, self.wanted, what)

    def refuse(self, server, row, context=None, is_known=True, caller=None):
        what, path, headers, status, reason = row
        with self.subTest(what), Wire(server.address, context) as wire:
            wire.call(path, request_of(path), headers)
            self.assertEqual((wire.status, wire.reason, wire.served), (status, reason, b""), what)
            line = {"event": "refused", "rpc": rpc_of(path, is_known), "reason": reason,
                    "code": {NOBODY: "UNAUTHENTICATED", DENIED: "PERMISSION_DENIED",
                             UNIMPLEMENTED: "UNIMPLEMENTED"}[status]}
            self.expect(what, line if caller is None else {**line, "caller": caller})

    def context(self, pair, version="1.3"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        versions = {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2}
        context.minimum_version = context.maximum_version = versions.get(
            version, ssl.TLSVersion.TLSv1_3)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.set_alpn_protocols([version if version.startswith("http") else "h2"])
        if pair is not None:
            context.load_cert_chain(self.files.path(f"{pair}.crt"), self.files.path(f"{pair}.key"))
        return context

    def end(self, server):
        """Nothing was asked of the upstream, and there is no line beyond those that were wanted."""
        self.assertEqual(sum(value for name, value in server.metrics().items()
                             if name.startswith("profilecontext_upstream_requests_total")), 0)
        server.quit()
        self.assertEqual(len(self.lines()), len(self.wanted), self.lines()[len(self.wanted):])

    def test_connections(self):
        with closing(self.mutual_tls()) as server:
            for what, pair, version, reason in HANDSHAKES:
                with self.subTest(what):
                    context = None if version == "plain" else self.context(pair, version)
                    try:
                        with Wire(server.address, context) as wire:
                            wire.call(GET, request_of(GET), FORGED)
                            self.assertEqual((wire.status, wire.served), (CLOSED, b""))
                    except ssl.SSLError:
                        pass  # it was told within the handshake
                    self.expect(what, {"event": "handshake", "reason": reason})
            metrics = server.metrics()
            for reason in {row[3] for row in HANDSHAKES}:
                self.assertEqual(
                    metrics[f'profilecontext_handshakes_refused_total{{reason="{reason}"}}'],
                    [row[3] for row in HANDSHAKES].count(reason), reason)
            self.end(server)

    def test_calls_over_mutual_tls(self):
        with closing(self.mutual_tls()) as server:
            for what, pair, path, headers, status, reason in CALLS:
                self.refuse(server, (what, path, headers, status, reason), self.context(pair),
                            is_known=status != UNIMPLEMENTED)
            for path in PATHS:
                self.refuse(server, (path, path, [], UNIMPLEMENTED, "METHOD_UNKNOWN"),
                            self.context("crm"), is_known=False, caller="crm")
                self.refuse(server, (path, path, [], DENIED, "POLICY_NO_RULE"),
                            self.context("spiffe"), is_known=False,
                            caller="spiffe://example/crm")
            self.end(server)

    def test_tokens(self):
        issuer, stranger = Issuer(), Issuer()
        issuer.add("e")
        stranger.add("e")
        stranger.add("unknown")
        self.files.put("keys.json", issuer.jwks())
        with closing(self.server(
                "--identity-mode=token", f"--identity-issuer={Issuer.ISSUER}",
                f"--identity-audience={Issuer.AUDIENCE}", "--no-identity-open-health",
                f"--identity-jwks-file={self.files.path('keys.json')}")) as server:
            for what, headers, reason in token_rows(issuer, stranger):
                self.refuse(server, (what, GET, headers, NOBODY, reason), caller="")
            for path in (DELETE, HEALTH, WATCH, REFLECTION, REFLECTION_ALPHA, CHANNELZ,
                         CHANNELZ_SERVERS):
                self.refuse(server, (path, path, [], NOBODY, "TOKEN_MISSING"), caller="")
                self.refuse(server, (path, path, bearer(issuer.token("e")), DENIED,
                                     "POLICY_RPC_DENIED"), caller="crm")
            for path in PATHS:
                self.refuse(server, (path, path, [], NOBODY, "TOKEN_MISSING"), is_known=False)
                self.refuse(server, (path, path, bearer(issuer.token("e")), UNIMPLEMENTED,
                                     "METHOD_UNKNOWN"), is_known=False)
            self.end(server)

    def test_a_flood_of_refusals_leaves_few_lines_and_their_number(self):
        flood = 120
        with closing(self.mutual_tls("--audit-refused-rate=10")) as server:
            for _ in range(flood):
                with Wire(server.address) as wire:
                    wire.connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    wire.connection.recv(1)
            server.quit()
        lines = self.lines()
        kept = [line for line in lines if line["event"] == "handshake"]
        left_out = [line["lines"] for line in lines if line["event"] == "left_out"]
        self.assertEqual(len(kept) + sum(left_out), flood)
        # As many at once as the rate has lines a second, and a tenth in each second that it took.
        self.assertGreaterEqual(len(kept), 10)
        self.assertLess(len(kept), flood / 2)

    def test_the_probe_of_the_own_port_leaves_no_trace_and_finds_it_dead(self):
        # The test has the listening socket too, and shuts it: nobody can come in any more.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = self.mutual_tls(f"--listen-address=fd:{listener.fileno()}",
                                     "--door-probe-interval=50ms", pass_fds=[listener.fileno()])
            with closing(server):
                wait_until(lambda: server.metrics()["profilecontext_connections_accepted_total"] > 10,
                           30, "probes")
                self.assertEqual(server.operator("/readyz")[0], 200)
                # Another who says nothing, from the same address, counts.
                with Wire(server.address) as wire:
                    wire.connection.shutdown(socket.SHUT_WR)
                    wire.connection.recv(1)

                def refused():
                    return sum(value for name, value in server.metrics().items()
                               if name.startswith("profilecontext_handshakes_refused_total"))

                wait_until(refused, 10, "the other to be counted")
                self.assertEqual(refused(), 1)
                listener.shutdown(socket.SHUT_RDWR)
                self.assertEqual(server.popen.wait(30), 3)
                self.assertEqual(self.lines(), [])

    def test_who_may_is_served_so_the_rows_fail_for_what_they_say(self):
        with closing(self.mutual_tls()) as server:
            for pair in ("crm", "proxy"):
                with Wire(server.address, self.context(pair)) as wire:
                    wire.call(GET, request_of(GET))
                    self.assertEqual((wire.status, wire.served != b""), (OK, True))
                self.expect(pair, {"event": "access", "rpc": "GetProfile", "code": "OK"})
            server.quit()


if __name__ == "__main__":
    unittest.main(verbosity=2)
