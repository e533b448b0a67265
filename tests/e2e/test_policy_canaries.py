"""Values that a caller may not see occur nowhere in what it is told: not in another field, nor what
had no place in one, a summary, an insight, a token, an error, or a trailer. Callers with random rights
ask for everything in every way, of what is remembered for others; the values are those that a caller
with all rights sees.

The seed is printed; PC_TEST_SEED sets it."""

import random
import re

import grpc
from google.protobuf import message as protobuf

from callers import Caller, Certificates, start
from harness import METHODS, SERVICE, Sandbox, identity, prefetch_messages
from test_policy_model import INSIGHTS, PERSONS, SEED, SECTIONS, WAYS, Rights, insights_file, is_ours

CALLERS = 60
ODD = ("Email", "odd.data@example.com")
# Shorter texts occur by chance, words in the names of fields, and digits in hashed values.
LENGTH_MIN = 6
WORD = re.compile("[a-z_.]+|[0-9a-f]{1,9}")


def texts(message, prefix, whose=""):
    """The texts within a message, each as (path, namespace or insight, text): of what has no fields of
    ours by the path of the whole."""
    kind = message.DESCRIPTOR.name
    whose = (message.namespace.lower() if kind == "LinkedIdentity"
             else message.name if kind == "Insight" else whose)
    for field, value in message.ListFields():
        path = f"{prefix}.{field.name}"
        if field.message_type is None:
            for one in value if field.label == field.LABEL_REPEATED else [value]:
                if isinstance(one, str):
                    yield path, whose, one
        elif is_ours(field):
            for one in value if field.label == field.LABEL_REPEATED else [value]:
                yield from texts(one, path, whose)
        else:
            for one in inside(value):
                yield path, whose, one


def inside(value):
    """All texts of a Struct, whatever its shape."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, protobuf.Message):
        for _, one in value.ListFields():
            yield from inside(one)
    elif hasattr(value, "values"):
        for one in value.values():
            yield from inside(one)
    elif not isinstance(value, (bytes, int, float)):
        for one in value:
            yield from inside(one)


def of_context(context):
    for section in SECTIONS:
        value = getattr(context, section)
        if section in ("profile", "summary"):
            if context.HasField(section):
                yield from texts(value, section)
        else:
            for one in value:
                yield from texts(one, section)


class Masked(Rights):
    """With some values that are shown changed."""

    def __init__(self, chance, number, paths):
        super().__init__(chance, number)
        self.masks = {} if number == 0 else {
            path: chance.choice(("hash", "drop", "{partial: 2}"))
            # Masks go only so deep.
            for path in chance.sample(paths, chance.randrange(0, 6)) if path.count(".") < 6}

    def rule(self):
        masks = ", ".join(f"{path}: {mask}" for path, mask in self.masks.items())
        return super().rule().replace("merge_policies: '*'}", "merge_policies: '*', masks: {%s}}" % masks)

    def shows(self, path, whose):
        """Whether a text may be seen as it is, if only in some other field."""
        section, _, rest = path.partition(".")
        if path in self.masks or not self.knows(path):
            return False
        if section == "insights" and whose in INSIGHTS and self.hides_masked(whose):
            return False
        if section == "summary":
            return True  # of what it is made of, which is told by its own path
        if self.namespaces is not None:
            if section == "identities" and whose not in [name.lower() for name in self.namespaces]:
                return False
            return not path.startswith(("profile.consents.id_specific", "events.identity_map",
                                        "events.end_user_i_ds", "events.stitched_id", "identities.xid"))
        return True

    def hides_masked(self, insight):
        return self.hides(insight) or INSIGHTS[insight][2] in self.masks


def find_paths(whole):
    """The paths of fields that are texts, of all persons."""
    return sorted({path for found in whole.values() for path, _, _ in found
                   if not path.endswith("extensions") and path.split(".")[0] != "summary"})


def forbidden(rights, found):
    """The texts that must not be told of a person."""
    shown = [text for path, whose, text in found if rights.shows(path, whose)]
    return {text for path, whose, text in found
            if len(text) >= LENGTH_MIN and not WORD.fullmatch(text) and not rights.shows(path, whose)
            and not any(text in one for one in shown)}


def told(caller, method, request):
    """All bytes that a caller gets."""
    request_type, response_type = METHODS[method]
    stream = method in ("BatchGetContexts", "StreamEvents")
    channel = caller.channel.unary_stream if stream else caller.channel.unary_unary
    make = channel(SERVICE + method, request_type.SerializeToString, lambda data: data)
    try:
        if stream:
            end = make(request, timeout=20, wait_for_ready=True)
            data = b"".join(end)
        else:
            data, end = make.with_call(request, timeout=20, wait_for_ready=True)
    except grpc.RpcError as error:
        end, data = error, b""
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED, (method, error)
    for key, value in end.trailing_metadata():
        if key == "server-ms":
            continue
        data += key.encode() + (value if isinstance(value, bytes) else value.encode())
    return data + end.details().encode()


def masks_of(chance, paths):
    """What a caller may name, as it is, with wildcards, twice, and all below a parent."""
    some = [path for path in chance.sample(paths, 3)]
    return chance.choice(([], ["*"], some, some + ["*"], some * 2, [path.split(".")[0] for path in some]))


def see_everything(caller):
    """The texts of each person, by a caller with all rights."""
    whole = {}
    for person in (*PERSONS, ODD):
        make, _ = WAYS["GetContext"]
        context = caller.call("GetContext", make(identity(*person))).context
        found = set(of_context(context))
        for way, section in (("ListEvents", "events"), ("GetIdentities", "identities"),
                             ("ListSegmentMemberships", "segment_memberships")):
            answer = caller.call(way, WAYS[way][0](identity(*person)))
            for one in getattr(answer, section):
                found.update(texts(one, section))
        # Whom it was asked for, everybody knows.
        whole[person] = {entry for entry in found if entry[2] not in person}
    return whole


def check(chance, server, certificates, all_rights, whole, paths):
    checked = values = 0
    for rights in all_rights[1:]:
        caller = Caller(server, certificates, rights.name)
        for person in chance.sample(sorted(whole), 2):
            secrets = forbidden(rights, whole[person])
            values += len(secrets)
            for way, (make, _) in WAYS.items():
                request = make(identity(*person))
                if way in ("GetContext", "BatchGetContexts"):
                    request.read_mask.paths.extend(masks_of(chance, paths))
                data = told(caller, way, request)
                for secret in secrets:
                    assert secret.encode() not in data, (
                        f"seed {SEED}", way, person, secret, rights.rule(),
                        [entry[:2] for entry in whole[person] if entry[2] == secret])
                checked += 1
        caller.close()
    assert values > 1000, values
    print(f"{checked} answers checked for {values} values")


def main():
    print(f"seed {SEED}", flush=True)
    chance = random.Random(SEED)
    names = [f"spiffe://model/{number}" for number in range(CALLERS)]
    certificates = Certificates(names)
    sandbox = Sandbox()
    server = None
    try:
        all_rights = [Masked(chance, 0, [])]
        policy = "callers:\n" + all_rights[0].rule()
        arguments = [f"--config={insights_file(certificates)}", "--cache-max-bytes=64MiB",
                     f"--upstream-identity-url={sandbox.url}", "--reload-interval=100ms"]
        server = start(sandbox.url, certificates, policy, *arguments)
        everybody = Caller(server, certificates, names[0])
        whole = see_everything(everybody)
        everybody.close()
        server, first = None, server
        first.end_well()
        paths = find_paths(whole)
        all_rights += [Masked(chance, number, paths) for number in range(1, CALLERS)]
        server = start(sandbox.url, certificates,
                       "callers:\n" + "".join(rights.rule() for rights in all_rights), *arguments)
        everybody = Caller(server, certificates, names[0])
        everybody.call("PrefetchContexts", prefetch_messages.PrefetchContextsRequest(
            persons=[{"identity": identity(*person)} for person in whole]))
        see_everything(everybody)
        everybody.close()
        check(chance, server, certificates, all_rights, whole, paths)
    finally:
        if server is not None:
            server.end_well()
        sandbox.close()
        certificates.close()


if __name__ == "__main__":
    main()
