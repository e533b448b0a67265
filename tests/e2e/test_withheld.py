"""Who is withheld and who is unknown cannot be told apart: not by status, reason, message, audit, nor
by what an answer says of its cost."""

import json
import os
import tempfile
import unittest

import grpc

from callers import Caller, Certificates, start
from harness import (
    ADA, SERVICE, METHODS, Sandbox, batch_messages, context_pb2, entity_messages, identity,
    messages, prefetch_messages, stream_messages, status_pb2, wait_until,
)

CARL = ("CRMID", "CRM-1003")  # has withdrawn
NOBODY = ("Email", "nobody.at.all@example.com")
# Is known, and the upstream does not answer for them.
TOO_MANY = ("Email", "srinivasa.toomany@example.com")
HIDDEN = (CARL, NOBODY, TOO_MANY)

POLICY = """
purposes: [service, marketing]
consents:
  - purposes: marketing
    needs: consents.marketing.call.val
    values: [y, dy]
    deny: [profile, events, segment_memberships, identities, insights, summary]
roles:
  all: {rpcs: '*', sections: '*', namespaces: '*', sandboxes: '*', merge_policies: '*', purposes: '*',
        default_purpose: service}
callers:
  - {name: 'spiffe://test/all', role: all}
  - {name: 'spiffe://test/marketing', role: all, default_purpose: marketing}
  - {name: 'spiffe://test/email', role: all, namespaces: Email}
  - {name: 'spiffe://test/fields', role: all, fields: {deny: profile.person.birth_date}}
"""
NAMES = ("all", "marketing", "email", "fields")
WARM = prefetch_messages.PREFETCH_STATE_WARM
# Reads what the consent may withhold.
CONFIG = """
insights:
  - {name: called, path: person.name.firstName, type: string}
"""


def one(method, who):
    """A request about one person."""
    if method in ("BatchGetContexts", "BatchGetProfiles"):
        return METHODS[method][0](persons=[{"identity": who}])
    return METHODS[method][0](identity=who)


class Withheld(unittest.TestCase):
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates([f"spiffe://test/{name}" for name in NAMES])
        cls.sandbox = Sandbox()
        cls.folder = tempfile.TemporaryDirectory()
        cls.trail = os.path.join(cls.folder.name, "audit")
        key = os.path.join(cls.folder.name, "key")
        with open(key, "w") as file:
            file.write("a key of the identities' hashes\n")
        os.chmod(key, 0o600)
        config = os.path.join(cls.folder.name, "config.yaml")
        with open(config, "w") as file:
            file.write(CONFIG)
        cls.server = start(cls.sandbox.url, cls.certificates, POLICY, f"--audit-file={cls.trail}",
                           f"--log-identity-key-file={key}", f"--config={config}",
                           "--budget-rate=1000", "--budget-burst=1000", *cls.arguments)
        cls.callers = {name: Caller(cls.server, cls.certificates, f"spiffe://test/{name}")
                       for name in NAMES}

    @classmethod
    def tearDownClass(cls):
        for caller in cls.callers.values():
            caller.close()
        try:
            cls.server.end_well()
        finally:
            cls.sandbox.close()
            cls.certificates.close()
            cls.folder.cleanup()

    def setUp(self):
        self.sandbox.faults({})

    def told(self, caller, method, request):
        """All that the caller is told but for times and its own words: status, details, trailers'
        names, and the answers."""
        request_type, response_type = METHODS[method]
        stream = method in ("BatchGetContexts", "StreamEvents")
        channel = self.callers[caller].channel
        call = (channel.unary_stream if stream else channel.unary_unary)
        make = call(SERVICE + method, request_type.SerializeToString, response_type.FromString)
        answers = []
        try:
            if stream:
                end = make(request, timeout=20)
                answers = list(end)
            else:
                answer, end = make.with_call(request, timeout=20)
                answers = [answer]
        except grpc.RpcError as error:
            end = error
        trailers = dict(end.trailing_metadata())
        details = status_pb2.Status.FromString(trailers.pop("grpc-status-details-bin", b""))
        trailers.pop("server-ms", None)
        for answer in answers:
            if method == "BatchGetContexts" and answer.HasField("context"):
                answer.context.ClearField("identity")
        return (end.code(), end.details(),
                [bytes(detail.value) for detail in details.details
                 if "RequestInfo" not in detail.type_url],
                sorted(trailers), [str(answer) for answer in answers])

    def test_who_has_not_consented_is_told_of_as_one_whom_there_is_not(self):
        for method in ("GetContext", "BatchGetContexts", "GetProfile", "BatchGetProfiles",
                       "ListEvents", "StreamEvents", "ListSegmentMemberships", "GetIdentities"):
            for _ in range(2):  # also of what may be remembered by now
                told = {person: self.told("marketing", method, one(method, identity(*person)))
                        for person in HIDDEN}
                for person in HIDDEN:
                    request = one(method, identity(*person))
                    if method == "GetContext":
                        # It repeats whom it was asked for.
                        context = self.callers["marketing"].call(method, request).context
                        self.assertEqual({(info.status, info.reason) for info in context.sections},
                                         {(context_pb2.SECTION_STATUS_DENIED, "CONSENT_MISSING")})
                        told[person] = (*told[person][:4], None)
                    self.assertEqual(told[person], told[CARL], (method, person))
                self.assertEqual(told[CARL][3], [], method)

    def test_a_batch_tells_nothing_of_the_withheld_either(self):
        request = batch_messages.BatchGetProfilesRequest(
            persons=[{"identity": identity(*person)} for person in (*HIDDEN, *HIDDEN)])
        entries = self.callers["marketing"].call("BatchGetProfiles", request).profiles
        self.assertEqual({entry.SerializeToString() for entry in entries},
                         {entries[0].SerializeToString()})
        self.assertEqual((entries[0].error.code, entries[0].error.reason),
                         (grpc.StatusCode.PERMISSION_DENIED.value[0], "CONSENT_MISSING"))
        self.assertEqual(self.told("marketing", "BatchGetProfiles", request)[3], [])
        # Beside one who has consented.
        request.persons.add(identity=identity(*ADA))
        entries = self.callers["marketing"].call("BatchGetProfiles", request).profiles
        self.assertEqual(entries[0].error.reason, "CONSENT_MISSING")
        self.assertTrue(entries[-1].profile.person.name.first_name)
        self.assertEqual(self.told("marketing", "BatchGetProfiles", request)[3], [])

    def test_an_outage_is_told_of_everybody(self):
        if self.arguments:
            return  # What is remembered outlasts it.
        self.sandbox.faults({"operations": {"*": {"down": True}}})
        persons = [{"identity": identity(*person)} for person in HIDDEN]
        told = self.told("marketing", "BatchGetProfiles",
                         batch_messages.BatchGetProfilesRequest(persons=persons))
        self.assertEqual(told[0], grpc.StatusCode.UNAVAILABLE)
        told = {self.told("marketing", "GetProfile", one("GetProfile", identity(*person)))[:2]
                for person in HIDDEN}
        self.assertEqual({code for code, _ in told}, {grpc.StatusCode.PERMISSION_DENIED})
        self.assertEqual(len(told), 1)

    def test_a_fault_of_the_servers_own_is_nobodys_refusal(self):
        if self.arguments:
            return  # What is remembered outlasts it.
        batch = batch_messages.BatchGetProfilesRequest(
            persons=[{"identity": identity(*person)} for person in (*HIDDEN, ADA)])
        for faults, code, reason in (
                ({"operations": {"*": {"errorRate": 1, "errorStatus": 403}}},
                 grpc.StatusCode.PERMISSION_DENIED, "UPSTREAM_NOT_PROVISIONED"),
                ({"operations": {"*": {"errorRate": 1, "errorStatus": 405}}},
                 grpc.StatusCode.INTERNAL, "UPSTREAM_UNEXPECTED_STATUS")):
            self.sandbox.faults(faults)
            failure = self.callers["marketing"].refused("BatchGetProfiles", batch)
            self.assertEqual((failure.code, failure.reason), (code, reason))
            for method in ("GetProfile", "ListEvents"):
                told = {self.callers["marketing"].refused(
                    method, one(method, identity(*person))).reason for person in HIDDEN}
                self.assertEqual(told, {"CONSENT_UNKNOWN"}, (method, reason))
        # A request about several is refused for none of them; that about one may be.
        self.sandbox.faults({"operations": {"*": {"errorRate": 1, "errorStatus": 422}}})
        failure = self.callers["marketing"].refused("BatchGetProfiles", batch)
        self.assertEqual(failure.reason, "UPSTREAM_UNPROCESSABLE")
        told = {self.callers["marketing"].refused(
            "GetProfile", one("GetProfile", identity(*person))).reason for person in HIDDEN}
        self.assertEqual(told, {"CONSENT_MISSING"})

    def test_who_is_withheld_is_audited_so(self):
        def lines():
            with open(self.trail) as file:
                return [json.loads(line) for line in file if line.endswith("\n")]
        before = len(lines())
        request = batch_messages.BatchGetProfilesRequest(
            persons=[{"identity": identity(*person)} for person in (ADA, *HIDDEN)])
        self.callers["marketing"].call("BatchGetProfiles", request)

        def ends():
            found = [(line["code"], line.get("reason", "")) for line in lines()[before:]
                     if line.get("rpc") == "BatchGetProfiles" and "identity" in line]
            return sorted(found) if len(found) >= 4 else None
        self.assertEqual(wait_until(ends, 10, "a line for each person"),
                         [("OK", ""), *[("PERMISSION_DENIED", "CONSENT_MISSING")] * 3])

    def test_the_size_of_what_is_cut_away_is_not_told(self):
        who = identity(*ADA)
        for caller, method, told in (
                ("all", "GetProfile", True), ("email", "GetProfile", False),
                ("fields", "GetProfile", False), ("email", "GetIdentities", False),
                ("email", "BatchGetProfiles", False), ("fields", "GetContext", False),
                ("email", "BatchGetContexts", False), ("fields", "ListEvents", True)):
            request = one(method, who)
            request.max_staleness.seconds = 0
            trailers = self.told(caller, method, request)[3]
            self.assertIn("upstream-calls", trailers, (caller, method))
            self.assertEqual("upstream-bytes" in trailers, told, (caller, method))

    def test_insights_are_limited_by_a_consent_for_its_purpose_alone(self):
        request = messages.GetContextRequest(
            identity=identity(*ADA), read_mask={"paths": ["insights"]},
            max_staleness={"seconds": 0})
        for caller, reason, trailer in (("all", "", True),
                                        ("marketing", "INSIGHTS_LIMITED", False)):
            context = self.callers[caller].call("GetContext", request).context
            self.assertEqual([insight.name for insight in context.insights], ["called"], caller)
            self.assertEqual([info.reason for info in context.sections], [reason], caller)
            told = self.told(caller, "GetContext", request)[3]
            self.assertEqual("upstream-bytes" in told, trailer, caller)


class WithheldOfRemembered(Withheld):
    """The same of what is remembered."""

    arguments = ("--cache-max-bytes=64MiB",)


class InAnOutage(unittest.TestCase):
    """What is remembered of the withheld and of the unknown outlasts an outage alike, though it is
    believed for other times of those whose absence is no secret."""

    def prefetch(self, caller):
        request = prefetch_messages.PrefetchContextsRequest(
            persons=[{"identity": identity(*person)} for person in (CARL, NOBODY)])
        return [entry.state for entry in caller.call("PrefetchContexts", request).entries]

    def compare(self, *arguments):
        certificates = Certificates(["spiffe://test/marketing"])
        sandbox = Sandbox()
        server = start(sandbox.url, certificates, POLICY, "--cache-max-bytes=64MiB",
                       "--cache-missing-fresh=0ms", *arguments)
        caller = Caller(server, certificates, "spiffe://test/marketing")
        try:
            for outage in (False, True):
                sandbox.faults({"operations": {"*": {"down": True}}} if outage else {})
                for method in ("GetProfile", "ListEvents"):
                    told = {caller.refused(method, one(method, identity(*person))).reason
                            for person in (CARL, NOBODY)}
                    self.assertEqual(told, {"CONSENT_MISSING"}, (method, outage))
                states = self.prefetch(caller)
                self.assertEqual(states[0], states[1], outage)
                if not arguments:
                    # What is under way would come to one of them before the outage, and not to both.
                    wait_until(lambda: self.prefetch(caller) == [WARM, WARM], 10, "both are warm")
            caller.close()
            server.end_well()
        finally:
            caller.close()
            sandbox.close()
            certificates.close()

    def test_while_it_is_fresh(self):
        self.compare()

    def test_when_it_is_only_better_than_nothing(self):
        self.compare("--cache-profile-fresh=0ms", "--cache-segments-fresh=0ms",
                   "--cache-identities-fresh=0ms", "--cache-insights-fresh=0ms",
                   "--cache-events-fresh=0ms", "--cache-revalidate=0ms")


if __name__ == "__main__":
    unittest.main(verbosity=2)
