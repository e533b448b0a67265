"""Reads beside the context: filters, identities, entities, masks, what an answer cost, deletion, and
the upstream's ways of saying "not found"."""

import os
import unittest

import grpc

from google.protobuf import json_format

from harness import (
    ADA, Sandbox, Server, closing, context_pb2, entity_messages, filter_pb2, identity, messages,
    summary_pb2, wait_until,
)

EULER = ("Email", "leonhard.euler@example.com")
POLICY = "00000000-0000-4000-8000-00000000ad0"
UNKNOWN = ("Email", "nobody@example.com")
INVALID = grpc.StatusCode.INVALID_ARGUMENT


class Reads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.server = Server(cls.sandbox.url, f"--upstream-identity-url={cls.sandbox.url}")

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()
        cls.server.end_well()

    def setUp(self):
        self.sandbox.faults({})
        self.sandbox.reset_stats()

    # ---- events ----

    def events(self, **fields):
        request = messages.ListEventsRequest(identity=identity(), page_size=100, **fields)
        return self.server.call("ListEvents", request).events

    def test_events_are_chosen_by_type(self):
        everything = self.events()
        for types in (["commerce.purchases"], ["commerce.purchases", "directMarketing.emailSent"]):
            wanted = [e.event_id for e in everything if e.event_type in types]
            self.assertTrue(wanted)
            self.assertEqual([e.event_id for e in self.events(event_types=types)], wanted)
            # Also where the mask does not show the type.
            masked = self.events(event_types=types, read_mask={"paths": ["event_id"]})
            self.assertEqual([e.event_id for e in masked], wanted)
            self.assertFalse(masked[0].HasField("event_type"))

    def test_events_are_chosen_by_properties(self):
        everything = self.events()
        total = "commerce.order.priceTotal"
        cases = [
            ({"path": total, "operator": ">=", "number": 164.5},
             lambda e: e.commerce.order.HasField("price_total")
             and e.commerce.order.price_total >= 164.5),
            ({"path": "commerce.order.purchaseID", "operator": "=", "text": "P-20877"},
             lambda e: e.commerce.order.purchase_id == "P-20877"),
            ({"path": "eventType", "operator": "=", "text": "commerce.cartAbandons"},
             lambda e: e.event_type == "commerce.cartAbandons"),
        ]
        operators = {"=": 1, "!=": 2, "<": 3, "<=": 4, ">": 5, ">=": 6}
        for condition, holds in cases:
            condition["operator"] = operators[condition["operator"]]
            with self.subTest(condition=condition):
                found = self.events(property_filters=[condition])
                wanted = [e.event_id for e in everything if holds(e)]
                self.assertTrue(wanted)
                self.assertEqual([e.event_id for e in found], wanted)

    def test_bad_filters_are_refused(self):
        good = {"path": "a.b", "operator": 1, "text": "x"}
        cases = [
            ([{**good, "path": "a=b"}], "property_filters[0]"),
            ([good, {**good, "text": 'x"y'}], "property_filters[1]"),
            ([{"path": "a.b", "operator": 1}], "property_filters[0]"),
            ([{"path": "a.b", "text": "x"}], "property_filters[0]"),
            ([{"path": "a.b", "operator": 3, "flag": True}], "property_filters[0]"),
            ([{"path": "a.b", "operator": 3, "number": float("nan")}], "property_filters[0]"),
            ([{"path": "a.b", "operator": 3, "date": {"year": 2026, "month": 13, "day": 1}}],
             "property_filters[0]"),
            ([good] * 4, "property_filters"),
        ]
        for filters, field in cases:
            with self.subTest(filters=filters):
                request = messages.ListEventsRequest(
                    identity=identity(),
                    property_filters=[filter_pb2.PropertyFilter(**f) for f in filters],
                )
                failure = self.server.fails("ListEvents", request, INVALID)
                self.assertIn(field, failure.violations)
        for types in ([""], ["x"] * 21, ['a"b'], ["x" * 129]):
            request = messages.ListEventsRequest(identity=identity(), event_types=types)
            self.assertIn("event_types", self.server.fails("ListEvents", request,
                                                           INVALID).violations)

    # ---- identities ----

    def identities(self, pair=ADA, **fields):
        request = entity_messages.GetIdentitiesRequest(identity=identity(*pair), **fields)
        return self.server.call("GetIdentities", request)

    def test_identities_come_from_the_graph(self):
        answer = self.identities()
        self.assertEqual(answer.source, entity_messages.IDENTITY_SOURCE_GRAPH)
        found = [(i.namespace, i.id) for i in answer.identities]
        self.assertIn(ADA, found)
        self.assertIn(("Phone", "+15550100"), found)
        self.assertEqual(found, sorted(found))
        self.assertEqual(len(found), 5)

    def test_identities_come_from_the_profile_where_the_graph_does_not_help(self):
        self.sandbox.faults({"operations": {"identity": {"errorRate": 1, "errorStatus": 500}}})
        answer = self.identities()
        self.assertEqual(answer.source, entity_messages.IDENTITY_SOURCE_PROFILE)
        # The profile folds the case of namespaces.
        self.assertIn(("email", ADA[1]),
                      [(i.namespace.lower(), i.id) for i in answer.identities])
        self.assertTrue(any(i.authenticated_state for i in answer.identities))

    def test_unknown_persons_have_no_identities(self):
        request = entity_messages.GetIdentitiesRequest(identity=identity(*UNKNOWN))
        self.server.fails("GetIdentities", request, grpc.StatusCode.NOT_FOUND, "PROFILE_NOT_FOUND")

    def test_identities_are_masked(self):
        answer = self.identities(read_mask={"paths": ["namespace"]})
        for one in answer.identities:
            self.assertEqual([f.name for f, _ in one.ListFields()], ["namespace"])
        request = entity_messages.GetIdentitiesRequest(identity=identity(),
                                                       read_mask={"paths": ["name"]})
        self.server.fails("GetIdentities", request, INVALID)

    # ---- entities ----

    def entity(self, schema, namespace, id, **fields):
        request = entity_messages.GetEntityRequest(
            schema=schema, identity=identity(namespace, id), **fields
        )
        return self.server.call("GetEntity", request)

    def test_accounts_and_opportunities_have_a_head_and_a_whole_body(self):
        answer = self.entity("_xdm.context.account", "b2b_account", "2334262")
        self.assertEqual(answer.entity.account_key.source_type, "Salesforce")
        self.assertTrue(answer.entity.HasField("is_deleted"))
        self.assertTrue(answer.xid)
        self.assertEqual(answer.info.status, context_pb2.SECTION_STATUS_OK)
        body = json_format.MessageToDict(answer.entity.body.fields)
        self.assertEqual(body["accountName"], "Orbit Dynamics")
        self.assertEqual(body["accountKey"]["sourceID"], "2334262")
        self.assertEqual(body["accountOrganization"]["annualRevenue"]["amount"], 48000000)
        answer = self.entity("_xdm.context.opportunity", "b2b_opportunity", "0065e000001")
        self.assertEqual(answer.entity.opportunity_key.source_id, "0065e000001")
        self.assertEqual(
            json_format.MessageToDict(answer.entity.body.fields)["probability"], 0.6
        )

    def test_an_entity_is_masked(self):
        answer = self.entity("_xdm.context.account", "b2b_account", "2334262",
                             read_mask={"paths": ["account_key.source_id"]})
        self.assertEqual([f.name for f, _ in answer.entity.ListFields()], ["account_key"])
        self.assertEqual([f.name for f, _ in answer.entity.account_key.ListFields()], ["source_id"])

    def test_unknown_entities_and_wrong_classes_are_refused(self):
        request = entity_messages.GetEntityRequest(
            schema="_xdm.context.account", identity=identity("b2b_account", "0")
        )
        self.server.fails("GetEntity", request, grpc.StatusCode.NOT_FOUND, "ENTITY_NOT_FOUND")
        for schema in ("", "_xdm.context.profile", "_xdm.context.experienceevent", "a b"):
            request = entity_messages.GetEntityRequest(
                schema=schema, identity=identity("b2b_account", "0")
            )
            self.assertIn("schema", self.server.fails("GetEntity", request, INVALID).violations)
        request = entity_messages.GetEntityRequest(schema="_xdm.context.account")
        self.assertIn("entity", self.server.fails("GetEntity", request, INVALID).violations)

    # ---- masks, names, cost ----

    def test_memberships_are_masked_and_described(self):
        request = messages.ListSegmentMembershipsRequest(identity=identity())
        whole = self.server.call("ListSegmentMemberships", request).segment_memberships
        self.assertTrue(any(s.HasField("description") for s in whole))
        request.read_mask.paths.append("display_name")
        names = self.server.call("ListSegmentMemberships", request).segment_memberships
        self.assertEqual([s.display_name for s in names], [s.display_name for s in whole])
        for one in names:
            self.assertLessEqual({f.name for f, _ in one.ListFields()}, {"display_name"})

    def test_names_are_asked_for_once_also_those_that_do_not_exist(self):
        odd = messages.ListSegmentMembershipsRequest(identity=identity("CRMID", "CRM-1007"))
        with closing(Server(self.sandbox.url)) as server:
            for _ in range(3):
                segments = server.call("ListSegmentMemberships", odd).segment_memberships
                names = {s.segment_id: s.display_name for s in segments if s.namespace == "ups"}
                self.assertEqual(names["44444444-4444-4444-8444-444444444444"],
                                 "Newsletter readers")
                self.assertEqual(names["not-a-known-audience"], "")
            asked = self.sandbox.stats()["operations"]["audiencesBulk"]
            self.assertEqual((asked["requests"], asked["items"]), (1, 3))
            server.quit()

    def test_every_answer_says_what_it_cost(self):
        request = messages.GetContextRequest(identity=identity())
        self.server.call("GetContext", request)  # names of audiences are known from here on
        _, cost = self.server.call_with_cost("GetContext", request)
        self.assertEqual(cost["upstream-calls"], "2")
        self.assertGreater(int(cost["upstream-bytes"]), 5000)
        self.assertGreater(float(cost["server-ms"]), 0)
        try:
            self.server.call("GetProfile", messages.GetProfileRequest(identity=identity(*UNKNOWN)))
        except grpc.RpcError as error:
            cost = dict(error.trailing_metadata())
        self.assertEqual(cost["upstream-calls"], "1")

    # ---- the summary ----

    def test_the_summary_tells_each_fact_with_its_source(self):
        request = messages.GetContextRequest(identity=identity(), read_mask={"paths": ["summary"]})
        context = self.server.call("GetContext", request).context
        self.assertEqual([f.name for f, _ in context.ListFields()],
                         ["identity", "xid", "sections", "summary"])
        summary = context.summary
        self.assertEqual(summary.purchases.count, 3)
        self.assertEqual([(t.currency_code, t.units, t.nanos) for t in summary.purchases.totals],
                         [("EUR", 613, 400000000)])
        self.assertEqual([(t.units, t.currency_code) for t in summary.purchases.refunds],
                         [(119, "EUR")])
        self.assertEqual(summary.purchases.last.purchase_id, "P-21390")
        self.assertEqual(list(summary.purchases.last.products), ["Rain jacket", "Gas stove"])
        self.assertTrue(summary.purchases.last.source.event_id)
        self.assertEqual(summary.campaigns.count, 3)
        first = summary.campaigns.contacts[-1]
        self.assertEqual((first.campaign_name, first.channel, first.message_id),
                         ("Spring trails", "email", "m-301"))
        self.assertEqual(list(first.reactions), [summary_pb2.CAMPAIGN_REACTION_SENT,
                                                 summary_pb2.CAMPAIGN_REACTION_OPENED,
                                                 summary_pb2.CAMPAIGN_REACTION_CLICKED])
        self.assertEqual(summary.service.last_contact.subject,
                         "Refund of the rain jacket has not arrived")
        self.assertFalse(summary.service.HasField("open_case_count"))
        channels = {c.channel: c for c in summary.contactability}
        self.assertEqual(list(channels), ["email", "push", "sms", "whatsApp", "call", "fax",
                                          "commercialEmail", "postalMail"])
        self.assertEqual(channels["email"].contactability, summary_pb2.CONTACTABILITY_ALLOWED)
        self.assertEqual(channels["email"].source.path, "consents.idSpecific.marketing.email")
        self.assertEqual(channels["sms"].contactability, summary_pb2.CONTACTABILITY_FORBIDDEN)
        self.assertEqual(channels["sms"].reason, "Too frequent")
        self.assertEqual(channels["fax"].contactability, summary_pb2.CONTACTABILITY_UNDECIDED)
        self.assertEqual(channels["fax"].source.path, "consents.marketing.any")
        self.assertEqual(summary.events_considered, 16)
        self.assertFalse(summary.events_truncated)

    def test_who_withdrew_all_consent_is_not_to_be_contacted(self):
        request = messages.GetContextRequest(
            identity=identity("CRMID", "CRM-1003"), read_mask={"paths": ["summary.contactability"]}
        )
        summary = self.server.call("GetContext", request).context.summary
        self.assertEqual(len(summary.contactability), 8)
        for channel in summary.contactability:
            self.assertEqual(channel.contactability, summary_pb2.CONTACTABILITY_FORBIDDEN)
            self.assertEqual(channel.source.path, "consents.marketing.any")

    def test_a_summary_without_events_still_tells_what_the_profile_does(self):
        self.sandbox.faults({"operations": {"events": {"refuse": True}}})
        request = messages.GetContextRequest(identity=identity(), read_mask={"paths": ["summary"]})
        context = self.server.call("GetContext", request).context
        self.assertEqual(context.sections[0].status, context_pb2.SECTION_STATUS_NOT_ENABLED)
        self.assertEqual(context.sections[0].reason, "EVENTS_NOT_ENABLED")
        self.assertTrue(context.summary.contactability)
        self.assertFalse(context.summary.HasField("purchases"))

    def test_insights_and_cases_are_in_the_summary_where_configured(self):
        config = os.path.join(os.path.dirname(__file__), "../../deploy/sandbox.yaml")
        with closing(Server(
            self.sandbox.url, f"--config={config}", "--sandbox-enabled=false",
            "--summary-case-id-path=_exampletenant.case.id",
            "--summary-case-status-path=_exampletenant.case.status",
        )) as server:
            request = messages.GetContextRequest(identity=identity(),
                                                 read_mask={"paths": ["summary"]})
            summary = server.call("GetContext", request).context.summary
            self.assertEqual((summary.lifetime_value.value, summary.lifetime_value.unit),
                             (8412.35, "EUR"))
            self.assertEqual(summary.lifetime_value.source.insight, "lifetime_value")
            self.assertEqual(summary.churn.score, 91)
            self.assertEqual(len(summary.churn.factors), 3)
            self.assertEqual(summary.conversion.score, 18)
            self.assertEqual(summary.service.open_case_count, 1)
            case = summary.service.open_cases[0]
            self.assertEqual((case.case_id, case.status), ("CASE-901", "open"))
            self.assertEqual(case.subject, "Refund of the rain jacket has not arrived")
            server.quit()

    # ---- deletion ----

    def test_nothing_is_deleted_unless_granted(self):
        request = entity_messages.DeleteProfileRequest(identity=identity(), sandbox="prod")
        self.server.fails("DeleteProfile", request, grpc.StatusCode.PERMISSION_DENIED,
                          "DELETE_NOT_GRANTED")
        self.assertEqual(self.sandbox.stats()["operations"]["delete"]["requests"], 0)
        wait_until(lambda: "audit.delete_profile" in self.server.read_log(), 10, "the audit line")
        self.assertNotIn(ADA[1], self.server.read_log())

    def test_a_granted_deletion_reaches_the_upstream_and_the_audit(self):
        with closing(Sandbox()) as sandbox, \
                closing(Server(sandbox.url, "--access-delete-profiles=true")) as server:
            request = entity_messages.DeleteProfileRequest(identity=identity())
            self.assertIn("sandbox", server.fails("DeleteProfile", request, INVALID).violations)
            request.sandbox = "prod"
            server.call("DeleteProfile", request)
            server.fails("GetProfile", messages.GetProfileRequest(identity=identity()),
                         grpc.StatusCode.NOT_FOUND)
            server.quit()
            lines = [line for line in server.read_log().splitlines() if "audit." in line]
            self.assertEqual(len(lines), 1)
            self.assertIn('"code":"OK"', lines[0])

    # ---- the reference's cases ----

    def test_every_way_of_not_found_is_not_found(self):
        for shape in ({}, {"notFoundAsEmpty": True}, {"notFoundAsPlaceholder": True}):
            with self.subTest(shape=shape):
                self.sandbox.faults({"shapes": shape})
                who = identity(*UNKNOWN)
                self.server.fails("GetProfile", messages.GetProfileRequest(identity=who),
                                  grpc.StatusCode.NOT_FOUND, "PROFILE_NOT_FOUND")
                self.server.fails("GetContext", messages.GetContextRequest(identity=who),
                                  grpc.StatusCode.NOT_FOUND, "PROFILE_NOT_FOUND")
                self.server.fails("ListSegmentMemberships",
                                  messages.ListSegmentMembershipsRequest(identity=who),
                                  grpc.StatusCode.NOT_FOUND, "PROFILE_NOT_FOUND")

    def list_all(self, who, page_size, **fields):
        """The ids of all events, and how many pages they came in."""
        ids, pages, token = [], 0, ""
        while pages == 0 or token:
            request = messages.ListEventsRequest(
                identity=who, page_size=page_size, page_token=token, **fields
            )
            answer = self.server.call("ListEvents", request)
            ids += [event.event_id for event in answer.events]
            pages, token = pages + 1, answer.next_page_token
            self.assertLess(pages, 100)
        return ids, pages

    def test_pages_join_to_the_whole_list_however_the_next_is_named(self):
        hedy = identity("Email", "hedy.lamarr@example.com")  # 120 events, two in one moment
        whole, pages = self.list_all(hedy, 1000)
        self.assertEqual((len(set(whole)), pages), (120, 1))
        for shape in ({}, {"eventsLinkOnly": True}):
            self.sandbox.faults({"shapes": shape})
            for page_size, wanted in ((7, 18), (60, 2), (119, 2), (120, 1), (121, 1)):
                with self.subTest(shape=shape, page_size=page_size):
                    self.assertEqual(self.list_all(hedy, page_size), (whole, wanted))
            oldest, _ = self.list_all(hedy, 50, order_by="timestamp")
            self.assertEqual(oldest, whole[::-1])

    def test_a_page_that_repeats_is_an_error_and_no_endless_list(self):
        self.sandbox.faults({"shapes": {"eventsInACircle": True}})
        request = messages.ListEventsRequest(identity=identity(), page_size=10)
        first = self.server.call("ListEvents", request)
        request.page_token = first.next_page_token
        request.page_token = self.server.call("ListEvents", request).next_page_token
        request.page_size = 1000
        self.server.fails("ListEvents", request, grpc.StatusCode.INTERNAL,
                          "UPSTREAM_CURSOR_REPEATS")

    def test_a_cursor_that_the_upstream_rejects_is_an_error_and_no_short_list(self):
        request = messages.ListEventsRequest(identity=identity(), page_size=5)
        request.page_token = self.server.call("ListEvents", request).next_page_token
        self.sandbox.faults({"operations": {"events": {"errorRate": 1, "errorStatus": 400}}})
        self.server.fails("ListEvents", request, INVALID, "UPSTREAM_REJECTED_REQUEST")

    def test_a_person_without_events_has_an_empty_list(self):
        emmy = identity("Email", "emmy.noether@example.com")
        for shape in ({}, {"eventsNotFoundAs404": True}, {"eventsNotFoundAsPage": True}):
            with self.subTest(shape=shape):
                self.sandbox.faults({"shapes": shape})
                context = self.server.call(
                    "GetContext", messages.GetContextRequest(identity=emmy)
                ).context
                events = [s for s in context.sections if s.section == 2][0]
                self.assertEqual(events.status, context_pb2.SECTION_STATUS_OK)
                self.assertEqual(len(context.events), 0)
                self.assertEqual(context.summary.events_considered, 0)

    def test_merge_policies_decide_what_a_profile_is(self):
        def city(policy):
            request = messages.GetProfileRequest(identity=identity(*EULER), merge_policy_id=policy)
            return self.server.call("GetProfile", request).profile.home_address.city

        self.assertEqual(city(""), "Saint Petersburg")
        self.assertEqual(city(POLICY + "2"), "Basel")
        request = messages.GetProfileRequest(
            identity=identity(*EULER), merge_policy_id="00000000-0000-4000-8000-000000000000"
        )
        self.server.fails("GetProfile", request, grpc.StatusCode.FAILED_PRECONDITION,
                          "UPSTREAM_UNPROCESSABLE")
        pierre = identity("Email", "pierre.curie@example.com")
        marie = identity("Email", "marie.curie@example.com")

        def name(who, policy):
            request = messages.GetProfileRequest(identity=who, merge_policy_id=policy)
            return self.server.call("GetProfile", request).profile.person.name.first_name

        self.assertEqual(name(marie, ""), name(pierre, ""))
        self.assertNotEqual(name(marie, POLICY + "3"), name(pierre, POLICY + "3"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
