"""Having contexts ready before anyone asks: what is fetched, what it saves, and what it may not do."""

import json
import os
import subprocess
import tempfile
import time
import unittest

import grpc

from harness import (
    ADA, Sandbox, Server, context_pb2, identity, messages, prefetch_messages, program, wait_until,
)

WARM = prefetch_messages.PREFETCH_STATE_WARM
STARTED = prefetch_messages.PREFETCH_STATE_STARTED
SKIPPED = prefetch_messages.PREFETCH_STATE_SKIPPED
CACHE = context_pb2.SECTION_ORIGIN_CACHE
MEI = ("Email", "mei.lin@example.com")


def customer(number):
    return ("Email", f"customer{number}@example.com")


class Prefetch(unittest.TestCase):
    """Each test has a server of its own, which remembers nothing yet."""

    arguments = ()
    cache = "64MiB"

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.server = Server(
            self.sandbox.url, f"--cache-max-bytes={self.cache}", *self.arguments)
        self.addCleanup(self.server.end_well)

    def prefetch(self, *persons, metadata=None, **fields):
        """The entries of a call."""
        request = prefetch_messages.PrefetchContextsRequest(
            persons=[{"identity": identity(*person)} for person in persons], **fields)
        return self.server.call("PrefetchContexts", request, metadata=metadata).entries

    def states(self, *persons, **options):
        return [entry.state for entry in self.prefetch(*persons, **options)]

    def context_and_cost(self, person=ADA, **fields):
        request = messages.GetContextRequest(identity=identity(*person), **fields)
        answer, cost = self.server.call_with_cost("GetContext", request)
        return answer.context, int(cost.get("upstream-calls", 0))

    def requests(self, *names):
        operations = self.sandbox.stats()["operations"]
        return sum(operations[name]["requests"] for name in names or operations)

    def wait_until_warm(self, *persons, **fields):
        """What fails meanwhile is tried again."""
        wait_until(
            lambda: all(state == WARM for state in self.states(*persons, **fields)), 10,
            "all to be warm")

    def wait_until_idle(self):
        """All that was started has come back and been remembered, names included."""
        self.wait_until_warm(ADA)
        wait_until(lambda: self.requests("audiencesBulk") > 0, 10, "names to be asked for")
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 0, 10, "the answers")

    def hang(self):
        self.sandbox.faults({"operations": {"*": {"hangRate": 1.0}}})


class Warming(Prefetch):
    def test_what_was_prefetched_costs_the_next_call_nothing(self):
        self.assertEqual(self.states(ADA), [STARTED])
        self.wait_until_idle()
        before = self.requests()
        self.assertEqual(self.states(ADA), [WARM])
        context, cost = self.context_and_cost()
        self.assertEqual(cost, 0)
        self.assertEqual(self.requests(), before)
        self.assertGreater(len(context.sections), 5)
        for info in context.sections:
            self.assertEqual(info.status, context_pb2.SECTION_STATUS_OK, info)
            self.assertEqual(info.origin, CACHE, info)

    def test_it_is_the_answer_that_would_have_been_fetched(self):
        fetched = self.context_and_cost(max_staleness={"seconds": 0})[0]
        self.server.quit()
        self.server = Server(self.sandbox.url, "--cache-max-bytes=64MiB")
        self.addCleanup(self.server.end_well)
        self.prefetch(ADA)
        self.wait_until_idle()
        given = self.context_and_cost()[0]
        for context in (fetched, given):
            del context.sections[:]
            context.ClearField("summary")  # its times are those of its making
        self.assertEqual(fetched, given)

    def test_only_the_wanted_parts_are_fetched(self):
        self.prefetch(ADA, read_mask={"paths": ["profile.person", "identities"]})
        self.wait_until_warm(ADA, read_mask={"paths": ["profile"]})
        self.assertEqual((self.requests("profile"), self.requests("events")), (1, 0))
        self.prefetch(ADA, read_mask={"paths": ["events"]})
        self.wait_until_warm(ADA, read_mask={"paths": ["events"]})
        self.assertEqual((self.requests("profile"), self.requests("events")), (1, 1))

    def test_max_staleness_says_what_is_fresh_enough(self):
        self.context_and_cost()
        before = self.requests("profile", "events")
        self.assertEqual(self.states(ADA, max_staleness={"seconds": 600}), [WARM])
        self.assertEqual(self.requests("profile", "events"), before)
        self.assertEqual(self.states(ADA, max_staleness={"seconds": 0}), [STARTED])
        wait_until(lambda: self.requests("profile", "events") == before + 2, 10, "both parts")

    def test_entries_come_in_the_order_of_the_persons(self):
        self.prefetch(MEI)
        self.wait_until_warm(MEI)
        self.hang()
        self.assertEqual(self.states(ADA, MEI, ADA, MEI), [STARTED, WARM, STARTED, WARM])

    def test_where_to_look_is_the_requests(self):
        other = "00000000-0000-4000-8000-00000000ad02"
        self.prefetch(ADA, merge_policy_id=other)
        self.wait_until_warm(ADA, merge_policy_id=other)
        self.assertEqual(self.states(ADA), [STARTED])
        self.assertEqual(self.states(ADA, merge_policy_id=other), [WARM])

    def test_a_person_nobody_knows_is_ready_too(self):
        nobody = ("Email", "nobody@example.com")
        self.prefetch(nobody)
        self.wait_until_warm(nobody)
        before = self.requests()
        self.server.fails(
            "GetContext", messages.GetContextRequest(identity=identity(*nobody)),
            grpc.StatusCode.NOT_FOUND)
        self.assertEqual(self.requests(), before)

    def test_a_call_meanwhile_joins_in(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 1000}}})
        mask = {"paths": ["profile", "events"]}
        self.assertEqual(self.states(ADA, read_mask=mask), [STARTED])
        context, cost = self.context_and_cost(read_mask=mask)
        self.assertTrue(context.HasField("profile"))
        self.assertEqual(cost, 0)
        self.assertEqual(self.requests("profile", "events"), 2)

    def test_what_has_failed_can_be_tried_again(self):
        self.sandbox.faults({"operations": {"*": {"errorRate": 1.0, "errorStatus": 503}}})
        self.prefetch(ADA)
        wait_until(lambda: self.requests("profile", "events") >= 2, 10, "both to have failed")
        self.sandbox.faults({})
        self.wait_until_warm(ADA)
        self.assertTrue(self.context_and_cost()[0].HasField("profile"))

    def test_bad_requests_name_the_field(self):
        request = prefetch_messages.PrefetchContextsRequest
        ada = {"identity": identity(*ADA)}
        cases = [
            (request(), "persons"),
            (request(persons=[ada] * 1001), "persons"),
            (request(persons=[ada, {}]), "persons[1]"),
            (request(persons=[ada, {"identity": identity("Email", "")}]), "persons[1].identity.id"),
            (request(persons=[ada], sandbox="No Such"), "sandbox"),
            (request(persons=[ada], merge_policy_id="!"), "merge_policy_id"),
            (request(persons=[ada], max_staleness={"seconds": -1}), "max_staleness"),
            (request(persons=[ada], read_mask={"paths": ["no_such"]}), "read_mask"),
            (request(persons=[ada], read_mask={"paths": ["identity"]}), "read_mask"),
        ]
        for bad, field in cases:
            with self.subTest(field=field):
                failure = self.server.fails(
                    "PrefetchContexts", bad, grpc.StatusCode.INVALID_ARGUMENT)
                self.assertIn(field, failure.violations)
        self.assertEqual(self.requests(), 0)

    def test_a_thousand_persons_are_answered_while_the_upstream_hangs(self):
        self.hang()
        persons = [customer(n) for n in range(1000)]
        states = self.states(*persons)
        self.assertEqual(len(states), 1000)
        # 256 fetches are two for each of 128.
        self.assertEqual(states.count(STARTED), 128)
        self.assertEqual(states.count(SKIPPED), 872)


class Bound(Prefetch):
    arguments = ("--prefetch-max-waiting=3", "--upstream-timeout=60s")
    mask = {"paths": ["profile"]}

    def test_more_than_the_bound_are_skipped_and_a_live_call_is_not(self):
        self.sandbox.faults({"operations": {"profile": {"hangRate": 1.0}}})
        first = self.states(customer(1), customer(2), read_mask=self.mask)
        self.assertEqual(first, [STARTED, STARTED])
        # The bound holds across calls; what is under way takes no more room.
        entries = self.prefetch(*[customer(n) for n in range(1, 6)], read_mask=self.mask)
        self.assertEqual(
            [entry.state for entry in entries], [STARTED, STARTED, STARTED, SKIPPED, SKIPPED])
        self.assertEqual([entry.reason for entry in entries],
                         ["", "", "", "TOO_MANY_PREFETCHES", "TOO_MANY_PREFETCHES"])
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 3, 5, "the fetches to hang")
        self.sandbox.faults({})
        self.assertTrue(self.context_and_cost()[0].HasField("profile"))

    def test_the_bound_is_free_again_when_fetches_have_ended(self):
        for first in range(0, 12, 3):
            persons = [customer(n) for n in range(first, first + 3)]
            self.assertEqual(self.states(*persons, read_mask=self.mask), [STARTED] * 3)
            self.wait_until_warm(*persons, read_mask=self.mask)


class FewFetches(Prefetch):
    arguments = ("--upstream-max-in-flight=8", "--upstream-timeout=60s")

    def test_it_does_not_fill_the_upstream_client(self):
        self.sandbox.faults({"operations": {"events": {"hangRate": 1.0}}})
        persons = [customer(n) for n in range(20)]
        states = self.states(*persons, read_mask={"paths": ["events"]})
        self.assertEqual((states.count(STARTED), states.count(SKIPPED)), (4, 16))
        context = self.context_and_cost(read_mask={"paths": ["profile"]})[0]
        self.assertTrue(context.HasField("profile"))


class Refused(Prefetch):
    arguments = ("--prefetch-max-waiting=0",)

    def test_none_are_fetched_where_none_may_be(self):
        entry, = self.prefetch(ADA)
        self.assertEqual((entry.state, entry.reason), (SKIPPED, "TOO_MANY_PREFETCHES"))
        self.assertEqual(self.requests(), 0)


class WithoutCache(Prefetch):
    cache = "0"

    def test_nothing_is_fetched_where_nothing_is_remembered(self):
        entry, = self.prefetch(ADA)
        self.assertEqual((entry.state, entry.reason), (SKIPPED, "NO_CACHE"))
        done = subprocess.run(
            [program("profilectl"), "--server", self.server.address, "prefetch", "email:a@b"],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("skipped: NO_CACHE", done.stdout)
        self.assertIn("remembers nothing", done.stderr)
        self.assertEqual(self.requests(), 0)


class Budget(Prefetch):
    # Half of ten is kept from prefetching; a second brings one, in ten seconds.
    arguments = ("--budget-rate=1", "--budget-burst=10", "--upstream-timeout=30s")
    mask = {"paths": ["profile"]}

    def test_it_leaves_half_of_the_budget_to_live_calls(self):
        persons = [customer(n) for n in range(100)]
        # Its own word on how critical it is does not count.
        states = self.states(*persons, read_mask=self.mask, metadata=[("x-criticality", "routing")])
        self.assertEqual(states, [STARTED] * 100)
        wait_until(lambda: self.requests("profile") >= 5, 5, "what it may take")
        for number in range(200, 203):
            call = self.server.channel.unary_unary(
                "/profilecontext.v1.ProfileContext/GetProfile",
                messages.GetProfileRequest.SerializeToString,
                messages.GetProfileResponse.FromString,
            ).future(
                messages.GetProfileRequest(identity=identity(*customer(number))), timeout=0.9,
                metadata=[("x-criticality", "routing")])
            self.assertIn(call.code(), (grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND))

    def test_a_live_call_takes_over_what_waits_for_the_budget(self):
        begin = time.monotonic()
        self.states(*[customer(n) for n in range(50)], read_mask=self.mask)
        self.server.fails(
            "GetProfile", messages.GetProfileRequest(identity=identity(*customer(49))),
            grpc.StatusCode.NOT_FOUND, timeout=5)
        # Far ahead of its turn, which would be after 44 seconds.
        self.assertLess(time.monotonic() - begin, 5)
        self.assertLess(self.requests("profile"), 15)


class End(Prefetch):
    def test_prefetches_under_way_do_not_keep_the_server_from_ending(self):
        self.hang()
        self.prefetch(*[customer(n) for n in range(200)])
        wait_until(lambda: self.sandbox.stats()["inFlight"] > 0, 5, "the first")
        begin = time.monotonic()
        self.server.quit()
        self.assertLess(time.monotonic() - begin, 5)


class OnTheCommandLine(Prefetch):
    arguments = ("--prefetch-max-waiting=3", "--upstream-timeout=60s")
    who = (f"email:{ADA[1]}", f"email:{MEI[1]}")

    def run_it(self, *arguments, code=0, stdin=""):
        done = subprocess.run(
            [program("profilectl"), "prefetch", *arguments, "--mask", "profile"],
            env={**os.environ, "PROFILECTL_SERVER": self.server.address},
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )
        self.assertEqual(done.returncode, code, done.stdout[-2000:] + done.stderr)
        return done

    def wait_until_ready(self):
        self.wait_until_warm(ADA, MEI, read_mask={"paths": ["profile"]})

    def list_of(self, text):
        file = tempfile.NamedTemporaryFile("w", suffix=".csv")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return file.name

    def test_who_is_fetched_and_who_is_ready_is_told(self):
        self.sandbox.faults({"operations": {"*": {"delayMs": 500}}})
        first = self.run_it(*self.who)
        self.assertRegex(first.stdout, r"Email:ada\S+ +being fetched\nEmail:mei\S+ +being fetched")
        self.sandbox.faults({})
        self.wait_until_ready()
        second = self.run_it(*self.who)
        self.assertRegex(second.stdout, r"Email:ada\S+ +ready\nEmail:mei\S+ +ready")
        self.assertIn("2 ready, 0 being fetched, 0 skipped", second.stderr)

    def test_json_is_the_response(self):
        answer = json.loads(self.run_it(*self.who, "--json").stdout)
        self.assertEqual(
            answer, {"entries": [{"state": "PREFETCH_STATE_STARTED"}] * 2})

    def test_lists_are_read_as_those_of_a_batch(self):
        text = "namespace,id\n" + "".join(f"Email,{id}\n" for _, id in (ADA, MEI))
        self.assertEqual(len(self.run_it("--ids", self.list_of(text)).stdout.splitlines()), 2)
        self.wait_until_ready()
        lines = "# due\n" + "\n".join(self.who) + "\n"
        self.assertIn("2 ready", self.run_it("--ids", "-", stdin=lines).stderr)
        self.assertIn(
            "1 ready", self.run_it("--ids", "-", "--namespace", "Email", stdin=ADA[1]).stderr)

    def test_long_lists_go_in_several_calls(self):
        self.run_it(*self.who)
        self.wait_until_ready()
        done = self.run_it("--ids", "-", stdin=f"{self.who[0]}\n" * 2500)
        self.assertEqual(len(done.stdout.splitlines()), 2500)
        self.assertIn("2500 ready", done.stderr)

    def test_a_bad_line_ends_it_after_those_before(self):
        lines = f"{self.who[0]}\nnobody\n{self.who[1]}\n"
        done = self.run_it("--ids", "-", stdin=lines, code=2)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertIn("line 2", done.stderr)
        done = self.run_it("--ids", "-", "--skip-bad", stdin=lines)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertIn("1 bad line", done.stderr)

    def test_those_skipped_are_told_and_worth_another_try(self):
        self.hang()
        done = self.run_it(*[f"email:customer{n}@example.com" for n in range(4)], code=5)
        self.assertIn("skipped: TOO_MANY_PREFETCHES", done.stdout.splitlines()[3])
        self.assertIn("1 skipped", done.stderr)
        self.assertIn("try again", done.stderr)

    def test_a_wrong_request_and_a_missing_list_are_misuse(self):
        self.assertIn("sandbox", self.run_it(self.who[0], "--sandbox", "No", code=2).stderr)
        self.assertIn("cannot read", self.run_it("--ids", "/no/such", code=2).stderr)
        self.assertEqual(self.requests(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
