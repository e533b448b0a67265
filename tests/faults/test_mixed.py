"""All faults at once, in turns that a seed chooses: of the network, of the upstream, and of callers who
leave. Memory and descriptors have to stay as they are.

PC_FAULTS_SECONDS makes it longer (3600 for the hour of the table), PC_FAULTS_SEED repeats a run."""

import os
import random
import threading
import time
import unittest

import grpc

from case import Code, FaultCase, GRACE, KIND, SEED, descriptors, memory, serving
from harness import METHODS, SERVICE, Sandbox, closing, entity_messages, identity, messages, wait_until
from proxy import Fault, FaultProxy

SECONDS = float(os.environ.get("PC_FAULTS_SECONDS", "20"))
CALLERS = 6
PERSONS = 40
PARTS = 6
ALLOWED = {Code.OK, Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE, Code.INTERNAL,
           Code.RESOURCE_EXHAUSTED, Code.NOT_FOUND, Code.PERMISSION_DENIED, Code.INVALID_ARGUMENT,
           Code.FAILED_PRECONDITION}
# Python's threads are late themselves on a busy machine.
LATE = max(GRACE, 1.0)

NETWORK = [
    lambda dice: None,
    lambda dice: None,
    lambda dice: Fault(share=0.5, delay=dice.random() * 0.2, jitter=0.1),
    lambda dice: Fault(share=0.3, cut_at=dice.randrange(3000)),
    lambda dice: Fault(share=0.3, reset_at=dice.randrange(3000)),
    lambda dice: Fault(share=0.1, stall_at=dice.randrange(3000)),
    lambda dice: Fault(share=0.3, corrupt_at=dice.randrange(3000)),
    lambda dice: Fault(share=0.5, rate=50000),
    lambda dice: Fault(refuse=True),
]
UPSTREAM = [
    {}, {}, {},
    {"*": {"delayMs": 50, "deviationMs": 30}},
    {"*": {"errorRate": 0.3, "errorStatus": 503}},
    {"*": {"errorRate": 0.3, "errorStatus": 500}, "token": {"errorRate": 0.5, "errorStatus": 500}},
    {"*": {"down": True}},
    {"*": {"hangRate": 0.3}},
    {"*": {"throttleAllow": 10, "throttleWindowMs": 200, "retryAfterMs": 100}},
    {"*": {"corruptRate": 0.3}},
    {"events": {"refuse": True}},
]
SERVER = ("--upstream-attempt-timeout=300ms", "--upstream-timeout=2s", "--upstream-connect-timeout=300ms",
          "--breaker-open=300ms", "--cache-max-bytes=1MiB", "--cache-profile-fresh=100ms",
          "--cache-segments-fresh=100ms", "--cache-events-fresh=50ms", "--cache-revalidate=200ms",
          "--upstream-connection-age=2s", "--operator-address=127.0.0.1:0")


class Caller(threading.Thread):
    """One client with a connection of its own."""

    def __init__(self, address, seed, stop):
        super().__init__()
        self.address = address
        self.dice = random.Random(seed)
        self.stop = stop
        self.codes = {}
        self.wrong = []
        self.late = []
        self.start()

    def run(self):
        with grpc.insecure_channel(
                self.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            while not self.stop.is_set():
                self.ask(channel)

    def ask(self, channel):
        dice = self.dice
        someone = identity("CRMID", f"C{dice.randint(1, PERSONS):07}")
        name, request = dice.choice([
            ("GetProfile", messages.GetProfileRequest(identity=someone)),
            ("GetContext", messages.GetContextRequest(identity=someone)),
            ("ListEvents", messages.ListEventsRequest(identity=someone, page_size=20)),
            ("GetIdentities", entity_messages.GetIdentitiesRequest(identity=someone)),
        ])
        timeout = dice.choice([0.02, 0.1, 0.5, 1.5])
        request_type, response_type = METHODS[name]
        ended = []
        end = time.monotonic() + timeout
        call = channel.unary_unary(
            SERVICE + name, request_type.SerializeToString, response_type.FromString
        ).future(request, timeout=timeout)
        call.add_done_callback(ended.append)
        if dice.random() < 0.1:
            time.sleep(timeout * dice.random() / 2)
            call.cancel()
        try:
            call.result()
        except (grpc.RpcError, grpc.FutureCancelledError):
            pass
        late = time.monotonic() - end
        code = call.code()
        self.codes[code] = self.codes.get(code, 0) + 1
        if code not in ALLOWED:
            self.wrong.append(f"{name}: {code} {call.details()}")
        if late > LATE:
            self.late.append(f"{name}: {code} {call.details()}, {late:.3f} s late")


class Mixed(FaultCase):
    def weather(self, dice, proxy, sandbox, end):
        while time.monotonic() < end:
            proxy.set(dice.choice(NETWORK)(dice))
            sandbox.faults({"operations": dice.choice(UPSTREAM)})
            if dice.random() < 0.1:
                proxy.drop()
            if dice.random() < 0.1:
                sandbox.call("DELETE", "/_sandbox/tokens")
            time.sleep(0.2)

    def test_all_at_once(self):
        dice = random.Random(SEED)
        codes = {}
        with closing(Sandbox("--generate", str(PERSONS))) as sandbox, \
                FaultProxy(sandbox.port, SEED) as proxy, serving(proxy.url, *SERVER) as server:
            stop = threading.Event()
            before = descriptors(server)
            callers = [Caller(server.address, dice.random(), stop) for _ in range(CALLERS)]
            started = time.monotonic()
            sizes = [memory(server)]
            opened = [before]
            try:
                for part in range(1, PARTS + 1):
                    self.weather(dice, proxy, sandbox, started + SECONDS * part / PARTS)
                    sizes.append(memory(server))
                    opened.append(descriptors(server))
                    print(f"{time.monotonic() - started:.0f} s: {sizes[-1]:.1f} MiB, {opened[-1]} "
                          "descriptors", flush=True)
            finally:
                stop.set()
                for caller in callers:
                    caller.join()
                proxy.set()
                sandbox.faults({})
            for caller in callers:
                for code, count in caller.codes.items():
                    codes[code] = codes.get(code, 0) + count
            print(f"{SECONDS:.0f} s, seed {SEED}: {sum(codes.values())} calls "
                  f"{ {code.name: count for code, count in codes.items()} }, MiB "
                  f"{[round(size, 1) for size in sizes]}, descriptors {opened}", flush=True)
            for caller in callers:
                self.assertEqual(caller.wrong, [], f"PC_FAULTS_SEED={SEED}")
            # In an hour the machine itself holds up one or another of a million.
            late = [text for caller in callers for text in caller.late]
            self.assertLessEqual(len(late), sum(codes.values()) // 100000, f"PC_FAULTS_SEED={SEED} {late}")
            self.assertGreater(codes.get(Code.OK, 0), 50, f"PC_FAULTS_SEED={SEED} {codes}")
            if KIND == "plain":
                # What is kept for reuse has been made after the second part.
                self.assertLess(sizes[-1] - sizes[2], 8 + 0.1 * sizes[2],
                                f"PC_FAULTS_SEED={SEED} MiB: {sizes}")
            self.recovers(server)
            # Callers' connections have gone, and of those to the upstream a few are kept.
            wait_until(lambda: descriptors(server) <= before + 70, 20, "descriptors to go")
            for gauge in ("upstream_in_flight", "budget_calls_under_way"):
                # What is fetched anew for nobody in particular may take its time.
                wait_until(lambda: server.metrics()[f"profilecontext_{gauge}"] == 0, 10, gauge)
            samples = server.metrics()
            retries = sum(value for key, value in samples.items() if "upstream_retries_total" in key)
            requests = sum(value for key, value in samples.items()
                           if "upstream_requests_total" in key)
            self.assertLessEqual(retries, requests / 10 + 1)
            print(f"{requests:.0f} upstream requests, {retries:.0f} retries, {descriptors(server)} "
                  "descriptors at the end")


if __name__ == "__main__":
    unittest.main(verbosity=2)
