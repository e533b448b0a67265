"""Who may see what: the policy in force, in every RPC, over connections with certificates."""

import re
import signal
import threading
import unittest

import grpc

from callers import Caller, Certificates, start
from harness import (
    ADA, MERGE_POLICY, SERVICE, Sandbox, Server, batch_messages, closing, context_pb2, entity_messages, identity, messages,
    prefetch_messages, stream_messages, wait_until,
)

DENIED = context_pb2.SECTION_STATUS_DENIED
OK = context_pb2.SECTION_STATUS_OK
PERMISSION = grpc.StatusCode.PERMISSION_DENIED
NOBODY = ("Email", "nobody.at.all@example.com")

POLICY = """
purposes: [service, marketing]
consents:
  - purposes: marketing
    needs: consents.marketing.call.val
    values: [y, dy]
    deny: [events, profile.person.gender, segment_memberships]
roles:
  all:
    rpcs: ["*", Health, Reflection]
    sections: "*"
    namespaces: "*"
    sandboxes: "*"
    merge_policies: "*"
    purposes: "*"
    default_purpose: service
callers:
  - {name: all, role: all}
  - name: agent
    role: all
    sections: [profile, events, summary, segment_memberships, identities, entity]
    fields:
      deny: [profile.person.birth_date, profile.extensions, events.commerce,
             segment_memberships.display_name, identities.authenticated_state, entity.body]
    masks:
      profile.person.name.first_name: hash
      profile.mobile_phone.number: {partial: 4}
      profile.home_address.city: drop
      identities.id: {partial: 3}
      segment_memberships.segment_id: hash
      events.event_type: {partial: 2}
  - {name: email, role: all, namespaces: [Email, CRMID]}
  - {name: narrow, role: all, rpcs: [GetContext, GetProfile], sections: profile, sandboxes: dev,
     merge_policies: default, max_staleness: {least: 2s, most: 10s}, criticality: batch}
  - {name: marketing, role: all, purposes: marketing, default_purpose: marketing}
  - {name: deleter, role: all, rpcs: DeleteProfile}
  - {name: shared, role: all, share: 10}
  - {name: slow, role: all, rate: 0.001, burst: 2}
"""

NAMES = ("all", "agent", "email", "narrow", "marketing", "deleter", "shared", "slow", "stranger")


def paths(info):
    return list(info.denied_paths)


class Policy(unittest.TestCase):
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates([f"spiffe://test/{name}" for name in NAMES])
        policy = POLICY
        for name in NAMES:
            policy = policy.replace(f"name: {name}\n", f"name: spiffe://test/{name}\n")
            policy = policy.replace(f"{{name: {name},", f"{{name: spiffe://test/{name},")
        cls.policy = policy
        cls.sandbox = Sandbox()
        cls.server = start(cls.sandbox.url, cls.certificates, policy,
                           "--operator-address=127.0.0.1:0", "--budget-rate=1000",
                           "--budget-burst=1000", *cls.arguments)
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

    def call(self, caller, method, request, **options):
        return self.callers[caller].call(method, request, **options)

    def refused(self, caller, method, request, reason, **options):
        failure = self.callers[caller].refused(method, request, **options)
        self.assertEqual((failure.code, failure.reason), (PERMISSION, reason))
        return failure

    def context(self, caller="agent", person=ADA, mask=(), **options):
        answer = self.call(caller, "GetContext", messages.GetContextRequest(
            identity=identity(*person), read_mask={"paths": mask}), **options)
        return answer.context, {info.section: info for info in answer.context.sections}

    # ---- full rights

    def test_with_all_rights_nothing_is_left_out_or_told(self):
        context, infos = self.context("all")
        self.assertEqual(len(infos), 6)
        for info in infos.values():
            self.assertEqual(paths(info), [])
        self.assertTrue(context.profile.HasField("extensions"))
        self.assertTrue(context.xid)

    # ---- sections, fields and values

    def test_a_context_is_cut_and_says_so(self):
        whole, _ = self.context("all")
        context, infos = self.context()
        insights = infos[context_pb2.SECTION_INSIGHTS]
        self.assertEqual((insights.status, insights.reason, paths(insights)),
                         (DENIED, "POLICY_DENIED", ["insights"]))
        self.assertEqual(len(context.insights), 0)
        profile = infos[context_pb2.SECTION_PROFILE]
        self.assertEqual(profile.status, OK)
        self.assertEqual(sorted(paths(profile)),
                         ["profile.extensions", "profile.home_address.city",
                          "profile.person.birth_date"])
        self.check_profile(context.profile, whole.profile)
        self.assertEqual(paths(infos[context_pb2.SECTION_EVENTS]), ["events.commerce"])
        self.assertEqual(len(context.events), len(whole.events))
        for event, before in zip(context.events, whole.events):
            self.assertFalse(event.HasField("commerce"))
            self.assertEqual(event.event_type, "*" * (len(before.event_type) - 2) +
                             before.event_type[-2:])
            self.assertEqual(event.timestamp, before.timestamp)
        self.assertEqual(paths(infos[context_pb2.SECTION_SEGMENT_MEMBERSHIPS]),
                         ["segment_memberships.display_name"])
        self.assertFalse(any(segment.HasField("display_name") for segment in context.segment_memberships))
        for shown, before in zip(context.identities, whole.identities):
            self.assertEqual(shown.id, "*" * (len(before.id) - 3) + before.id[-3:])
            self.assertEqual(shown.authenticated_state, 0)
        # What the summary is made of is denied or masked, all but the consents.
        self.assertIn("summary.purchases", paths(infos[context_pb2.SECTION_SUMMARY]))
        self.assertFalse(context.summary.HasField("purchases"))
        self.assertEqual(context.summary.contactability, whole.summary.contactability)

    def check_profile(self, profile, whole):
        self.assertTrue(whole.person.HasField("birth_date"))
        self.assertFalse(profile.person.HasField("birth_date"))
        self.assertFalse(profile.HasField("extensions"))
        self.assertFalse(profile.home_address.HasField("city"))
        self.assertEqual(profile.home_address.street1, whole.home_address.street1)
        self.assertRegex(profile.person.name.first_name, "^[0-9a-f]{32}$")
        self.assertEqual(profile.person.name.last_name, whole.person.name.last_name)
        self.assertEqual(profile.mobile_phone.number, "*******0100")

    def test_a_denied_field_is_told_whether_or_not_it_has_a_value(self):
        told = [paths(self.context(person=person, mask=["profile.person.birth_date", "events"])[1]
                      [context_pb2.SECTION_PROFILE])
                for person in (ADA, ("Email", "mei.lin@example.com"))]
        self.assertEqual(told, [["profile.person.birth_date"]] * 2)

    def test_only_denied_fields_are_a_denied_section_that_is_not_fetched(self):
        self.sandbox.reset_stats()
        request = messages.GetContextRequest(
            identity=identity(), read_mask={"paths": ["profile.extensions", "insights"]})
        self.refused("agent", "GetContext", request, "POLICY_SECTION_DENIED")
        self.assertEqual(self.sandbox.recent(), [])
        context, infos = self.context(mask=["profile.person.birth_date", "events.event_type"])
        self.assertEqual(infos[context_pb2.SECTION_PROFILE].status, DENIED)
        self.assertEqual(len(context.events) > 0, True)
        self.assertFalse(context.HasField("profile"))

    def test_denied_fields_are_not_asked_of_the_upstream(self):
        if self.arguments:
            return  # What is remembered is fetched whole.
        self.sandbox.reset_stats()
        self.call("agent", "GetProfile", messages.GetProfileRequest(
            identity=identity(), read_mask={"paths": ["person.birth_date", "person.gender"]}))
        self.context(mask=["profile.person.birth_date", "profile.person.name.last_name",
                           "events.commerce", "events.timestamp"])
        asked = [one["query"] for one in self.sandbox.recent()]
        self.assertTrue(any("fields=person.gender" in query for query in asked), asked)
        self.assertTrue(any("fields=person.name.lastName" in query for query in asked), asked)
        self.assertTrue(any("fields=timestamp" in query for query in asked), asked)
        self.assertFalse(any("birthDate" in query or "commerce" in query for query in asked), asked)

    def test_profiles_are_cut(self):
        whole = self.call("all", "GetProfile", messages.GetProfileRequest(identity=identity()))
        answer = self.call("agent", "GetProfile", messages.GetProfileRequest(identity=identity()))
        self.check_profile(answer.profile, whole.profile)
        self.assertEqual(sorted(paths(answer.info)), [
            "extensions", "home_address.city", "identity_map.authenticated_state",
            "person.birth_date", "segment_membership.display_name"])
        for shown, before in zip(answer.profile.identity_map, whole.profile.identity_map):
            self.assertEqual(shown.id[-3:], before.id[-3:])
            self.assertEqual(shown.id.count("*"), len(before.id) - 3)
        batch = self.call("agent", "BatchGetProfiles", batch_messages.BatchGetProfilesRequest(
            persons=[{"identity": identity()}]))
        self.check_profile(batch.profiles[0].profile, whole.profile)
        self.assertEqual(sorted(paths(batch.profiles[0].info)), sorted(paths(answer.info)))
        for entry in self.call("agent", "BatchGetContexts", batch_messages.BatchGetContextsRequest(
                persons=[{"identity": identity()}])):
            self.check_profile(entry.context.profile, whole.profile)

    def test_events_are_cut(self):
        page = self.call("agent", "ListEvents", messages.ListEventsRequest(identity=identity()))
        pages = self.call("agent", "StreamEvents",
                          stream_messages.StreamEventsRequest(identity=identity()))
        for answer in (page, *pages):
            self.assertTrue(answer.events)
            self.assertEqual(paths(answer.info), ["commerce"])
            for event in answer.events:
                self.assertFalse(event.HasField("commerce"))
                self.assertIn("*", event.event_type)

    def test_segments_are_cut_page_by_page(self):
        whole = self.call("all", "ListSegmentMemberships",
                          messages.ListSegmentMembershipsRequest(identity=identity()))
        seen, token = [], ""
        while True:
            answer = self.call("agent", "ListSegmentMemberships",
                               messages.ListSegmentMembershipsRequest(
                                   identity=identity(), page_size=1, page_token=token))
            seen += answer.segment_memberships
            token = answer.next_page_token
            self.assertEqual(paths(answer.info), ["display_name"])
            if not token:
                break
        self.assertEqual(len(seen), len(whole.segment_memberships))
        for segment in seen:
            self.assertFalse(segment.HasField("display_name"))
            self.assertRegex(segment.segment_id, "^[0-9a-f]{32}$")

    def test_identities_and_entities_are_cut(self):
        answer = self.call("agent", "GetIdentities",
                           entity_messages.GetIdentitiesRequest(identity=identity()))
        self.assertEqual(paths(answer.info), ["authenticated_state"])
        self.assertTrue(all("*" in one.id for one in answer.identities))
        request = entity_messages.GetEntityRequest(
            schema="_xdm.context.account", identity=identity("b2b_account", "2334262"))
        whole = self.call("all", "GetEntity", request)
        entity = self.call("agent", "GetEntity", request)
        self.assertTrue(whole.entity.HasField("body"))
        self.assertFalse(entity.entity.HasField("body"))
        self.assertEqual(paths(entity.info), ["body"])

    # ---- what cannot be found out

    def test_conditions_on_what_is_denied_or_masked_are_refused(self):
        def ask(**fields):
            return messages.ListEventsRequest(identity=identity(), **fields)
        condition = {"path": "commerce.order.priceTotal", "operator": 5, "number": 1}
        self.call("all", "ListEvents", ask(property_filters=[condition]))
        for fields in ({"property_filters": [condition]}, {"event_types": ["commerce.purchases"]},
                       {"property_filters": [{**condition, "path": "eventType"}]}):
            self.refused("agent", "ListEvents", ask(**fields), "POLICY_CONDITION_DENIED")
        self.call("agent", "ListEvents", ask(start_time={"seconds": 1}))
        self.refused("agent", "StreamEvents", stream_messages.StreamEventsRequest(
            identity=identity(), property_filters=[condition]), "POLICY_CONDITION_DENIED")

    def test_a_denied_namespace_is_refused_before_any_look_up(self):
        self.sandbox.reset_stats()
        told = set()
        for person in (("Phone", "+15550100"), ("Phone", "+19999999")):
            for method, request in (
                    ("GetContext", messages.GetContextRequest(identity=identity(*person))),
                    ("GetProfile", messages.GetProfileRequest(identity=identity(*person))),
                    ("ListEvents", messages.ListEventsRequest(identity=identity(*person))),
                    ("StreamEvents",
                     stream_messages.StreamEventsRequest(identity=identity(*person))),
                    ("ListSegmentMemberships",
                     messages.ListSegmentMembershipsRequest(identity=identity(*person))),
                    ("GetIdentities",
                     entity_messages.GetIdentitiesRequest(identity=identity(*person))),
                    ("GetEntity", entity_messages.GetEntityRequest(
                        schema="_xdm.context.account", identity=identity(*person))),
                    ("BatchGetContexts", batch_messages.BatchGetContextsRequest(
                        persons=[{"identity": identity(*person)}, {"xid": "A2-x"}])),
                    ("BatchGetProfiles", batch_messages.BatchGetProfilesRequest(
                        persons=[{"identity": identity(*person)}])),
                    ("PrefetchContexts", prefetch_messages.PrefetchContextsRequest(
                        persons=[{"identity": identity(*person)}])),
                    ("GetProfile", messages.GetProfileRequest(xid="A2-x"))):
                told.add(self.refused("email", method, request, "POLICY_NAMESPACE_DENIED").message)
        self.assertEqual(len(told), 1)
        self.assertEqual(self.sandbox.recent(), [])

    def test_a_denied_namespace_is_refused_in_its_place_of_a_batch(self):
        phones = [identity("Phone", "+15550100"), identity("Phone", "+19999999")]
        persons = [{"identity": phones[0]}, {"identity": identity()}, {"identity": phones[1]},
                   {"identity": phones[0]}, {"identity": identity()}, {"xid": "A2-x"}]
        self.sandbox.reset_stats()
        profiles = self.call("email", "BatchGetProfiles",
                             batch_messages.BatchGetProfilesRequest(persons=persons)).profiles
        contexts = {answer.index: answer for answer in self.call(
            "email", "BatchGetContexts", batch_messages.BatchGetContextsRequest(persons=persons))}
        prefetched = self.call("email", "PrefetchContexts", prefetch_messages.PrefetchContextsRequest(
            persons=persons)).entries
        self.assertEqual((len(profiles), len(contexts), len(prefetched)), (6, 6, 6))
        told = set()
        for place, person in enumerate(persons):
            if person == {"identity": identity()}:
                self.assertTrue(profiles[place].profile.person.name.first_name)
                self.assertTrue(contexts[place].context.profile.person.name.first_name)
                self.assertNotEqual(prefetched[place].reason, "POLICY_NAMESPACE_DENIED")
                continue
            self.assertEqual(profiles[place].info.status, DENIED)
            told.add(profiles[place].error.SerializeToString())
            told.add(contexts[place].error.SerializeToString())
            self.assertEqual(profiles[place].error.reason, "POLICY_NAMESPACE_DENIED")
            self.assertEqual(profiles[place].error.code, PERMISSION.value[0])
            self.assertEqual((prefetched[place].state, prefetched[place].reason),
                             (prefetch_messages.PREFETCH_STATE_SKIPPED, "POLICY_NAMESPACE_DENIED"))
        self.assertEqual(len(told), 1)
        # None of them was looked up.
        asked = str([one["query"] + one["path"] for one in self.sandbox.recent()])
        self.assertNotIn("5550100", asked)
        self.assertNotIn("A2-x", asked)

    def test_identities_of_other_namespaces_are_not_shown(self):
        context, infos = self.context("email")
        self.assertEqual({one.namespace.lower() for one in context.identities}, {"email", "crmid"})
        self.assertEqual(infos[context_pb2.SECTION_IDENTITIES].reason, "NAMESPACES_LIMITED")
        self.assertEqual(context.xid, "")
        self.assertEqual(len(context.profile.consents.id_specific), 0)
        self.assertIn("profile.consents.id_specific",
                      paths(infos[context_pb2.SECTION_PROFILE]))
        self.assertFalse(any(event.identity_map for event in context.events))
        # Also when the mask leaves out what says whose they are.
        context, _ = self.context("email", mask=["identities.id"])
        whole, _ = self.context("all")
        self.assertEqual({one.id for one in context.identities},
                         {one.id for one in whole.identities
                          if one.namespace.lower() in ("email", "crmid")})
        profile = self.call("email", "GetProfile", messages.GetProfileRequest(identity=identity()))
        self.assertEqual({one.namespace.lower() for one in profile.profile.identity_map},
                         {"email", "crmid"})
        self.assertEqual(profile.xid, "")
        batch = self.call("email", "BatchGetProfiles", batch_messages.BatchGetProfilesRequest(
            persons=[{"identity": identity()}], read_mask={"paths": ["identity_map.id"]}))
        self.assertEqual(len(batch.profiles[0].profile.identity_map),
                         len(profile.profile.identity_map))
        linked = self.call("email", "GetIdentities",
                           entity_messages.GetIdentitiesRequest(identity=identity()))
        self.assertEqual({one.namespace.lower() for one in linked.identities}, {"email", "crmid"})

    def test_a_page_goes_on_for_nobody_but_its_caller_and_its_query(self):
        for method, make in (
                ("ListEvents", messages.ListEventsRequest),
                ("ListSegmentMemberships", messages.ListSegmentMembershipsRequest)):
            token = self.call("all", method, make(identity=identity(), page_size=1)).next_page_token
            self.assertTrue(token, method)
            self.call("all", method, make(identity=identity(), page_size=1, page_token=token))
            for caller, fields in (("agent", {}), ("email", {}), ("marketing", {}),
                                   ("all", {"sandbox": "dev"}), ("all", {"merge_policy_id": "x"})):
                failure = self.callers[caller].refused(
                    method, make(identity=identity(), page_token=token, **fields))
                self.assertEqual(list(failure.violations), ["page_token"], (method, caller, fields))
        token = next(iter(self.call("all", "StreamEvents", stream_messages.StreamEventsRequest(
            identity=identity(), page_size=1)))).resume_token
        failure = self.callers["agent"].refused("StreamEvents", stream_messages.StreamEventsRequest(
            identity=identity(), resume_token=token))
        self.assertEqual(list(failure.violations), ["resume_token"])

    def test_what_is_remembered_of_one_place_is_not_given_in_another(self):
        merge_policies = ("", "00000000-0000-4000-8000-00000000ad02")
        euler = identity("Email", "leonhard.euler@example.com")
        for _ in range(2):
            found = [self.call("all", "GetContext", messages.GetContextRequest(
                identity=euler, merge_policy_id=policy)).context for policy in merge_policies]
            self.assertEqual(len({context.profile.SerializeToString(deterministic=True)
                                  for context in found}), 2)
            failure = self.callers["all"].refused(
                "GetContext", messages.GetContextRequest(identity=euler, sandbox="dev"))
            self.assertNotEqual(failure.code, grpc.StatusCode.OK)

    # ---- calls

    def test_bounds_of_calls(self):
        def ask(**fields):
            return messages.GetContextRequest(identity=identity(), **fields)
        good = {"sandbox": "dev", "merge_policy_id": "x"}
        self.refused("narrow", "GetContext", ask(), "POLICY_SANDBOX_DENIED")
        self.refused("narrow", "GetContext", ask(**good), "POLICY_MERGE_POLICY_DENIED")
        self.refused("narrow", "GetContext", ask(sandbox="dev", merge_policy_id="default"),
                     "POLICY_MERGE_POLICY_DENIED")
        for policy in ("", MERGE_POLICY):  # the usual one; of which there is none in this sandbox
            failure = self.callers["narrow"].refused(
                "GetContext", ask(sandbox="dev", merge_policy_id=policy), x_criticality="batch")
            self.assertFalse(failure.reason.startswith("POLICY_"), failure.reason)
        self.refused("all", "GetContext", ask(), "POLICY_PURPOSE_DENIED", purpose="sales")
        self.refused("stranger", "GetContext", ask(), "POLICY_NO_RULE")
        self.refused("narrow", "ListEvents", messages.ListEventsRequest(identity=identity()),
                     "POLICY_RPC_DENIED")
        self.refused("narrow", "GetContext", ask(**good), "POLICY_CRITICALITY_DENIED",
                     x_criticality="agent")
        self.refused("all", "DeleteProfile", entity_messages.DeleteProfileRequest(
            identity=identity(), sandbox="prod"), "POLICY_RPC_DENIED")

    def test_a_share_of_the_upstreams_budget_is_kept(self):
        request = messages.GetProfileRequest(identity=identity(), max_staleness={"seconds": 0})
        left = {}
        for caller in ("all", "shared"):
            _, call = self.callers[caller].channel.unary_unary(
                SERVICE + "GetProfile", messages.GetProfileRequest.SerializeToString).with_call(
                    request, timeout=10)
            left[caller] = int(dict(call.trailing_metadata())["upstream-calls-left"])
        self.assertGreater(left["all"], 500)
        self.assertLess(left["shared"], 101)

    def test_a_rate_is_kept(self):
        request = messages.GetContextRequest(identity=identity())
        for _ in range(2):
            self.call("slow", "GetContext", request)
        failure = self.callers["slow"].refused("GetContext", request)
        self.assertEqual((failure.code, failure.reason),
                         (grpc.StatusCode.RESOURCE_EXHAUSTED, "CALLER_RATE_EXCEEDED"))

    def test_services_beside_have_rights_of_their_own(self):
        def ask(caller, path):
            try:
                self.callers[caller].channel.unary_unary(path)(b"", timeout=10)
                return "OK"
            except grpc.RpcError as error:
                return error.code().name
        health = "/grpc.health.v1.Health/Check"
        for caller, path, code in (
                ("narrow", health, "PERMISSION_DENIED"), ("stranger", health, "PERMISSION_DENIED"),
                ("agent", health, "OK"), ("stranger", "/no.Such/Method", "PERMISSION_DENIED"),
                ("agent", "/no.Such/Method", "UNIMPLEMENTED"),
                ("stranger", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                 "PERMISSION_DENIED"),
                ("narrow", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                 "PERMISSION_DENIED")):
            self.assertEqual(ask(caller, path), code, (caller, path))

    def test_profiles_are_no_entities(self):
        for schema in ("_xdm.context.profile", "_XDM.context.Profile__union",
                       "_xdm.context.experienceevent__union"):
            failure = self.callers["agent"].refused("GetEntity", entity_messages.GetEntityRequest(
                schema=schema, identity=identity()))
            self.assertEqual(failure.code, grpc.StatusCode.INVALID_ARGUMENT)

    def test_the_policy_in_force_is_told(self):
        page = self.server.metrics()
        versions = [name for name in page if name.startswith("profilecontext_policy_info")]
        self.assertEqual(len(versions), 1)
        version = re.search('version="([0-9a-f]{12})"', versions[0]).group(1)
        self.assertRegex(self.server.read_log(), f'"policy.loaded".*"{version}"')

    def test_deletion_is_granted_by_the_policy_alone(self):
        emmy = ("CRMID", "CRM-1006")
        self.call("deleter", "DeleteProfile", entity_messages.DeleteProfileRequest(
            identity=identity(*emmy), sandbox="prod"))

    # ---- consents

    def test_a_purpose_needs_the_persons_consent(self):
        carl = ("CRMID", "CRM-1003")  # has withdrawn
        context, infos = self.context("marketing")
        self.assertTrue(context.events)
        context, infos = self.context("marketing", carl)
        events = infos[context_pb2.SECTION_EVENTS]
        self.assertEqual((events.status, events.reason, paths(events)),
                         (DENIED, "CONSENT_MISSING", ["events"]))
        self.assertEqual(len(context.events), 0)
        self.assertEqual(len(context.segment_memberships), 0)
        self.assertIn("profile.person.gender", paths(infos[context_pb2.SECTION_PROFILE]))
        self.assertFalse(context.summary.HasField("purchases"))
        self.assertTrue(context.profile.person.name.first_name)
        context, _ = self.context("all", carl)
        self.assertTrue(context.events)

    def test_answers_that_ask_for_no_profile_know_the_consents_too(self):
        carl = identity("CRMID", "CRM-1003")
        unknown = identity(*NOBODY)
        for person in (carl, unknown):
            # That there is no such person is not told by another answer.
            for method, request in (
                    ("ListEvents", messages.ListEventsRequest(identity=person)),
                    ("StreamEvents", stream_messages.StreamEventsRequest(identity=person)),
                    ("ListSegmentMemberships",
                     messages.ListSegmentMembershipsRequest(identity=person))):
                self.refused("marketing", method, request, "CONSENT_MISSING")
            context = self.call("marketing", "GetContext", messages.GetContextRequest(
                identity=person, read_mask={"paths": ["events"]})).context
            self.assertEqual([(info.status, info.reason) for info in context.sections],
                             [(DENIED, "CONSENT_MISSING")])
            self.assertEqual(context.xid, "")
        page = self.call("marketing", "ListEvents", messages.ListEventsRequest(identity=identity()))
        self.assertTrue(page.events)
        batch = self.call("marketing", "BatchGetProfiles", batch_messages.BatchGetProfilesRequest(
            persons=[{"identity": identity()}, {"identity": carl}],
            read_mask={"paths": ["person.gender", "person.name"]}))
        self.assertNotEqual(batch.profiles[0].profile.person.gender, 0)
        self.assertEqual(batch.profiles[1].profile.person.gender, 0)
        self.assertTrue(batch.profiles[1].profile.person.name.last_name)
        self.assertEqual(paths(batch.profiles[1].info), ["person.gender"])
        self.assertFalse(batch.profiles[0].profile.HasField("consents"))


class PolicyOnRemembered(Policy):
    """The same, of what is remembered."""

    arguments = ("--cache-max-bytes=64MiB",)

    def test_a_withdrawal_holds_at_once_for_what_is_remembered(self):
        mei = ("Email", "mei.lin@example.com")
        self.consent(mei, "y")
        self.remembered_events(mei)
        self.sandbox.reset_stats()
        self.assertTrue(self.remembered_events(mei).events)
        self.consent(mei, "n")
        # The profile is fetched anew for someone else; the events stay as they were remembered.
        fresh = messages.GetProfileRequest(identity=identity(*mei), max_staleness={"seconds": 0})
        self.call("all", "GetProfile", fresh)
        context = self.remembered_events(mei)
        self.assertEqual([(info.status, info.reason) for info in context.sections],
                         [(DENIED, "CONSENT_MISSING")])
        self.assertFalse(context.events)
        self.consent(mei, "y")
        self.call("all", "GetProfile", fresh)
        self.assertTrue(self.remembered_events(mei).events)
        self.assertNotIn("events", [one["operation"] for one in self.sandbox.recent()])

    def remembered_events(self, person):
        return self.call("marketing", "GetContext", messages.GetContextRequest(
            identity=identity(*person), read_mask={"paths": ["events"]},
            max_staleness={"seconds": 60})).context

    def consent(self, person, value):
        self.sandbox.call("POST", "/_sandbox/records", {
            "type": "profile", "dataset": "5e00000000000000000000c2", "timestamp": "-1s",
            "identities": [{"ns": person[0], "id": person[1]}],
            "entity": {"consents": {"marketing": {"call": {"val": value}}}}})


class Change(unittest.TestCase):
    """The file changes while calls go on."""

    def setUp(self):
        self.certificates = Certificates(["spiffe://test/a"])
        self.addCleanup(self.certificates.close)
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.server = start(self.sandbox.url, self.certificates, self.policy("[profile]"),
                            "--reload-interval=100ms")
        self.addCleanup(self.server.close)
        self.caller = Caller(self.server, self.certificates, "spiffe://test/a")
        self.addCleanup(self.caller.close)

    def policy(self, sections):
        return (f"callers: [{{name: spiffe://test/a, rpcs: '*', sections: {sections}, namespaces: '*', "
                "sandboxes: '*', merge_policies: '*'}]")

    def sections(self):
        answer = self.caller.call("GetContext", messages.GetContextRequest(identity=identity()))
        return [info.section for info in answer.context.sections if info.status == OK]

    def test_new_rules_hold_for_new_calls_and_broken_ones_leave_the_old(self):
        profile, insights = context_pb2.SECTION_PROFILE, context_pb2.SECTION_INSIGHTS
        self.assertEqual(self.sections(), [profile])
        self.certificates.write("policy.yaml", self.policy("[profile, insights]"))
        wait_until(lambda: self.sections() == [profile, insights], 10, "the new rules")
        self.certificates.write("policy.yaml", self.policy("[profile, nothing]"))
        wait_until(lambda: "there is no nothing" in self.server.read_log(), 10, "the mistake told")
        self.assertEqual(self.sections(), [profile, insights])
        self.certificates.write("policy.yaml", self.policy("[insights]"))
        wait_until(lambda: self.sections() == [insights], 10, "the right rules")

    def test_rules_are_read_anew_on_demand_under_load(self):
        """Each call sees the one set of rules or the other, whole."""
        profile, insights = context_pb2.SECTION_PROFILE, context_pb2.SECTION_INSIGHTS
        seen = []
        done = threading.Event()

        def ask():
            while not done.is_set():
                seen.append(tuple(self.sections()))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(20):
            loads = self.server.read_log().count("policy.loaded")
            self.certificates.write(
                "policy.yaml", self.policy("[insights]" if turn % 2 == 0 else "[profile]"))
            self.server.popen.send_signal(signal.SIGHUP)
            wait_until(lambda: self.server.read_log().count("policy.loaded") > loads, 10, "a load")
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(set(seen), {(profile,), (insights,)})


class Start(unittest.TestCase):
    def test_a_wrong_file_does_not_start(self):
        certificates = Certificates([])
        self.addCleanup(certificates.close)
        with self.assertRaisesRegex(AssertionError, "policy.yaml:1:27: rpcs: there is no GetAll"):
            start("http://127.0.0.1:1", certificates, "callers: [{name: a, rpcs: GetAll}]")

    def test_without_a_policy_all_is_allowed(self):
        sandbox = Sandbox()
        self.addCleanup(sandbox.close)
        with closing(Server(sandbox.url)) as server:
            answer = server.call("GetContext", messages.GetContextRequest(identity=identity()))
            self.assertEqual(len(answer.context.sections), 6)

    def test_nobody_is_anybody_unless_named(self):
        sandbox = Sandbox()
        certificates = Certificates([])
        self.addCleanup(sandbox.close)
        self.addCleanup(certificates.close)
        path = certificates.write("policy.yaml", "callers: [{name: '*', rpcs: Health}]")
        with closing(Server(sandbox.url, f"--access-policy-file={path}")) as server:
            server.fails("GetContext", messages.GetContextRequest(identity=identity()),
                         PERMISSION, "POLICY_NO_RULE")


if __name__ == "__main__":
    unittest.main(verbosity=2)
