"""Many persons and many events: batches, streams, and whose entry is whose."""

import threading
import time
import unittest

import grpc

from harness import (
    ADA, KIND, Sandbox, Server, batch_messages, closing, context_pb2, identity, messages, stream_messages,
    wait_until,
)

# Sanitizers are slow, and what is counted there is not memory.
MANY_PERSONS = 10000 if KIND == "plain" else 2000
MANY_EVENTS = 100000 if KIND == "plain" else 20000

KNOWN = [
    ADA,
    ("Email", "mei.lin@example.com"),
    ("CRMID", "CRM-1003"),
    ("Phone", "+15550105"),
    ("Email", "leonhard.euler@example.com"),
]
UNKNOWN = [("Email", "nobody@example.com"), ("CRMID", "CRM-0"), ("Phone", "+1999")]
TOO_MANY = ("Email", "srinivasa.toomany@example.com")


def persons(pairs):
    return [{"identity": identity(*pair)} for pair in pairs]


def memory_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError("no VmRSS")


class BatchGetProfiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.server = Server(
            cls.sandbox.url, f"--upstream-identity-url={cls.sandbox.url}", "--batch-chunk-size=4"
        )

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()
        cls.server.end_well()

    def setUp(self):
        self.sandbox.faults({})
        self.sandbox.reset_stats()

    def batch(self, pairs, **fields):
        request = batch_messages.BatchGetProfilesRequest(persons=persons(pairs), **fields)
        return self.server.call("BatchGetProfiles", request).profiles

    def operations(self):
        operations = self.sandbox.stats()["operations"].items()
        return {name: o["requests"] for name, o in operations if o["requests"] > 0}

    def check(self, pairs, entries, unknown):
        """Every entry is the one that a single lookup gives."""
        self.assertEqual(len(entries), len(pairs))
        for pair, entry in zip(pairs, entries):
            if pair in unknown:
                self.assertEqual(entry.WhichOneof("result"), "error", pair)
                self.assertEqual(entry.error.code, grpc.StatusCode.NOT_FOUND.value[0], pair)
                self.assertEqual(entry.error.reason, "PROFILE_NOT_FOUND")
                self.assertEqual(entry.info.status, context_pb2.SECTION_STATUS_MISSING)
            else:
                single = self.server.call(
                    "GetProfile", messages.GetProfileRequest(identity=identity(*pair))
                )
                self.assertEqual(entry.WhichOneof("result"), "profile", f"{pair} {entry.error}")
                self.assertEqual(entry.profile, single.profile, pair)
                self.assertEqual(entry.info.status, context_pb2.SECTION_STATUS_OK)
                self.assertEqual(entry.info.last_modified_time, single.info.last_modified_time)

    def test_entries_are_matched_in_every_shape_of_answer(self):
        pairs = KNOWN[:3] + UNKNOWN[:1] + KNOWN[3:] + UNKNOWN[1:]
        shapes = [
            {},
            {"requestedIdentity": True},
            {"batchOmitsUnknown": True},
            {"batchKeysAreOther": True},
            {"batchKeysAreOther": True, "batchOmitsUnknown": True},
            {"requestedIdentity": True, "batchKeysAreOther": True},
            {"notFoundAsEmpty": True},
            {"notFoundAsPlaceholder": True},
            {"batchErrorsMixed": True},
        ]
        for shape in shapes:
            with self.subTest(shape=shape):
                self.sandbox.faults({"shapes": shape})
                entries = self.batch(pairs)
                self.sandbox.faults({})
                self.check(pairs, entries, UNKNOWN)

    def test_a_batch_costs_few_calls(self):
        self.batch(KNOWN[:3] + UNKNOWN[:1])
        operations = self.operations()
        self.assertEqual(operations.get("profileBatch"), 1)
        self.assertNotIn("profile", operations)

    def test_persons_named_twice_are_asked_once_and_answered_twice(self):
        entries = self.batch([ADA, KNOWN[1], ADA])
        self.assertEqual(entries[0].profile, entries[2].profile)
        self.assertEqual(self.sandbox.stats()["operations"]["profileBatch"]["items"], 2)

    def test_two_identities_of_one_person_get_the_same_profile(self):
        entries = self.batch([ADA, ("CRMID", "CRM-1001")])
        self.assertEqual(entries[0].profile, entries[1].profile)

    def test_persons_are_found_by_xid(self):
        xid = self.server.call("GetProfile", messages.GetProfileRequest(identity=identity())).xid
        request = batch_messages.BatchGetProfilesRequest(
            persons=[{"xid": xid}, {"xid": "AAAAunknown"}, {"identity": identity(*KNOWN[1])}]
        )
        entries = self.server.call("BatchGetProfiles", request).profiles
        self.assertEqual(entries[0].profile.person.name.first_name, "Ada")
        # The upstream refuses the whole chunk for it; halving finds out whose fault it is.
        self.assertEqual(entries[1].error.reason, "UPSTREAM_REJECTED_REQUEST")
        self.assertTrue(entries[2].profile.personal_email.address)

    def test_refused_chunks_are_halved(self):
        for refusal in (400, 413):
            with self.subTest(refusal=refusal):
                self.sandbox.faults({"shapes": {"batchMax": 1, "batchRefusal": refusal}})
                self.sandbox.reset_stats()
                entries = self.batch(KNOWN[:4])
                self.assertEqual(self.operations()["profileBatch"], 1 + 2 + 4)
                self.sandbox.faults({})
                self.check(KNOWN[:4], entries, [])

    def test_an_entry_that_fails_does_not_spoil_the_others(self):
        entries = self.batch([ADA, TOO_MANY, KNOWN[1]])
        self.assertEqual(entries[0].WhichOneof("result"), "profile")
        self.assertEqual(entries[2].WhichOneof("result"), "profile")
        self.assertEqual(entries[1].error.code, grpc.StatusCode.FAILED_PRECONDITION.value[0])
        self.assertEqual(entries[1].error.reason, "UPSTREAM_TOO_MANY_IDENTITIES")
        self.assertEqual(entries[1].info.status, context_pb2.SECTION_STATUS_FAILED)

    def test_whose_entry_failed_is_found_with_the_identity_service_and_without(self):
        # The upstream answers with nothing but the error, by an XID that nobody asked for.
        pairs = [ADA, UNKNOWN[0], TOO_MANY]
        reasons = ["", "PROFILE_NOT_FOUND", "UPSTREAM_TOO_MANY_IDENTITIES"]
        self.assertEqual([e.error.reason for e in self.batch(pairs)], reasons)
        self.assertEqual(self.operations(), {"profileBatch": 2, "identity": 3})
        with closing(Server(self.sandbox.url)) as server:
            self.sandbox.reset_stats()
            request = batch_messages.BatchGetProfilesRequest(persons=persons(pairs))
            entries = server.call("BatchGetProfiles", request).profiles
            self.assertEqual([e.error.reason for e in entries], reasons)
            self.assertEqual(self.operations(), {"token": 1, "profileBatch": 1, "profile": 3})
            server.quit()

    def test_a_mask_holds_for_every_entry(self):
        self.sandbox.faults({"shapes": {"batchKeysAreOther": True}})
        entries = self.batch([ADA, KNOWN[4]], read_mask={"paths": ["person.name.last_name"]})
        for entry in entries:
            self.assertEqual([f.name for f, _ in entry.profile.ListFields()], ["person"])
            self.assertTrue(entry.profile.person.name.last_name)
            self.assertFalse(entry.profile.person.name.HasField("first_name"))

    def test_another_merge_policy_is_honoured(self):
        euler = ("Email", "leonhard.euler@example.com")
        other = "00000000-0000-4000-8000-00000000ad02"
        self.assertEqual(self.batch([euler])[0].profile.home_address.city, "Saint Petersburg")
        entry = self.batch([euler], merge_policy_id=other)[0]
        self.assertEqual(entry.profile.home_address.city, "Basel")

    def test_one_reason_for_all_is_the_calls(self):
        self.sandbox.faults({"operations": {"profile": {"errorRate": 1, "errorStatus": 503}}})
        request = batch_messages.BatchGetProfilesRequest(persons=persons(KNOWN))
        self.server.fails(
            "BatchGetProfiles", request, grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNAVAILABLE"
        )

    def test_bad_persons_are_refused_by_place(self):
        request = batch_messages.BatchGetProfilesRequest(
            persons=[{"identity": identity()}, {}, {"identity": identity("E mail", "")}]
        )
        failure = self.server.fails("BatchGetProfiles", request, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("persons[1]", failure.violations)
        self.assertIn("persons[2].identity.namespace", failure.violations)
        self.assertEqual(self.operations(), {})
        for count in (0, 1001):
            request = batch_messages.BatchGetProfilesRequest(persons=persons([ADA] * count))
            failure = self.server.fails(
                "BatchGetProfiles", request, grpc.StatusCode.INVALID_ARGUMENT
            )
            self.assertIn("persons", failure.violations)


class BatchGetContexts(unittest.TestCase):
    def stream(self, server, request, timeout=60):
        return server.stream("BatchGetContexts", request, timeout)

    def test_each_person_is_answered_once(self):
        with closing(Sandbox()) as sandbox, closing(Server(sandbox.url)) as server:
            pairs = KNOWN + UNKNOWN + [TOO_MANY, ADA]
            request = batch_messages.BatchGetContextsRequest(persons=persons(pairs))
            answers = list(self.stream(server, request))
            self.assertEqual(sorted(a.index for a in answers), list(range(len(pairs))))
            for answer in answers:
                pair = pairs[answer.index]
                if pair in UNKNOWN:
                    self.assertEqual(answer.error.reason, "PROFILE_NOT_FOUND")
                elif pair == TOO_MANY:
                    self.assertEqual(answer.error.reason, "UPSTREAM_TOO_MANY_IDENTITIES")
                else:
                    self.assertEqual((answer.context.identity.namespace,
                                      answer.context.identity.id), pair)
                    self.assertTrue(answer.context.profile.ListFields())
            server.quit()

    def check_ten_thousand(self, sandbox, server, mask):
        """Every place is answered once while calls fail; gives the most KiB above idle."""
        generated = [("CRMID", f"C{i:07}") for i in range(1, MANY_PERSONS + 1)]
        server.call("GetContext", messages.GetContextRequest(identity=identity()))
        idle = memory_kib(server.popen.pid)
        sandbox.faults({"operations": {"*": {"errorRate": 0.05, "errorStatus": 500}}})
        request = batch_messages.BatchGetContextsRequest(
            persons=persons(generated), read_mask={"paths": mask}
        )
        seen, failed, most = set(), 0, 0
        for answer in self.stream(server, request, 300):
            self.assertNotIn(answer.index, seen)
            seen.add(answer.index)
            if answer.WhichOneof("result") == "error":
                failed += 1
                self.assertEqual(answer.error.reason, "UPSTREAM_UNAVAILABLE")
            else:
                self.assertEqual(answer.context.identity.id, generated[answer.index][1])
                failed += any(
                    s.status == context_pb2.SECTION_STATUS_FAILED for s in answer.context.sections
                )
            if len(seen) % 100 == 0:
                most = max(most, memory_kib(server.popen.pid))
        self.assertEqual(len(seen), len(generated))
        self.assertGreater(failed, MANY_PERSONS // 100)
        self.assertLess(failed, MANY_PERSONS * 15 // 100)
        return most - idle

    def test_ten_thousand_persons_in_bounded_memory_with_failing_calls(self):
        # With the cache, whose budget counts: by itself more than the limit, and a quarter of it.
        masks = {
            "--cache-max-bytes=0": ["profile", "segment_memberships", "insights"],
            "--cache-max-bytes=256MiB": [],
            "--cache-max-bytes=16MiB": [],
        }
        with closing(Sandbox("--generate", str(MANY_PERSONS))) as sandbox:
            for cache, mask in masks.items():
                sandbox.faults({})
                with self.subTest(cache=cache), closing(Server(sandbox.url, cache)) as server:
                    sandbox.reset_stats()
                    risen = self.check_ten_thousand(sandbox, server, mask)
                    # 16 persons at once, each with a profile and events.
                    self.assertLessEqual(sandbox.stats()["mostInFlight"], 2 * 16)
                    if KIND == "plain":
                        self.assertLess(risen, 64 * 1024, "KiB above idle")
                    server.quit()

    def test_a_cancelled_batch_stops_upstream_work(self):
        with closing(Sandbox("--delay", "50")) as sandbox, closing(Server(sandbox.url)) as server:
            request = batch_messages.BatchGetContextsRequest(persons=persons([ADA] * 2000))
            call = self.stream(server, request)
            for _ in range(5):
                next(call)
            call.cancel()

            def is_quiet():
                asked = sandbox.stats()["requests"]
                time.sleep(0.3)
                return sandbox.stats()["requests"] == asked

            # Those under way share their fetches, so none is in flight now and then. Going on to the
            # end would take six seconds.
            wait_until(is_quiet, 3, "the upstream to be left alone")
            server.quit()

    def test_a_deadline_leaves_no_place_without_an_answer_before_it(self):
        with closing(Sandbox("--delay", "400")) as sandbox, \
                closing(Server(sandbox.url, "--defaults-answer-margin=300ms")) as server:
            request = batch_messages.BatchGetContextsRequest(
                persons=persons(KNOWN * 20), read_mask={"paths": ["profile"]}
            )
            answers = list(self.stream(server, request, 2))
            self.assertEqual(sorted(a.index for a in answers), list(range(100)))
            late = [a for a in answers if a.WhichOneof("result") == "error"]
            self.assertTrue(late)
            for answer in late:
                self.assertEqual(answer.error.code, grpc.StatusCode.DEADLINE_EXCEEDED.value[0])
            server.quit()


class StreamEvents(unittest.TestCase):
    MANY = ("CRMID", "C-EVENTS")

    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox("--generate-events", str(MANY_EVENTS))
        cls.server = Server(cls.sandbox.url)

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()
        cls.server.end_well()

    def setUp(self):
        self.sandbox.faults({})
        self.sandbox.reset_stats()

    def stream(self, timeout=120, **fields):
        fields.setdefault("identity", identity(*self.MANY))
        return self.server.stream(
            "StreamEvents", stream_messages.StreamEventsRequest(**fields), timeout
        )

    def pages(self):
        return self.sandbox.stats()["operations"].get("events", {}).get("requests", 0)

    def test_every_event_comes_once_and_in_order(self):
        for order in ("timestamp desc", "timestamp"):
            ids, last = set(), None
            for page in self.stream(order_by=order, read_mask={"paths": ["event_id", "timestamp"]}):
                for event in page.events:
                    ids.add(event.event_id)
                    now = (event.timestamp.seconds, event.timestamp.nanos)
                    self.assertTrue(
                        last is None or (now <= last if order != "timestamp" else now >= last)
                    )
                    last = now
            self.assertEqual(len(ids), MANY_EVENTS, order)

    def sleeping_reader(self):
        """A stream of which one page is read, over a small window, so that what is not read stays
        with the server. Its channel, the call, and the page."""
        channel = grpc.insecure_channel(
            self.server.address,
            [
                ("grpc.max_receive_message_length", 64 << 20),
                ("grpc.http2.bdp_probe", 0),
                ("grpc.http2.lookahead_bytes", 65536),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        call = channel.unary_stream(
            "/profilecontext.v1.ProfileContext/StreamEvents",
            stream_messages.StreamEventsRequest.SerializeToString,
            stream_messages.StreamEventsResponse.FromString,
        )(stream_messages.StreamEventsRequest(identity=identity(*self.MANY)), timeout=100)
        self.addCleanup(channel.close)
        self.addCleanup(call.cancel)
        return call, next(call)

    def fetching_stops(self, pages):
        """Waits until no page is fetched any more, and checks that so it stays; gives their number."""
        wait_until(lambda: self.sandbox.stats()["inFlight"] == 0 and self.pages() >= pages, 10)
        time.sleep(1)
        before = self.pages()
        time.sleep(2)
        self.assertEqual(self.pages(), before, "pages fetched while the readers sleep")
        return before

    def test_a_reader_that_sleeps_costs_a_page_and_no_calls(self):
        page_kib = next(self.stream()).ByteSize() / 1024
        whole = sum(1 for _ in self.stream(page_size=1000))  # the allocator has seen pages
        self.assertEqual(whole, MANY_EVENTS // 1000)
        self.sandbox.reset_stats()
        idle = memory_kib(self.server.popen.pid)
        call, _ = self.sleeping_reader()
        self.assertLessEqual(self.fetching_stops(1), 3)
        grown = memory_kib(self.server.popen.pid) - idle
        if KIND == "plain":
            # The page, and what a call and the kernel's pages of memory add to it.
            self.assertLess(grown, 1.25 * page_kib, f"KiB above idle, pages are {page_kib:.0f}")
        # Awake, it gets all of the rest.
        self.assertEqual(sum(len(page.events) for page in call), MANY_EVENTS - 1000)

    def test_many_readers_that_sleep_cost_a_page_each(self):
        readers = 40
        call, page = self.sleeping_reader()
        self.fetching_stops(1)
        self.sandbox.reset_stats()
        idle = memory_kib(self.server.popen.pid)
        calls = [self.sleeping_reader() for _ in range(readers)]
        self.assertLessEqual(self.fetching_stops(readers), 3 * readers)
        grown = (memory_kib(self.server.popen.pid) - idle) / readers
        if KIND == "plain":
            self.assertLess(grown, 1.25 * page.ByteSize() / 1024, "KiB for each, with connection")

    def test_cancelling_stops_upstream_work_within_a_tenth_of_a_second(self):
        self.sandbox.faults({"operations": {"events": {"delayMs": 5}}})
        call = self.stream(page_size=10)
        read = threading.Event()

        def reader():
            try:
                for _ in call:
                    read.set()
            except grpc.RpcError:
                pass

        thread = threading.Thread(target=reader)
        thread.start()
        self.assertTrue(read.wait(10))
        call.cancel()
        time.sleep(0.1)
        asked = self.pages()
        time.sleep(0.5)
        self.assertEqual(self.pages(), asked)
        thread.join()

    def test_cancelling_ends_a_transfer_that_hangs_within_a_tenth_of_a_second(self):
        def ended():
            return self.server.read_log().count("StreamEvents")

        took = []
        for _ in range(3):  # of which one may be late on a busy machine
            self.sandbox.faults({})
            call = self.stream(page_size=10)
            next(call)
            self.sandbox.faults({"operations": {"events": {"hangRate": 1}}})
            reader = threading.Thread(target=lambda: self.assertRaises(grpc.RpcError, list, call))
            reader.start()
            wait_until(lambda: self.sandbox.stats()["inFlight"] == 1, 10, "a transfer that hangs")
            before = ended()
            started = time.monotonic()
            call.cancel()
            # A stream ends when the transfer of its page has.
            wait_until(lambda: ended() > before, 10, "the end of the stream")
            took.append(time.monotonic() - started)
            wait_until(lambda: self.sandbox.stats()["inFlight"] == 0, 10, "the end of the transfer")
            reader.join()
        if KIND == "plain":
            self.assertLess(min(took), 0.1)

    def test_a_broken_stream_is_taken_up_again(self):
        whole = [e.event_id for page in self.stream(end_time={"seconds": 0x7fffffff},
                                                    page_size=1000) for e in page.events]
        ids, token = [], ""
        while True:
            call = self.stream(resume_token=token, end_time={"seconds": 0x7fffffff}, page_size=900)
            page = None
            for _, page in zip(range(40), call):
                ids += [e.event_id for e in page.events]
            call.cancel()
            token = page.resume_token
            if not token:
                break
        self.assertEqual(ids, whole)

    def test_a_failing_page_ends_the_stream_with_its_reason(self):
        call = self.stream(page_size=1000)
        next(call)
        self.sandbox.faults({"operations": {"events": {"errorRate": 1, "errorStatus": 503}}})
        with self.assertRaises(grpc.RpcError) as raised:
            for _ in call:
                pass
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_pages_that_go_in_circles_end_the_stream(self):
        hedy = identity("Email", "hedy.lamarr@example.com")  # 120 events
        self.sandbox.faults({"shapes": {"eventsInACircle": True}})
        for page_size in (1000, 60, 50, 7):
            with self.subTest(page_size=page_size):
                events = 0
                with self.assertRaises(grpc.RpcError) as raised:
                    for page in self.stream(identity=hedy, page_size=page_size):
                        events += len(page.events)
                self.assertEqual(raised.exception.code(), grpc.StatusCode.INTERNAL)
                self.assertLess(events, 500)

    def test_unknown_persons_foreign_tokens_and_refused_events(self):
        with self.assertRaises(grpc.RpcError) as raised:
            next(self.stream(identity=identity("Email", "nobody@example.com")))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)
        token = next(self.stream()).resume_token
        with self.assertRaises(grpc.RpcError) as raised:
            next(self.stream(identity=identity(), resume_token=token))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        with self.assertRaises(grpc.RpcError) as raised:
            next(self.stream(event_types=["x"], resume_token=token))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.sandbox.faults({"operations": {"events": {"refuse": True}}})
        with self.assertRaises(grpc.RpcError) as raised:
            next(self.stream())
        self.assertEqual(raised.exception.code(), grpc.StatusCode.PERMISSION_DENIED)

    def test_time_is_up_for_readers_that_do_not_read(self):
        with closing(Server(self.sandbox.url, "--defaults-stream-deadline=2s")) as server:
            call = server.stream(
                "StreamEvents",
                stream_messages.StreamEventsRequest(identity=identity(*self.MANY)),
                None,
            )
            next(call)
            wait_until(lambda: "StreamEvents" in server.read_log(), 6, "the end of the stream")
            server.quit()


if __name__ == "__main__":
    unittest.main(verbosity=2)
