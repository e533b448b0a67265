"""A hundred callers with different rights ask for the same persons at once, in every way; beside
them stands a model that knows what each may see. No answer may hold a field outside its caller's
rights, be it from the upstream, from memory, or from a fetch that others share; and none may lack
what its caller may see and someone with all rights does.

The seed is printed; PC_TEST_SEED sets it."""

import concurrent.futures
import json
import os
import random
import subprocess
import time

import grpc

from callers import Caller, Certificates, start
from harness import (
    Sandbox, batch_messages, entity_messages, identity, messages, program, stream_messages,
)

SEED = int(os.environ.get("PC_TEST_SEED", str(int(time.time()))))
CALLERS = 100
ROUNDS = 4
PERSONS = [("Email", "ada.byron@example.com"), ("CRMID", "CRM-1003"),
           ("Email", "mei.lin@example.com"), ("Email", "leonhard.euler@example.com")]
SECTIONS = ("profile", "events", "segment_memberships", "identities", "insights", "summary")
# What insights read: a field, or what has none.
INSIGHTS = {
    "churn": ("_exampletenant.customerAI.churn30d.score", "number", None),
    "lifetime_value": ("_exampletenant.SystemComputedAttributes.lifetimeValue.value", "number", None),
    "points": ("loyalty.points", "number", "profile.loyalty.points"),
    "called": ("person.name.firstName", "string", "profile.person.name.first_name"),
    "lives": ("homeAddress.city", "string", "profile.home_address.city"),
    "mail": ("personalEmail.address", "string", "profile.personal_email.address"),
}
# What of the summary is made of what.
SOURCES = {
    "lifetime_value": ["insights"], "churn": ["insights"],
    "conversion": ["insights", INSIGHTS["points"][2]],
    "purchases": ["events.event_id", "events.timestamp", "events.event_type", "events.commerce",
                  "events.product_list_items"],
    "campaigns": ["events.event_id", "events.timestamp", "events.event_type", "events.marketing",
                  "events.direct_marketing", "events.channel", "events.experience"],
    "service": ["events"], "preferred_channel": ["profile.consents"],
    "contactability": ["profile.consents"],
}


def children(descriptor):
    return [field for field in descriptor.fields]


def is_ours(field):
    return (field.message_type is not None
            and field.message_type.full_name.startswith("profilecontext.v1.")
            and field.message_type.name not in ("Date", "Extensions"))


def make_paths(chance):
    """Some paths, of any depth, that can be denied."""
    root = messages.GetContextResponse.DESCRIPTOR.fields_by_name["context"].message_type
    found = []
    for _ in range(chance.randrange(0, 7)):
        field = root.fields_by_name[chance.choice(SECTIONS)]
        path = [field.name]
        while is_ours(field) and chance.random() < 0.8:
            field = chance.choice(children(field.message_type))
            path.append(field.name)
            if len(path) > 5:
                break
        found.append(".".join(path))
    return sorted(set(found))


def below(path, above):
    return path == above or path.startswith(above + ".")


class Rights:
    """What the file says of one caller, and what follows."""

    def __init__(self, chance, number):
        self.name = f"spiffe://model/{number}"
        # The first may see all: what it gets is what the others' answers are held against.
        self.sections = list(SECTIONS) if number == 0 else chance.sample(
            SECTIONS, chance.randrange(1, len(SECTIONS) + 1))
        self.deny = [] if number == 0 else make_paths(chance)
        self.allow = make_paths(chance) if number > 0 and chance.random() < 0.4 else None
        self.namespaces = None if number == 0 or chance.random() < 0.7 else ["Email", "CRMID"]

    def rule(self):
        def listed(texts):
            return "[" + ", ".join(texts) + "]"
        allow = "" if self.allow is None else f"allow: {listed(self.allow)}, "
        namespaces = "'*'" if self.namespaces is None else listed(self.namespaces)
        return (f"  - {{name: {self.name}, rpcs: '*', sections: {listed(self.sections)}, "
                f"fields: {{{allow}deny: {listed(self.deny)}}}, namespaces: {namespaces}, "
                "sandboxes: '*', merge_policies: '*'}\n")

    def knows(self, path):
        """Whether a path is within `fields`, itself or something that it is part of."""
        allowed = self.allow is None or any(below(path, one) for one in self.allow)
        return allowed and not any(below(path, one) for one in self.deny)

    def knows_all_of(self, path):
        return self.knows(path) and not any(below(one, path) for one in self.deny)

    def may(self, path):
        """Whether the leaf at a path of Context may be shown."""
        section, *rest = path.split(".")
        if section not in self.sections or not self.knows(path):
            return False
        if section == "summary" and rest:
            if not all(self.knows_all_of(one) for one in SOURCES.get(rest[0], ["events.event_id"])):
                return False
        if self.namespaces is not None:
            return not any(below(path, one) for one in (
                "profile.consents.id_specific", "events.identity_map", "events.end_user_i_ds",
                "events.stitched_id", "identities.xid"))
        return True


    def hides(self, insight):
        reads = INSIGHTS[insight][2]
        return reads is not None and not self.knows_all_of(reads)

    def hidden(self):
        return {name for name in INSIGHTS if self.hides(name)}

    def may_in_profile(self, path):
        """The same of a profile as GetProfile gives it: with identities and segments, which have to
        be granted both as sections and as fields of the profile."""
        section, _, rest = path.partition(".")
        field = {"identities": "profile.identity_map",
                 "segment_memberships": "profile.segment_membership"}.get(section)
        inside = field is None or self.knows(f"{field}.{rest}" if rest else field)
        return "profile" in self.sections and inside and self.may(path)


def leaves(message, prefix, whose=""):
    """The paths of what is set, with the number of times that it is; those of a linked identity with
    its namespace behind them and those of an insight with its name, as far as that is shown."""
    found = {}
    kind = message.DESCRIPTOR.name
    whose = (f"@{message.namespace.lower()}" if kind == "LinkedIdentity"
             else f"@{message.name}" if kind == "Insight" else whose)
    for field, value in message.ListFields():
        path = f"{prefix}.{field.name}{whose}"
        if is_ours(field):
            for item in value if field.label == field.LABEL_REPEATED else [value]:
                for below_path, count in leaves(item, path.partition("@")[0], whose).items():
                    found[below_path] = found.get(below_path, 0) + count
        else:
            found[path] = found.get(path, 0) + 1
    return found


def of_context(context):
    """The leaves of all sections."""
    found = {}
    for section in SECTIONS:
        value = getattr(context, section)
        if section in ("profile", "summary"):
            found.update(leaves(value, section) if context.HasField(section) else {})
        else:
            for item in value:
                for path, count in leaves(item, section).items():
                    found[path] = found.get(path, 0) + count
    return found


def of_items(items, section):
    found = {}
    for item in items:
        for path, count in leaves(item, section).items():
            found[path] = found.get(path, 0) + count
    return found


def of_profile(profile):
    """A whole profile: its identities and segments are named as the sections are."""
    found = {}
    for path, count in leaves(profile, "profile").items():
        path = path.replace("profile.identity_map", "identities")
        found[path.replace("profile.segment_membership", "segment_memberships")] = count
    return found


# Each way to ask: its request, and the leaves of its answer.
WAYS = {
    "GetContext": (
        lambda who: messages.GetContextRequest(identity=who),
        lambda answer: of_context(answer.context)),
    "BatchGetContexts": (
        lambda who: batch_messages.BatchGetContextsRequest(persons=[{"identity": who}]),
        lambda answers: of_context(answers[0].context)),
    "GetProfile": (
        lambda who: messages.GetProfileRequest(identity=who),
        lambda answer: of_profile(answer.profile)),
    "BatchGetProfiles": (
        lambda who: batch_messages.BatchGetProfilesRequest(persons=[{"identity": who}]),
        lambda answer: of_profile(answer.profiles[0].profile)),
    "ListEvents": (
        lambda who: messages.ListEventsRequest(identity=who),
        lambda answer: of_items(answer.events, "events")),
    "StreamEvents": (
        lambda who: stream_messages.StreamEventsRequest(identity=who, page_size=100),
        lambda answers: of_items([event for page in answers for event in page.events], "events")),
    "ListSegmentMemberships": (
        lambda who: messages.ListSegmentMembershipsRequest(identity=who),
        lambda answer: of_items(answer.segment_memberships, "segment_memberships")),
    "GetIdentities": (
        lambda who: entity_messages.GetIdentitiesRequest(identity=who),
        lambda answer: of_items(answer.identities, "identities")),
}


def ask(caller, way, person, mask=()):
    """The leaves of the answer; None when it was denied."""
    make, read = WAYS[way]
    request = make(identity(*person))
    if mask:
        request.read_mask.paths.extend(mask)
    try:
        return read(caller.call(way, request))
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED, (way, error)
        return None


def total(found, namespaces=None, hidden=()):
    """The counts by path alone, of some namespaces or all, without hidden insights."""
    counts = {}
    for key, count in found.items():
        path, _, whose = key.partition("@")
        other = namespaces is not None and path.startswith("identities.") and whose not in namespaces
        if not other and not (path.startswith("insights.") and whose in hidden):
            counts[path] = counts.get(path, 0) + count
    return counts


def check(rights, way, person, mask, found, whole):
    where = (f"seed {SEED}", rights.name, way, person, mask, rights.rule())
    may = rights.may_in_profile if way in ("GetProfile", "BatchGetProfiles") else rights.may
    shown = None if rights.namespaces is None else [name.lower() for name in rights.namespaces]
    if shown is not None:
        others = [key for key in found or {} if key.startswith("identities.")
                  and key.partition("@")[2] not in ("", *shown)]
        assert not others, ("identities of other namespaces", others, *where)
    outside = [key for key in found or {} if key.startswith("insights.")
               and key.partition("@")[2] in rights.hidden()]
    assert not outside, ("insights that read what is denied", outside, *where)
    expected = {path: count for path, count in total(whole, shown, rights.hidden()).items()
                if may(path) and (not mask or any(below(path, one) for one in mask))}
    found = None if found is None else total(found)
    if found is None:
        assert not expected, ("denied, and might see", sorted(expected), *where)
        return
    outside = [path for path in found if not may(path)]
    assert not outside, ("outside its rights", outside, *where)
    for path, count in expected.items():
        assert found.get(path, 0) == count, (path, found.get(path), count, *where)


def choose_way(chance):
    """A way to ask, and for contexts sometimes a mask."""
    way = chance.choice(list(WAYS))
    masked = way in ("GetContext", "BatchGetContexts") and chance.random() < 0.5
    return way, make_paths(chance) if masked else []


def insights_file(certificates):
    """A configuration with them."""
    lines = ["insights:\n"]
    for name, (path, kind, _) in INSIGHTS.items():
        propensity = {"churn": "churn", "points": "conversion"}.get(name)
        lines.append(f"  - name: {name}\n    path: {path}\n    type: {kind}\n")
        lines += [f"    propensity: {propensity}\n"] if propensity else []
    return certificates.write("config.yaml", "".join(lines))


def check_offline(all_rights, certificates):
    """What profilectl says of insights, without a server."""
    for rights in all_rights:
        if "insights" not in rights.sections or not rights.knows("insights"):
            continue
        told = subprocess.run(
            [program("profilectl"), "policy", "test", certificates.path("policy.yaml"), "--config",
             certificates.path("config.yaml"), "--caller", rights.name, "--rpc", "GetContext",
             "--json"], capture_output=True, text=True, timeout=30)
        section = [one for one in json.loads(told.stdout)["sections"]
                   if one["section"] == "insights"][0]
        hidden = {one["path"][9:-1] for one in section["denied"] if one["path"].startswith("insights[")}
        assert hidden == rights.hidden(), (f"seed {SEED}", rights.rule(), section)


def run(chance, arguments, all_rights, certificates, sandbox):
    policy = "callers:\n" + "".join(rights.rule() for rights in all_rights)
    server = start(sandbox.url, certificates, policy,
                   f"--config={insights_file(certificates)}", *arguments)
    callers = [Caller(server, certificates, rights.name) for rights in all_rights]
    try:
        whole = {(way, person): ask(callers[0], way, person)
                 for way in WAYS for person in PERSONS}
        # Someone has no segments.
        assert None not in whole.values() and sum(map(bool, whole.values())) > 28
        checked = 0
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            for _ in range(ROUNDS):
                # All ask for one person at once, so that they share what is fetched.
                person = chance.choice(PERSONS)
                asked = [(number, *choose_way(chance)) for number in range(CALLERS)]
                futures = [(number, way, mask,
                            pool.submit(ask, callers[number], way, person, mask))
                           for number, way, mask in asked]
                for number, way, mask, future in futures:
                    check(all_rights[number], way, person, mask, future.result(),
                          whole[way, person])
                    checked += 1
        print(f"{checked} answers checked", *arguments)
    finally:
        for caller in callers:
            caller.close()
        server.end_well()


def main():
    print(f"seed {SEED}", flush=True)
    chance = random.Random(SEED)
    all_rights = [Rights(chance, number) for number in range(CALLERS)]
    certificates = Certificates([rights.name for rights in all_rights])
    sandbox = Sandbox()
    try:
        run(chance, [], all_rights, certificates, sandbox)
        check_offline(all_rights[:40], certificates)
        run(chance, ["--cache-max-bytes=64MiB", "--cache-profile-fresh=1h", "--cache-events-fresh=1h"],
            all_rights, certificates, sandbox)
        run(chance, ["--cache-max-bytes=64MiB", "--upstream-join-window=5ms"], all_rights,
            certificates, sandbox)
    finally:
        sandbox.close()
        certificates.close()


if __name__ == "__main__":
    main()
