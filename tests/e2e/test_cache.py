"""What is remembered: when the upstream is spared, how old an answer may be, and who shares a call."""

import threading
import time
import unittest

import grpc

from harness import (
    ADA, MERGE_POLICY, Sandbox, Server, closing, context_pb2, entity_messages, identity, messages, wait_until,
)

OK = context_pb2.SECTION_STATUS_OK
STALE = context_pb2.SECTION_STATUS_STALE
CACHE = context_pb2.SECTION_ORIGIN_CACHE
UPSTREAM = context_pb2.SECTION_ORIGIN_UPSTREAM
PERSONS = [
    ADA,
    ("Email", "mei.lin@example.com"),
    ("CRMID", "CRM-1003"),
    ("Phone", "+15550105"),
    ("Email", "leonhard.euler@example.com"),
]


class Cache(unittest.TestCase):
    """Each test has a server of its own: what is remembered would leak into the next."""

    arguments = ()

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.server = Server(
            self.sandbox.url, "--cache-max-bytes=64MiB", "--upstream-timeout=5s", *self.arguments
        )
        self.addCleanup(self.server.end_well)

    def context(self, person=ADA, timeout=10, **fields):
        request = messages.GetContextRequest(identity=identity(*person), **fields)
        return self.server.call("GetContext", request, timeout).context

    def profile(self, person=ADA, timeout=10, **fields):
        request = messages.GetProfileRequest(identity=identity(*person), **fields)
        return self.server.call("GetProfile", request, timeout)

    def requests(self):
        """How many requests for profiles and events have reached the upstream."""
        operations = self.sandbox.stats()["operations"]
        return sum(operations[name]["requests"] for name in ("profile", "events"))

    def hang(self):
        self.sandbox.faults({"operations": {"*": {"hangRate": 1.0}}})

    def break_upstream(self):
        self.sandbox.faults({"operations": {"*": {"errorRate": 1.0, "errorStatus": 503}}})


def without_infos(context):
    """A context without its infos, which say where it came from and when."""
    copy = context_pb2.Context()
    copy.CopyFrom(context)
    del copy.sections[:]
    copy.ClearField("identity")
    # Its times are those of its making.
    copy.ClearField("summary")
    return copy


class Remembering(Cache):
    def test_a_second_call_costs_nothing(self):
        first = self.context()
        before = self.requests()
        request = messages.GetContextRequest(identity=identity(*ADA))
        answer, cost = self.server.call_with_cost("GetContext", request)
        second = answer.context
        self.assertEqual(self.requests(), before)
        self.assertNotIn("upstream-calls", cost)
        self.assertNotIn("upstream-bytes", cost)
        self.assertEqual(without_infos(first), without_infos(second))
        for info in first.sections:
            self.assertEqual((info.status, info.origin), (OK, UPSTREAM), info)
        for info in second.sections:
            self.assertEqual((info.status, info.origin), (OK, CACHE), info)
            self.assertGreaterEqual(info.age.ToMilliseconds(), 0)

    def test_hits_are_what_misses_are(self):
        masks = [
            ["profile"], ["profile.person.name"], ["events"], ["events.event_type", "insights"],
            ["segment_memberships"], ["segment_memberships.segment_id"], ["identities", "profile"],
            ["summary"],
        ]
        for person in PERSONS:
            for paths in masks:
                with self.subTest(person=person, paths=paths):
                    fields = {"read_mask": {"paths": paths}, "event_limit": 3}
                    fetched = self.context(person, max_staleness={"seconds": 0}, **fields)
                    given = self.context(person, **fields)
                    self.assertEqual(without_infos(fetched), without_infos(given))
                    self.assertEqual(
                        [(s.section, s.truncated) for s in fetched.sections],
                        [(s.section, s.truncated) for s in given.sections],
                    )

    def test_other_methods_share_what_is_remembered(self):
        self.context()
        before = self.requests()
        profile = self.profile()
        self.assertEqual(profile.info.origin, CACHE)
        segments = self.server.call(
            "ListSegmentMemberships",
            messages.ListSegmentMembershipsRequest(identity=identity(*ADA)),
        )
        self.assertEqual(segments.info.origin, CACHE)
        self.assertEqual(self.requests(), before)

    def test_all_identities_of_a_person_lead_to_it(self):
        first = self.context(read_mask={"paths": ["profile", "identities"]})
        before = self.requests()
        others = [(i.namespace, i.id) for i in first.identities]
        self.assertGreater(len(others), 1)
        for other in others:
            answer = self.context(other, read_mask={"paths": ["profile"]})
            self.assertEqual(answer.profile, first.profile)
        request = messages.GetContextRequest(xid=first.xid, read_mask={"paths": ["profile"]})
        self.assertEqual(self.server.call("GetContext", request).context.profile, first.profile)
        self.assertEqual(self.requests(), before)

    def test_another_merge_policy_is_another_question(self):
        self.profile()
        before = self.requests()
        self.profile(merge_policy_id="00000000-0000-4000-8000-00000000ad02")
        self.assertEqual(self.requests(), before + 1)

    def test_more_events_than_are_remembered_are_fetched(self):
        self.context(event_limit=5)
        before = self.requests()
        few = self.context(event_limit=2, read_mask={"paths": ["events"]})
        self.assertEqual(self.requests(), before)
        self.assertEqual(len(few.events), 2)
        self.assertTrue(few.sections[0].truncated)
        many = self.context(event_limit=500, read_mask={"paths": ["events"]})
        self.assertEqual(self.requests(), before + 1)
        self.assertEqual(many.sections[0].origin, UPSTREAM)

    def test_events_begin_where_the_caller_says(self):
        everything = self.context(read_mask={"paths": ["events"]}, event_limit=50)
        times = [e.timestamp.ToMilliseconds() for e in everything.events]
        middle = everything.events[len(times) // 2].timestamp
        given = self.context(read_mask={"paths": ["events"]}, event_limit=50,
                             event_start_time=middle)
        self.assertEqual(given.sections[0].origin, CACHE)
        wanted = [t for t in times if t >= middle.ToMilliseconds()]
        self.assertFalse(given.sections[0].truncated)
        self.assertEqual([e.timestamp.ToMilliseconds() for e in given.events], wanted)

    def test_unknown_persons_are_remembered_for_a_while(self):
        nobody = messages.GetProfileRequest(identity=identity("Email", "nobody@example.com"))
        for _ in range(3):
            self.server.fails("GetProfile", nobody, grpc.StatusCode.NOT_FOUND, "PROFILE_NOT_FOUND")
        self.assertEqual(self.requests(), 1)

    def test_failures_are_not_remembered(self):
        self.break_upstream()
        request = messages.GetProfileRequest(identity=identity(*ADA))
        self.server.fails("GetProfile", request, grpc.StatusCode.UNAVAILABLE)
        self.sandbox.faults({})
        self.profile()


class Deleting(Cache):
    arguments = ("--access-delete-profiles=true",)

    def test_a_deleted_person_is_forgotten(self):
        self.profile()
        self.server.call(
            "DeleteProfile",
            entity_messages.DeleteProfileRequest(
                identity=identity(*ADA), sandbox="prod", merge_policy_id=MERGE_POLICY
            ),
        )
        before = self.requests()
        self.server.fails(
            "GetProfile", messages.GetProfileRequest(identity=identity(*ADA)),
            grpc.StatusCode.NOT_FOUND,
        )
        self.assertEqual(self.requests(), before + 1)


    def test_a_deleted_person_is_forgotten_under_every_merge_policy(self):
        other = "00000000-0000-4000-8000-00000000ad02"
        self.profile(merge_policy_id=other)
        self.server.call(
            "DeleteProfile",
            entity_messages.DeleteProfileRequest(
                identity=identity(*ADA), sandbox="prod", merge_policy_id=MERGE_POLICY
            ),
        )
        self.server.fails(
            "GetProfile",
            messages.GetProfileRequest(identity=identity(*ADA), merge_policy_id=other),
            grpc.StatusCode.NOT_FOUND,
        )

    def test_a_deletion_whose_outcome_is_unknown_forgets_too(self):
        self.profile()
        self.sandbox.faults({"operations": {"profile": {"hangRate": 1.0}}})
        self.server.fails(
            "DeleteProfile",
            entity_messages.DeleteProfileRequest(
                identity=identity(*ADA), sandbox="prod", merge_policy_id=MERGE_POLICY
            ),
            grpc.StatusCode.DEADLINE_EXCEEDED, timeout=1,
        )
        self.sandbox.faults({})
        wait_until(lambda: self.profile().info.origin == UPSTREAM, 5, "the person to be forgotten")


class Freshness(Cache):
    arguments = (
        "--cache-profile-fresh=300ms", "--cache-events-fresh=300ms", "--cache-segments-fresh=300ms",
        "--cache-identities-fresh=300ms", "--cache-insights-fresh=300ms", "--cache-revalidate=0s",
        "--cache-stale-if-error=1h", "--cache-missing-fresh=300ms",
        # Python and sanitizers are slow.
        "--defaults-answer-margin=100ms",
    )

    def grow_old(self):
        time.sleep(0.35)

    def test_old_data_is_fetched_anew(self):
        self.profile()
        self.grow_old()
        before = self.requests()
        self.assertEqual(self.profile().info.origin, UPSTREAM)
        self.assertEqual(self.requests(), before + 1)

    def test_zero_staleness_is_always_fetched(self):
        self.profile()
        before = self.requests()
        self.assertEqual(self.profile(max_staleness={"seconds": 0}).info.origin, UPSTREAM)
        self.assertEqual(self.requests(), before + 1)

    def test_a_caller_that_accepts_old_data_gets_it_at_once_and_fresh_data_comes_behind(self):
        self.profile()
        self.grow_old()
        before = self.requests()
        self.sandbox.faults({"operations": {"*": {"delayMs": 1500}}})
        begin = time.monotonic()
        answer = self.profile(max_staleness={"seconds": 60})
        self.assertLess(time.monotonic() - begin, 1.4)
        self.assertEqual((answer.info.status, answer.info.origin), (STALE, CACHE))
        wait_until(lambda: self.requests() == before + 1, 10, "a fetch behind the answer")
        self.sandbox.faults({})
        wait_until(lambda: self.profile().info.status == OK, 10, "fresh data")

    def test_an_outage_shows_what_is_remembered(self):
        fresh = self.context()
        self.grow_old()
        self.break_upstream()
        old = self.context()
        self.assertEqual(without_infos(fresh), without_infos(old))
        for info in old.sections:
            self.assertEqual((info.status, info.origin), (STALE, CACHE), info)

    def test_a_callers_bound_holds_in_an_outage_too(self):
        self.profile()
        self.grow_old()
        self.break_upstream()
        self.server.fails(
            "GetProfile",
            messages.GetProfileRequest(identity=identity(*ADA), max_staleness={"nanos": 100000000}),
            grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE",
        )

    def test_an_unknown_person_stays_unknown_no_longer_than_configured(self):
        nobody = messages.GetProfileRequest(identity=identity("Email", "nobody@example.com"))
        self.server.fails("GetProfile", nobody, grpc.StatusCode.NOT_FOUND)
        self.grow_old()
        self.break_upstream()
        self.server.fails("GetProfile", nobody, grpc.StatusCode.UNAVAILABLE)

    def test_a_hanging_upstream_costs_a_short_deadline_nothing(self):
        self.context()
        self.grow_old()
        self.hang()
        for _ in range(5):
            context = self.context(timeout=1)
            for info in context.sections:
                self.assertEqual(info.status, STALE, info)

    def test_who_is_late_leaves_something_for_the_next(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 400}}})
        with self.assertRaises(grpc.RpcError):
            self.profile(timeout=0.15)
        late = time.time()

        def remembered():
            answer = self.profile(max_staleness={"seconds": 60})
            return answer if answer.info.origin == CACHE else None

        # The sandbox is done with it a while before it has landed here.
        answer = wait_until(remembered, 10, "the flight to land")
        self.assertLess(answer.info.fetch_time.ToMilliseconds(), late * 1000)


class Sharing(Cache):
    def many(self, count, method, request, timeout=10):
        return [
            self.server.channel.unary_unary(
                "/profilecontext.v1.ProfileContext/" + method,
                lambda m: m.SerializeToString(), lambda b: b,
            ).future(request, timeout=timeout)
            for _ in range(count)
        ]

    def test_a_thousand_asks_for_one_cold_key_are_one_call(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 1500}}})
        request = messages.GetContextRequest(
            identity=identity(*ADA), read_mask={"paths": ["profile", "insights"]}
        )
        calls = self.many(990, "GetContext", request)
        calls += self.many(10, "GetProfile", messages.GetProfileRequest(identity=identity(*ADA)))
        answers = {call.result() for call in calls[:990]}
        for call in calls[990:]:
            call.result()
        self.assertEqual(self.sandbox.stats()["operations"]["profile"]["requests"], 1)
        self.assertGreaterEqual(len(answers), 1)

    def test_names_of_audiences_are_shared_too(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 700}}})
        request = messages.GetContextRequest(
            identity=identity(*ADA), read_mask={"paths": ["segment_memberships"]}
        )
        for call in self.many(50, "GetContext", request):
            answer = messages.GetContextResponse.FromString(call.result())
            names = [m.display_name for m in answer.context.segment_memberships]
            self.assertIn("Gold members at risk", names)
        self.assertEqual(self.sandbox.stats()["operations"]["audiencesBulk"]["requests"], 1)

    def test_one_who_leaves_does_not_end_the_others_call(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 500}}})
        request = messages.GetProfileRequest(identity=identity(*ADA))
        first, second = self.many(2, "GetProfile", request)
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 1, 5, "the call")
        first.cancel()
        second.result()
        self.assertEqual(self.requests(), 1)

    def test_the_last_one_who_leaves_does(self):
        self.hang()
        request = messages.GetProfileRequest(identity=identity(*ADA))
        calls = self.many(3, "GetProfile", request)
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 1, 5, "the call")
        for call in calls[:2]:
            call.cancel()
        time.sleep(0.2)
        self.assertEqual(self.sandbox.stats()["inFlight"], 1)
        calls[2].cancel()
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 0, 2, "the call to be cancelled")
        self.sandbox.faults({})
        self.profile()

    def test_a_failure_is_told_to_all(self):
        self.sandbox.faults({"operations": {"profile": {
            "delayMs": 300, "errorRate": 1.0, "errorStatus": 503}}})
        request = messages.GetProfileRequest(identity=identity(*ADA))
        codes = [call.exception().code() for call in self.many(20, "GetProfile", request)]
        self.assertEqual(codes, [grpc.StatusCode.UNAVAILABLE] * 20)

    def test_sharing_works_without_remembering(self):
        with closing(Server(self.sandbox.url)) as server:
            self.sandbox.faults({"operations": {"*": {"delayMs": 500}}})
            results = []

            def ask():
                results.append(server.call(
                    "GetProfile", messages.GetProfileRequest(identity=identity(*ADA))))

            threads = [threading.Thread(target=ask) for _ in range(10)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(results), 10)
            self.assertLessEqual(self.requests(), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
