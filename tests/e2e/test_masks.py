"""Every read, with masks: the answer is exactly the part of the whole one that the mask names, the
upstream is asked for no more than that needs, bad paths are named, and the cost is told."""

import os
import random
import unittest

import grpc

from harness import (
    Sandbox, Server, batch_messages, entity_messages, identity, messages, stream_messages,
)

CONFIG = os.path.join(os.path.dirname(__file__), "../../deploy/sandbox.yaml")
SEED = int(os.environ.get("PC_TEST_SEED", "20260819"))
MASKS = 25
SECTIONS = ("profile", "events", "segment_memberships", "identities", "insights", "summary")


def sections_of(context):
    """A context without what stands in it whatever the mask."""
    rest = type(context)()
    rest.CopyFrom(context)
    for name in ("identity", "xid", "sections"):
        rest.ClearField(name)
    return rest


# For each read: a request without a mask, what of the answer the mask is about, a path that makes
# the upstream's answer smaller (or None), and the query that this leads to.
READS = {
    "GetContext": (
        lambda: messages.GetContextRequest(identity=identity()),
        lambda answer: [sections_of(answer.context)],
        "profile.person.name.first_name", "fields=person.name.firstName"),
    "BatchGetContexts": (
        lambda: batch_messages.BatchGetContextsRequest(persons=[{"identity": identity()}]),
        lambda answer: [sections_of(answer.context)],
        "events.event_type", "fields=eventType"),
    "GetProfile": (
        lambda: messages.GetProfileRequest(identity=identity()),
        lambda answer: [answer.profile],
        "home_address.city", "fields=homeAddress.city"),
    "BatchGetProfiles": (
        lambda: batch_messages.BatchGetProfilesRequest(persons=[{"identity": identity()}]),
        lambda answer: [entry.profile for entry in answer.profiles],
        "home_address.city", ""),
    "ListEvents": (
        lambda: messages.ListEventsRequest(identity=identity()),
        lambda answer: list(answer.events),
        "commerce.order.purchase_id", "fields=commerce.order.purchaseID"),
    "StreamEvents": (
        lambda: stream_messages.StreamEventsRequest(identity=identity()),
        lambda answer: list(answer.events),
        "web.web_page_details", "fields=web.webPageDetails"),
    "ListSegmentMemberships": (
        lambda: messages.ListSegmentMembershipsRequest(identity=identity()),
        lambda answer: list(answer.segment_memberships),
        None, "fields=segmentMembership"),
    "GetIdentities": (
        lambda: entity_messages.GetIdentitiesRequest(identity=identity()),
        lambda answer: list(answer.identities),
        None, "fields=identityMap"),
    "GetEntity": (
        lambda: entity_messages.GetEntityRequest(
            schema="_xdm.context.account", identity=identity("b2b_account", "2334262")),
        lambda answer: [answer.entity],
        "account_key.source_id", "fields=accountKey.sourceID"),
}
STREAMS = ("BatchGetContexts", "StreamEvents")


def can_be_entered(field):
    return (
        field.message_type is not None
        and field.message_type.full_name.startswith("profilecontext.v1.")
        and field.message_type.name not in ("Date", "Extensions")
    )


def paths_in(message, prefix=""):
    """All paths that lead to something in the message."""
    found = set()
    for field, value in message.ListFields():
        path = prefix + field.name
        found.add(path)
        if can_be_entered(field):
            for item in value if field.label == field.LABEL_REPEATED else [value]:
                found |= paths_in(item, path + ".")
    return found


def add_path(tree, parts):
    """A mask as a tree; what is named whole is None there."""
    if len(parts) == 1:
        tree[parts[0]] = None
    elif tree.get(parts[0], {}) is not None:
        add_path(tree.setdefault(parts[0], {}), parts[1:])


def part_of(message, tree):
    """The part of a message that a mask keeps. An item of a list keeps its place; a single message
    of which nothing is left goes."""
    out = type(message)()
    for field, value in message.ListFields():
        below = tree.get(field.name, {})
        if below is None:
            if field.label == field.LABEL_REPEATED or field.message_type is not None:
                getattr(out, field.name).MergeFrom(value)
                if field.label != field.LABEL_REPEATED:
                    getattr(out, field.name).SetInParent()
            else:
                setattr(out, field.name, value)
        elif below and field.label == field.LABEL_REPEATED:
            for item in value:
                getattr(out, field.name).add().CopyFrom(part_of(item, below))
        elif below:
            part = part_of(value, below)
            if part.ListFields() or value.ByteSize() == 0:
                getattr(out, field.name).CopyFrom(part)
    return out


class Masks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.server = Server(cls.sandbox.url, f"--config={CONFIG}", "--sandbox-enabled=false")

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()
        cls.server.end_well()

    def setUp(self):
        self.sandbox.faults({})

    def ask(self, read, paths=()):
        """What the mask is about, and what the answer cost by its own account."""
        make, parts, _, _ = READS[read]
        request = make()
        request.read_mask.paths.extend(paths)
        if read in STREAMS:
            call = self.server.stream(read, request)
            return [part for answer in call for part in parts(answer)], dict(call.trailing_metadata())
        answer, cost = self.server.call_with_cost(read, request)
        return parts(answer), cost

    def test_an_answer_is_the_named_part_of_the_whole_one(self):
        for read in READS:
            chosen = random.Random(f"{SEED} {read}")
            whole, _ = self.ask(read)
            known = sorted(set().union(*(paths_in(message) for message in whole)))
            self.assertGreater(len(known), 3, read)
            for _ in range(MASKS):
                paths = chosen.sample(known, chosen.randint(1, min(4, len(known))))
                tree = {}
                for path in paths:
                    add_path(tree, path.split("."))
                with self.subTest(read=read, paths=paths, seed=SEED):
                    masked, _ = self.ask(read, paths)
                    self.assertEqual(masked, [part_of(message, tree) for message in whole])

    def test_the_upstream_is_asked_for_what_the_mask_needs(self):
        for read, (_, _, path, query) in READS.items():
            with self.subTest(read=read):
                _, whole = self.ask(read)
                self.sandbox.reset_stats()
                _, masked = self.ask(read, [path] if path else [])
                self.assertIn(query, self.sandbox.recent()[0]["query"])
                if path is not None:
                    self.assertLess(int(masked["upstream-bytes"]), int(whole["upstream-bytes"]) / 2)

    def test_a_bad_path_is_named(self):
        for read, (make, _, _, _) in READS.items():
            for path in ("nonsense", "person.nonsense", "events.commerce.nonsense"):
                with self.subTest(read=read, path=path):
                    self.sandbox.reset_stats()
                    with self.assertRaises(grpc.RpcError) as raised:
                        self.ask(read, [path])
                    self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
                    self.assertIn(f"`{path}`", raised.exception.details())
                    self.assertEqual(self.sandbox.recent(), [])

    def test_every_answer_tells_the_calls_that_were_made(self):
        self.ask("ListSegmentMemberships")  # names of audiences are known from here on
        for read in READS:
            with self.subTest(read=read):
                self.sandbox.reset_stats()
                _, cost = self.ask(read)
                self.assertEqual(int(cost["upstream-calls"]), len(self.sandbox.recent()))
                self.assertGreater(int(cost["upstream-calls"]), 0)
                self.assertGreater(int(cost["upstream-bytes"]), 0)
                self.assertGreater(float(cost["server-ms"]), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
