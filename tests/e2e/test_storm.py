"""Everything at once: every RPC with random deadlines, callers that leave, readers that sleep, and an
upstream that misbehaves in turns. A failure prints the seed; PC_STORM_SEED runs it again, and
PC_STORM_SECONDS makes it longer."""

import os
import random
import threading
import time
import unittest

import grpc

from harness import (
    ADA, METHODS, SERVICE, Sandbox, Server, batch_messages, closing, entity_messages, identity, messages,
    stream_messages, wait_until,
)

SECONDS = float(os.environ.get("PC_STORM_SECONDS", "8"))
SEED = int(os.environ.get("PC_STORM_SEED", str(time.time_ns() % 1000000)))
CALLERS = 8
# How long after its deadline a call may still be under way. The contract says 50 ms; the rest is
# for Python's threads, sanitizers and a busy machine.
GRACE = 2.0

PERSONS = [
    ADA,
    ("Email", "mei.lin@example.com"),
    ("CRMID", "CRM-1003"),
    ("Phone", "+15550105"),
    ("Email", "leonhard.euler@example.com"),
    ("Email", "nobody@example.com"),
    ("Email", "srinivasa.toomany@example.com"),
]

# What may become of a good request; anything else is our mistake.
ALLOWED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
}

WEATHER = [
    {},
    {"*": {"delayMs": 30, "deviationMs": 20}},
    {"*": {"errorRate": 0.3, "errorStatus": 500}},
    {"*": {"cutRate": 0.3}, "token": {"errorRate": 0.2, "errorStatus": 503}},
    {"*": {"corruptRate": 0.3}},
    {"*": {"hangRate": 0.2}},
    {"*": {"dripRate": 0.5, "dripBytes": 512, "dripIntervalMs": 5}},
    {"*": {"throttleAllow": 20, "throttleWindowMs": 200, "retryAfterMs": 50}},
    {"profile": {"down": True}, "identity": {"delayMs": 100}},
    {"events": {"refuse": True}, "audiences": {"hangRate": 1.0}},
]
SHAPES = ["batchOmitsUnknown", "batchErrorsMixed", "batchKeysAreOther", "requestedIdentity",
          "notFoundAsEmpty", "notFoundAsPlaceholder", "eventsNotFoundAsPage"]

SECTIONS = ["profile", "events", "segment_memberships", "identities", "insights", "summary"]


def a_request(dice):
    """A method's name and a good request for it."""
    person = {"identity": identity(*dice.choice(PERSONS))}
    many = [{"identity": identity(*dice.choice(PERSONS))} for _ in range(dice.randint(1, 30))]
    return dice.choice([
        ("GetContext", messages.GetContextRequest(**person)),
        ("GetContext", messages.GetContextRequest(
            **person, read_mask={"paths": dice.sample(SECTIONS, dice.randint(1, 3))},
            max_staleness=dice.choice([None, {}, {"nanos": 30000000}, {"seconds": 5}]))),
        ("GetProfile", messages.GetProfileRequest(**person)),
        ("ListEvents", messages.ListEventsRequest(**person, page_size=dice.randint(1, 50))),
        ("ListSegmentMemberships", messages.ListSegmentMembershipsRequest(**person)),
        ("GetIdentities", entity_messages.GetIdentitiesRequest(**person)),
        ("BatchGetProfiles", batch_messages.BatchGetProfilesRequest(persons=many)),
        ("BatchGetContexts", batch_messages.BatchGetContextsRequest(persons=many)),
        ("StreamEvents", stream_messages.StreamEventsRequest(**person, page_size=dice.randint(1, 9))),
    ])


class Caller(threading.Thread):
    """One client with a connection of its own."""

    def __init__(self, address, seed, stop):
        super().__init__()
        self.dice = random.Random(seed)
        self.address = address
        self.stop = stop
        self.codes = {}
        self.late = []
        self.wrong = []
        self.start()

    def run(self):
        with grpc.insecure_channel(
            self.address, [("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            while not self.stop.is_set():
                try:
                    self.ask(channel)
                except Exception as error:  # A thread's exception would be lost.
                    self.wrong.append(repr(error))
                    return

    def ask(self, channel):
        name, request = a_request(self.dice)
        # From what cannot be kept to what always can.
        timeout = self.dice.choice([0.001, 0.005, 0.02, 0.05, 0.2, 1.0])
        leaves = self.dice.random() < 0.3
        sleeps = self.dice.random() < 0.3
        request_type, response_type = METHODS[name]
        end = time.monotonic() + timeout
        if name in ("StreamEvents", "BatchGetContexts"):
            call = channel.unary_stream(
                SERVICE + name, request_type.SerializeToString, response_type.FromString
            )(request, timeout=timeout)
            answers = self.read(call, leaves, sleeps)
            if call.code() == grpc.StatusCode.OK and name == "BatchGetContexts":
                places = sorted(answer.index for answer in answers)
                if places != list(range(len(request.persons))):
                    self.wrong.append(f"{name}: {places} of {len(request.persons)}")
        else:
            call = channel.unary_unary(
                SERVICE + name, request_type.SerializeToString, response_type.FromString
            ).future(request, timeout=timeout)
            if leaves:
                time.sleep(timeout * self.dice.random() / 2)
                call.cancel()
            try:
                answer = call.result()
                if name == "BatchGetProfiles" and len(answer.profiles) != len(request.persons):
                    self.wrong.append(f"{name}: {len(answer.profiles)}")
            except (grpc.RpcError, grpc.FutureCancelledError):
                pass
        code = call.code()
        self.codes[code] = self.codes.get(code, 0) + 1
        if time.monotonic() > end + GRACE:
            self.late.append((name, timeout, time.monotonic() - end))
        unreadable = code == grpc.StatusCode.INTERNAL and "the upstream's" in call.details()
        if code not in ALLOWED and not unreadable:
            self.wrong.append(f"{name}: {code} {call.details()}")

    def read(self, call, leaves, sleeps):
        answers = []
        try:
            for answer in call:
                answers.append(answer)
                if sleeps and self.dice.random() < 0.2:
                    time.sleep(0.01)
                if leaves and self.dice.random() < 0.2:
                    call.cancel()
        except grpc.RpcError:
            pass
        return answers


class Storm(unittest.TestCase):
    def setUp(self):
        self.dice = random.Random(SEED)

    def server(self, sandbox, *arguments):
        return Server(sandbox.url, f"--upstream-identity-url={sandbox.url}",
                      "--batch-chunk-size=4", "--batch-parallel=4", "--log-level=warn", *arguments)

    # Data is old all the time, so that every way of giving it is gone.
    REMEMBERING = ("--cache-max-bytes=1MiB", "--cache-profile-fresh=50ms", "--cache-events-fresh=20ms",
                   "--cache-segments-fresh=50ms", "--cache-identities-fresh=50ms",
                   "--cache-insights-fresh=50ms", "--cache-missing-fresh=20ms",
                   "--cache-revalidate=50ms", "--cache-stale-if-error=1s", "--upstream-timeout=2s")
    HEDGING = ("--upstream-hedge-after=10ms", "--upstream-hedge-percent=100")

    def weather(self, sandbox, stop):
        while not stop.wait(0.25):
            shapes = {name: True for name in SHAPES if self.dice.random() < 0.2}
            shapes["entryErrorRate"] = self.dice.choice([0, 0, 0.2])
            shapes["batchMax"] = self.dice.choice([0, 0, 3])
            sandbox.faults({"operations": self.dice.choice(WEATHER), "shapes": shapes})

    def check(self, callers):
        codes = {}
        for caller in callers:
            self.assertEqual(caller.wrong, [], f"PC_STORM_SEED={SEED}")
            self.assertEqual(caller.late, [], f"PC_STORM_SEED={SEED}")
            for code, count in caller.codes.items():
                codes[code] = codes.get(code, 0) + count
        return codes

    def test_every_call_ends_once_and_by_its_deadline(self):
        self.storm()

    def test_the_same_with_what_is_remembered_and_slow_reads_sent_twice(self):
        self.storm(*self.REMEMBERING, *self.HEDGING)

    def storm(self, *arguments):
        stop = threading.Event()
        with closing(Sandbox()) as sandbox, closing(self.server(sandbox, *arguments)) as server:
            callers = [Caller(server.address, self.dice.random(), stop) for _ in range(CALLERS)]
            timer = threading.Timer(SECONDS, stop.set)
            timer.start()
            try:
                self.weather(sandbox, stop)
            finally:
                stop.set()
                timer.cancel()
                for caller in callers:
                    caller.join()
            codes = self.check(callers)
            for code in (grpc.StatusCode.OK, grpc.StatusCode.CANCELLED,
                         grpc.StatusCode.DEADLINE_EXCEEDED):
                self.assertGreater(codes.get(code, 0), 5, f"PC_STORM_SEED={SEED} {codes}")
            # It has passed without a trace, but that the breaker may take its time.
            sandbox.faults({})
            wait_until(lambda: self.works(server), 20, "a call that goes well")
            server.quit()

    def works(self, server):
        try:
            return server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
        except grpc.RpcError:
            return None

    def test_callers_may_leave_between_graph_and_profile(self):
        """The profile is remembered, so that its answer comes as soon as it is asked for."""
        with closing(Sandbox()) as sandbox, \
                closing(self.server(sandbox, "--cache-max-bytes=1MiB")) as server:
            server.call("GetProfile", messages.GetProfileRequest(identity=identity()))
            sandbox.faults({"operations": {"identity": {"errorRate": 1.0, "errorStatus": 500}}})
            request = entity_messages.GetIdentitiesRequest(identity=identity())
            method = server.channel.unary_unary(
                SERVICE + "GetIdentities", lambda m: m.SerializeToString(), lambda b: b)
            for _ in range(40):
                calls = [method.future(request, timeout=5) for _ in range(30)]
                for call in calls:
                    if self.dice.random() < 0.7:
                        call.cancel()
                    time.sleep(self.dice.random() * 0.002)
                for call in calls:
                    self.assertIn(call.code(), ALLOWED, f"PC_STORM_SEED={SEED}")
            server.quit()

    def test_a_stop_in_the_middle_of_it_ends_well(self):
        for _ in range(3):
            stop = threading.Event()
            with closing(Sandbox("--delay", "20+-10")) as sandbox, \
                    closing(self.server(sandbox, "--listen-drain-timeout=10s",
                                        *self.REMEMBERING)) as server:
                callers = [Caller(server.address, self.dice.random(), stop) for _ in range(CALLERS)]
                time.sleep(0.5 + self.dice.random())
                try:
                    self.assertEqual(server.stop(), 0, f"PC_STORM_SEED={SEED}")
                finally:
                    stop.set()
                    for caller in callers:
                        caller.join()
                self.check(callers)


if __name__ == "__main__":
    unittest.main(verbosity=2)
