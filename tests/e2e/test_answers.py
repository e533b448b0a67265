"""What callers get: the four RPCs, health, reflection, and refusals of bad input."""

import gzip
import json
import struct
import subprocess
import unittest

import grpc

from harness import (
    ADA, Sandbox, Server, closing, context_pb2, identity, messages, wait_until,
)

OK = context_pb2.SECTION_STATUS_OK


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.server = Server(cls.sandbox.url)

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()
        cls.server.end_well()

    def context(self, **fields):
        request = messages.GetContextRequest(identity=identity(), **fields)
        return self.server.call("GetContext", request).context

    # ---- answers ----

    def test_a_context_has_every_section(self):
        context = self.context()
        self.assertEqual([s.section for s in context.sections], [1, 2, 3, 4, 5, 6])
        for section in context.sections:
            self.assertEqual(section.status, OK, section)
            self.assertEqual(section.origin, context_pb2.SECTION_ORIGIN_UPSTREAM)
            self.assertTrue(section.HasField("fetch_time"))
            self.assertTrue(section.HasField("age"))
        self.assertTrue(context.profile.person.name.first_name)
        self.assertTrue(context.events)
        self.assertTrue(context.segment_memberships)
        self.assertTrue(context.identities)
        self.assertTrue(context.xid)
        self.assertEqual((context.identity.namespace, context.identity.id), ADA)

    def test_segments_carry_names_and_whether_they_hold(self):
        named = [s for s in self.context().segment_memberships if s.namespace == "ups"]
        self.assertTrue(named)
        for segment in named:
            self.assertTrue(segment.display_name, segment)
            self.assertTrue(segment.HasField("active"))

    def test_a_mask_limits_sections_and_what_is_asked_of_the_upstream(self):
        self.sandbox.reset_stats()
        context = self.context(read_mask={"paths": ["profile.person.name.first_name"]})
        self.assertEqual([s.section for s in context.sections], [1])
        self.assertTrue(context.profile.person.name.first_name)
        self.assertFalse(context.profile.person.name.HasField("last_name"))
        self.assertFalse(context.events)
        requests = [r for r in self.sandbox.recent() if "entities" in r["path"]]
        self.assertEqual(len(requests), 1, requests)
        self.assertIn("fields=person.name.firstName", requests[0]["query"])

    def test_a_profile_keeps_identities_and_segments(self):
        request = messages.GetProfileRequest(identity=identity())
        response = self.server.call("GetProfile", request)
        self.assertTrue(response.profile.identity_map)
        self.assertTrue(response.profile.segment_membership)
        self.assertEqual(response.info.status, OK)

    def test_a_person_is_found_by_xid_too(self):
        xid = self.context().xid
        response = self.server.call("GetProfile", messages.GetProfileRequest(xid=xid))
        self.assertTrue(response.profile.person.name.first_name)

    def test_event_pages_join_to_the_whole_list(self):
        whole = self.server.call(
            "ListEvents", messages.ListEventsRequest(identity=identity(), page_size=1000)
        )
        self.assertEqual(whole.next_page_token, "")
        self.assertGreater(len(whole.events), 5)
        ids, token = [], ""
        for _ in range(100):
            page = self.server.call(
                "ListEvents",
                messages.ListEventsRequest(identity=identity(), page_size=2, page_token=token),
            )
            ids += [event.event_id for event in page.events]
            token = page.next_page_token
            if not token:
                break
        self.assertEqual(ids, [event.event_id for event in whole.events])
        times = [event.timestamp.ToNanoseconds() for event in whole.events]
        self.assertEqual(times, sorted(times, reverse=True))
        oldest = self.server.call(
            "ListEvents",
            messages.ListEventsRequest(identity=identity(), order_by="timestamp", page_size=1000),
        )
        self.assertEqual(sorted(ids), sorted(event.event_id for event in oldest.events))

    def test_segment_pages_join_to_the_whole_list(self):
        request = messages.ListSegmentMembershipsRequest(identity=identity())
        whole = self.server.call("ListSegmentMemberships", request).segment_memberships
        ids, token = [], ""
        for _ in range(100):
            page = self.server.call(
                "ListSegmentMemberships",
                messages.ListSegmentMembershipsRequest(
                    identity=identity(), page_size=1, page_token=token
                ),
            )
            ids += [s.segment_id for s in page.segment_memberships]
            token = page.next_page_token
            if not token:
                break
        self.assertGreater(len(ids), 1)
        self.assertEqual(ids, [s.segment_id for s in whole])

    # ---- bad input: refused with details, and nothing reaches the upstream ----

    def refused(self, method, request, field, **options):
        self.sandbox.reset_stats()
        failure = self.server.fails(
            method, request, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", **options
        )
        self.assertIn(field, failure.violations)
        self.assertEqual(failure.domain, "profilecontext")
        self.assertTrue(failure.request_id)
        self.assertEqual(self.sandbox.recent(), [])

    def test_bad_identities_are_refused(self):
        for namespace in ["", "N" * 2048, "a b", "a\nb", "é"]:
            self.refused(
                "GetContext",
                messages.GetContextRequest(identity=identity(namespace=namespace)),
                "identity.namespace",
            )
        for bad in ["", "a\r\nX: y", "a\x01", "i" * 1025, "a\x7f"]:
            self.refused(
                "GetProfile", messages.GetProfileRequest(identity=identity(id=bad)), "identity.id"
            )
        self.refused("GetProfile", messages.GetProfileRequest(), "person")
        self.refused("GetProfile", messages.GetProfileRequest(xid="../x"), "xid")

    def test_nul_and_invalid_utf8_are_refused(self):
        for tail in [b"a\x00b", b"\xff\xfe", b"\xed\xa0\x80"]:
            inner = b"\x0a\x05Email\x12" + bytes([len(tail)]) + tail
            self.refused("GetProfile", b"\x0a" + bytes([len(inner)]) + inner, "identity.id")

    def test_ids_are_data_wherever_they_go(self):
        self.sandbox.reset_stats()
        for strange in ["a&entityIdNS=x", "a#b", "a%00b", "a/../b", "a+b@c", "ä€😀", "a=b;c", "a b"]:
            self.server.fails(
                "GetProfile",
                messages.GetProfileRequest(identity=identity(id=strange)),
                grpc.StatusCode.NOT_FOUND,
            )
        self.assertEqual(self.server.fails(
            "GetProfile", messages.GetProfileRequest(identity=identity(id="nobody@example.com")),
            grpc.StatusCode.NOT_FOUND).reason, "PROFILE_NOT_FOUND")

    def test_bad_masks_limits_orders_and_times_are_refused(self):
        who = identity()
        for path in ["nonsense", "profile.nonsense", "profile..person", "", "profile.extensions.x"]:
            self.refused(
                "GetContext",
                messages.GetContextRequest(identity=who, read_mask={"paths": [path]}),
                "read_mask",
            )
        self.refused("ListEvents", messages.ListEventsRequest(identity=who, page_size=-1), "page_size")
        self.refused(
            "ListEvents", messages.ListEventsRequest(identity=who, order_by="name"), "order_by"
        )
        self.refused(
            "ListEvents",
            messages.ListEventsRequest(identity=who, start_time={"seconds": 9}, end_time={"seconds": 9}),
            "end_time",
        )
        self.refused(
            "GetContext", messages.GetContextRequest(identity=who, event_limit=-5), "event_limit"
        )
        self.refused("GetContext", messages.GetContextRequest(identity=who, sandbox="A B"), "sandbox")
        self.refused(
            "GetContext",
            messages.GetContextRequest(identity=who, max_staleness={"seconds": -1}),
            "max_staleness",
        )

    def test_foreign_page_tokens_are_refused(self):
        page = self.server.call(
            "ListEvents", messages.ListEventsRequest(identity=identity(), page_size=1)
        )
        self.assertTrue(page.next_page_token)
        other = identity(id="someone.else@example.com")
        for who, token in [(other, page.next_page_token), (identity(), "rubbish"),
                           (identity(), page.next_page_token[:-1])]:
            self.refused(
                "ListEvents",
                messages.ListEventsRequest(identity=who, page_token=token),
                "page_token",
            )

    def test_a_damaged_message_is_refused(self):
        self.server.fails(
            "GetProfile", b"\x0a\x7f\x01", grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_UNREADABLE"
        )

    def test_a_five_megabyte_message_is_refused_with_details(self):
        self.server.fails(
            "GetProfile",
            messages.GetProfileRequest(identity=identity(id="x" * (5 << 20))),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "REQUEST_TOO_LARGE",
        )

    def test_an_expired_deadline_costs_no_upstream_call(self):
        self.sandbox.reset_stats()
        self.server.fails(
            "GetProfile",
            messages.GetProfileRequest(identity=identity()),
            grpc.StatusCode.DEADLINE_EXCEEDED,
            timeout=0.000001,
        )
        self.assertEqual(self.sandbox.recent(), [])

    def test_unknown_methods_are_answered(self):
        call = self.server.channel.unary_unary("/profilecontext.v1.ProfileContext/Nope")
        with self.assertRaises(grpc.RpcError) as caught:
            call(b"", timeout=5)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_no_personal_data_reaches_log_or_status(self):
        canaries = ["canary.id@example.com", "ada.byron", "Byron", "sandbox-secret"]
        self.context()
        failure = self.server.fails(
            "GetProfile",
            messages.GetProfileRequest(identity=identity(id=canaries[0])),
            grpc.StatusCode.NOT_FOUND,
        )
        self.server.fails(
            "GetProfile",
            messages.GetProfileRequest(identity=identity(id=canaries[0] + "\n")),
            grpc.StatusCode.INVALID_ARGUMENT,
            metadata=[("x-request-id", "the-last-canary")],
        )
        log = wait_until(
            lambda: "the-last-canary" in self.server.read_log() and self.server.read_log()
        )
        for canary in canaries:
            self.assertNotIn(canary, log)
            self.assertNotIn(canary, failure.message)

    def test_a_call_has_its_line_in_the_log_where_the_level_is_info(self):
        for level, count in (("info", 1), ("warn", 0)):
            with closing(Server(self.sandbox.url, f"--log-level={level}")) as server:
                request = messages.GetProfileRequest(identity=identity())
                server.call("GetProfile", request, metadata=[("x-request-id", "r-1")])
                server.quit()
                lines = [json.loads(line) for line in server.read_log().splitlines()]
                ended = [line for line in lines if line["event"] == "rpc.ended"]
                self.assertEqual(len(ended), count, ended)
                for line in ended:
                    self.assertEqual(line["method"], "/profilecontext.v1.ProfileContext/GetProfile")
                    self.assertEqual(line["code"], "OK")
                    self.assertEqual((line["caller"], line["peer"]), ("", "ipv4:127.0.0.1"))
                    self.assertEqual(line["request_id"], "r-1")
                    self.assertGreater(line["answer_bytes"], 0)

    def test_large_answers_are_compressed_where_configured(self):
        with closing(Server(self.sandbox.url, "--listen-compression-min-bytes=1KiB")) as server:
            plain = server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
            for accepts, flag in [("identity,gzip", 1), ("identity", 0)]:
                body = self.raw_call(server, accepts)
                self.assertEqual(body[0], flag)
                size = int.from_bytes(body[1:5], "big")
                data = gzip.decompress(body[5:5 + size]) if flag else body[5:5 + size]
                answer = messages.GetProfileResponse.FromString(data)
                self.assertEqual(answer.profile, plain.profile)

    def raw_call(self, server, accepts):
        """GetProfile with curl, which leaves the answer's framing as it is."""
        data = messages.GetProfileRequest(identity=identity()).SerializeToString()
        done = subprocess.run(
            ["curl", "--silent", "--http2-prior-knowledge", "--data-binary", "@-",
             "-H", "content-type: application/grpc", "-H", "te: trailers",
             "-H", f"grpc-accept-encoding: {accepts}",
             f"http://{server.address}/profilecontext.v1.ProfileContext/GetProfile"],
            input=b"\0" + struct.pack(">I", len(data)) + data, capture_output=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_the_callers_request_id_comes_back_in_errors(self):
        failure = self.server.fails(
            "GetProfile",
            messages.GetProfileRequest(),
            grpc.StatusCode.INVALID_ARGUMENT,
            metadata=[("x-request-id", "abc-123")],
        )
        self.assertEqual(failure.request_id, "abc-123")


if __name__ == "__main__":
    unittest.main(verbosity=2)
