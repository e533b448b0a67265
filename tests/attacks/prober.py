"""Runs attacks on a server and says what they did to it and to another caller meanwhile."""

import dataclasses
import inspect
import threading
import time

import grpc

from attacks import PATH
from harness import wait_until


@dataclasses.dataclass
class Report:
    name: str
    saw: str            # by the attacker
    seconds: float
    handlers: int       # calls that were begun for the attacker
    before_mb: float
    peak_mb: float
    after_mb: float     # when it has come to rest
    asked: int          # by the other caller, meanwhile and just after
    failed: int
    slowest_ms: float


class Bystander(threading.Thread):
    """Another caller, who is to notice nothing: on a connection of its own, all the time."""

    def __init__(self, address, request, pause=0.005):
        super().__init__(daemon=True)
        self.channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
        self.ask = self.channel.unary_unary(PATH, lambda b: b, lambda b: b)
        self.request = request
        self.pause = pause
        self.stopped = threading.Event()
        self.times = []
        self.failures = []

    def run(self):
        while not self.stopped.wait(self.pause):
            began = time.monotonic()
            try:
                self.ask(self.request, timeout=5)
            except grpc.RpcError as error:
                self.failures.append(f"{error.code()}: {error.details()}")
            self.times.append(time.monotonic() - began)

    def stop(self):
        self.stopped.set()
        self.join()
        self.channel.close()


class Memory(threading.Thread):
    """The resident set of a process: now, and at its highest since `begin`."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = self.now()
        self.stopped = threading.Event()

    def now(self):
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * 4096 / 1e6

    def run(self):
        while not self.stopped.wait(0.005):
            self.peak = max(self.peak, self.now())

    def stop(self):
        self.stopped.set()
        self.join()
        return self.peak


def calls_ended(server):
    return sum(value for name, value in server.metrics().items()
               if name.startswith("profilecontext_rpc_calls_total"))


def in_flight(server):
    return sum(value for name, value in server.metrics().items()
               if name.startswith("profilecontext_rpc_in_flight"))


def settle(server, before, seconds):
    """Memory once it is back, or after a time."""
    memory = Memory(server.popen.pid)
    end = time.monotonic() + seconds
    while memory.now() > before * 1.2 + 10 and time.monotonic() < end:
        time.sleep(0.05)
    return memory.now()


def probe(server, attack, target, bystander_address=None, hold=1.0, rest=15.0, settles=True):
    """One attack on a server of the harness, which has an operator port."""
    bystander = Bystander(bystander_address or server.address, target.request)
    bystander.ask(target.request, timeout=10)
    memory = Memory(server.popen.pid)
    before = memory.now()
    ended = calls_ended(server)
    bystander.start()
    memory.start()
    began = time.monotonic()
    if inspect.isgeneratorfunction(attack):
        holding = attack(target)
        saw = next(holding)
        time.sleep(hold)
        holding.close()
    else:
        saw = attack(target)
    seconds = time.monotonic() - began
    wait_until(lambda: in_flight(server) <= 1, rest, "the attacker's calls to have ended")
    asked = len(bystander.times)
    wait_until(lambda: len(bystander.times) > asked + 10, rest, "the other caller to be served")
    bystander.stop()
    peak = memory.stop()
    handlers = calls_ended(server) - ended - len(bystander.times)
    # Under a sanitizer memory is not given back.
    after = settle(server, before, rest if settles else 0)
    return Report(attack.__name__, saw, seconds, int(handlers), before, peak, after, len(bystander.times),
                  len(bystander.failures), max(bystander.times) * 1000)


HEAD = ("| attack | it saw | s | handlers | MB before / peak / after | others: calls, failed, slowest ms |\n"
        "|---|---|---|---|---|---|")


def line(report):
    return (f"| {report.name} | {report.saw} | {report.seconds:.1f} | {report.handlers} | "
            f"{report.before_mb:.0f} / {report.peak_mb:.0f} / {report.after_mb:.0f} | "
            f"{report.asked}, {report.failed}, {report.slowest_ms:.0f} |")
