"""Consents that change, purposes that need them, and calls for all purposes at once that share what
is fetched and remembered: no answer may hold what its purpose may not see of what the person has said
last, and none may lack what it may.

The seed is printed; PC_TEST_SEED sets it."""

import concurrent.futures
import random

import grpc

from callers import Caller, Certificates, start
from harness import Sandbox, identity, messages
from test_policy_model import SECTIONS, SEED, WAYS, Rights, check, insights_file, make_paths

PURPOSES = ("service", "sales", "marketing", "routing")
NEEDS = {
    "marketing.email.val": ("marketing", "email"), "marketing.call.val": ("marketing", "call"),
    "marketing.any.val": ("marketing", "any"), "personalize.content.val": ("personalize", "content"),
    "collect.val": ("collect",), "share.val": ("share",),
}
# Each by all that it is known as.
PERSONS = [[("Email", "ada.byron@example.com"), ("CRMID", "CRM-1001"), ("Phone", "+15550100")],
           [("CRMID", "CRM-1003")], [("Email", "mei.lin@example.com")]]
CALLERS = 8
ROUNDS = 10
CALLS = 40
# Numbers of ConsentValue.
VALUES = {"y": 1, "n": 2, "dy": 5}


class Rule:
    """One of `consents`."""

    def __init__(self, chance):
        # What is for service needs no consent: it is what the others are held against.
        self.purposes = chance.sample(PURPOSES[1:], chance.randrange(1, 3))
        self.needs = chance.choice(list(NEEDS))
        self.values = chance.choice((["y"], ["y", "dy"]))
        self.deny = make_paths(chance) + [chance.choice(SECTIONS)]

    def text(self):
        return (f"  - {{purposes: [{', '.join(self.purposes)}], needs: consents.{self.needs}, "
                f"values: [{', '.join(self.values)}], deny: [{', '.join(sorted(set(self.deny)))}]}}\n")

    def is_given(self, consents, person):
        """By what a profile says."""
        value = value_at(consents, NEEDS[self.needs])
        accepted = [VALUES[name] for name in self.values]
        if value not in accepted:
            return False
        if self.needs.startswith("marketing.") and value_at(consents, ("marketing", "any")) == VALUES["n"]:
            return False
        for own in consents.id_specific:
            if own.namespace.lower() == person[0].lower() and own.id == person[1]:
                said = value_at(own, NEEDS[self.needs])
                if said not in (0, *accepted):
                    return False
        return True


def value_at(consents, path):
    message = consents
    for name in path:
        if name not in message.DESCRIPTOR.fields_by_name or not message.HasField(name):
            return 0
        message = getattr(message, name)
    return message.val


class Refused(Rights):
    """What is left to a purpose."""

    def __init__(self, name, rules):
        self.name = name
        self.sections = list(SECTIONS)
        self.deny = [path for rule in rules for path in rule.deny]
        self.allow = self.namespaces = None


def ask(caller, way, person, purpose, **fields):
    make, read = WAYS[way]
    request = make(identity(*person))
    for name, value in fields.items():
        getattr(request, name).seconds = value
    try:
        return read(caller.call(way, request, purpose=purpose))
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED, (way, error)
        return None


def say(chance, sandbox, person):
    """The person changes its mind."""
    consents = {}
    for path in NEEDS.values():
        said = chance.choice(("y", "y", "n", "dy", None))
        if said is not None:
            into = consents
            for name in path[:-1]:
                into = into.setdefault(name, {})
            into[path[-1]] = {"val": said}
    sandbox.call("POST", "/_sandbox/records", {
        "type": "profile", "dataset": "5e00000000000000000000c2", "timestamp": "-1s",
        "identities": [{"ns": person[0], "id": person[1]}], "entity": {"consents": consents}})


def one_round(chance, pool, sandbox, callers, rules):
    names = chance.choice(PERSONS)
    say(chance, sandbox, names[0])
    # From here on the server knows.
    known = callers[0].call("GetProfile", messages.GetProfileRequest(
        identity=identity(*chance.choice(names)), max_staleness={"seconds": 0}), purpose="service")
    whole = {(way, person): ask(callers[0], way, person, "service")
             for way in WAYS for person in names}
    asked = []
    for _ in range(CALLS):
        way, person = chance.choice(list(WAYS)), chance.choice(names)
        purpose = chance.choice(PURPOSES)
        fresh = {"max_staleness": 0} if way != "StreamEvents" and chance.random() < 0.3 else {}
        asked.append((way, person, purpose,
                      pool.submit(ask, chance.choice(callers), way, person, purpose, **fresh)))
    for way, person, purpose, future in asked:
        missing = [rule for rule in rules if purpose in rule.purposes
                   and not rule.is_given(known.profile.consents, person)]
        rights = Refused(f"{purpose} without {[rule.text() for rule in missing]}", missing)
        check(rights, way, person, [], future.result(), whole[way, person])


def run(chance, arguments, certificates, names):
    sandbox = Sandbox()
    rules = [Rule(chance) for _ in range(6)]
    policy = (f"purposes: [{', '.join(PURPOSES)}]\nconsents:\n"
              + "".join(rule.text() for rule in rules) + "callers:\n"
              + "".join(f"  - {{name: {name}, rpcs: '*', sections: '*', namespaces: '*', sandboxes: '*', "
                        "merge_policies: '*', purposes: '*'}\n" for name in names))
    server = start(sandbox.url, certificates, policy,
                   f"--config={insights_file(certificates)}", *arguments)
    callers = [Caller(server, certificates, name) for name in names]
    try:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for _ in range(ROUNDS):
                one_round(chance, pool, sandbox, callers, rules)
        print(f"{ROUNDS * CALLS} answers checked", *arguments)
    finally:
        for caller in callers:
            caller.close()
        server.end_well()
        sandbox.close()


def main():
    print(f"seed {SEED}", flush=True)
    chance = random.Random(SEED)
    names = [f"spiffe://model/{number}" for number in range(CALLERS)]
    certificates = Certificates(names)
    try:
        run(chance, ["--cache-max-bytes=64MiB", "--cache-profile-fresh=1h", "--cache-events-fresh=1h",
                     "--cache-segments-fresh=1h", "--cache-identities-fresh=1h",
                     "--cache-insights-fresh=1h"], certificates, names)
        run(chance, ["--upstream-join-window=5ms"], certificates, names)
    finally:
        certificates.close()


if __name__ == "__main__":
    main()
