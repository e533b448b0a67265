"""What joining misses saves in upstream calls, and what it costs in time and in our own CPU."""

import os
import random
import statistics

from suite import calls, messages
from suite.bench import in_turns, note
from suite.processes import LOAD_CORE, Sandbox, start_server
from suite.report import Result

NAME = "join"
TITLE = "people whom nobody has asked for yet, with and without joining the misses that meet"
DELAY_MS = 500
MOST = 50
WINDOWS = {"without": [], "5 ms": ["--upstream-join-window=5ms"],
           "20 ms": ["--upstream-join-window=20ms"]}


def evenly(rate):
    """By chance, so many a second."""
    def times(persons):
        chance, at = random.Random(1), 0.0
        for _ in range(persons):
            at += chance.expovariate(rate)
            yield at
    return times


def in_bursts(size, apart):
    def times(persons):
        return (n // size * apart for n in range(persons))
    return times


# How they come, and that each so many is unknown; 0: none.
ARRIVALS = {
    "GetProfile, 50 a second": ("GetProfile", evenly(50), 0),
    "GetProfile, 500 a second": ("GetProfile", evenly(500), 0),
    "GetProfile, 25 at once": ("GetProfile", in_bursts(25, 0.25), 0),
    "GetProfile, 25 at once, 5 of them unknown": ("GetProfile", in_bursts(25, 0.25), 5),
    "GetContext, 25 at once": ("GetContext", in_bursts(25, 0.5), 0),
}


def percentile(values, percent):
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def address_of(number, unknown_each):
    known = unknown_each == 0 or number % unknown_each != 0
    return f"{'customer' if known else 'nobody'}{number}@example.net"


def run(bench, sandbox, arrival, window, persons):
    method, times, unknown_each = arrival
    # Connections enough, so that nobody waits for one.
    with start_server(bench.binaries, sandbox.url, f"--upstream-join-most={MOST}",
                      "--upstream-max-connections=1000", *WINDOWS[window]) as server:
        # The token, and the names of audiences.
        messages.call(server.address, "GetContext",
                      bench.messages.context_request("Email", "ada.byron@example.com"))
        sandbox.forget_stats()
        requests = [bench.messages.make(
            f"{method}Request", identity={"namespace": "Email", "id": address_of(n, unknown_each)})
            for n in range(1, persons + 1)]
        before = server.cpu_seconds()
        took = calls.timed(server.address, method, requests, list(times(persons)))
        used = server.cpu_seconds() - before
        stats = sandbox.stats()
        made = sum(o["requests"] for o in stats["operations"].values())
        lasted = statistics.mean(r["tookMs"] for r in stats["recent"]) / 1000
        return {"calls": made / persons, "upstream_s": made * lasted / persons,
                "p50": percentile(took, 50) * 1000, "p99": percentile(took, 99) * 1000,
                "cpu_us": used / persons * 1e6}


def measure(bench):
    result = Result(NAME, TITLE)
    persons = 200 if bench.quick else 500
    saved = {}
    whole = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    try:
        with Sandbox(bench.binaries, "--generate", persons) as sandbox:
            sandbox.faults({"*": {"delayMs": DELAY_MS}, "token": {}})
            for name, arrival in ARRIVALS.items():
                runs = {window: [] for window in WINDOWS}
                for window in in_turns(list(WINDOWS), min(bench.rounds, 3)):
                    runs[window].append(run(bench, sandbox, arrival, window, persons))
                    note(f"  {name}, {window}: " + ", ".join(
                        f"{key} {value:.3g}" for key, value in runs[window][-1].items()))
                middle = {window: {key: statistics.median(r[key] for r in runs[window])
                                   for key in runs[window][0]} for window in WINDOWS}
                add(result, name, middle)
                for window in WINDOWS:
                    saved[f"{name}, {window}"] = middle[window]["calls"]
    finally:
        os.sched_setaffinity(0, whole)
    result.chart("Upstream calls of one person", "calls", saved)
    result.notes += [
        f"the medians of {min(bench.rounds, 3)} rounds of {persons:,} people, an upstream of "
        f"{DELAY_MS} ms whatever it is asked; its seconds are those that its answers took together",
        "joining is cheaper as soon as two meet: of people who come by chance it makes "
        "1 / (1 + rate x window) calls each, of a burst one for all; whoever waits is later by up to "
        "the window, also one whom nobody meets",
        "an unknown person costs a call of its own after the joint one, and so twice the time; one "
        "who fails may cost each of those joined one: it does not pay where most are unknown",
    ]
    return result


def add(result, name, middle):
    figures = {"calls": ("upstream calls of one person", ""),
               "upstream_s": ("upstream seconds of one person", "s"),
               "p50": ("p50", "ms"), "p99": ("p99", "ms"),
               "cpu_us": ("server's CPU for one person", "us")}
    base = middle["without"]
    for key, (figure, unit) in figures.items():
        for window, values in middle.items():
            ratio = None if window == "without" else values[key] / base[key]
            result.add(f"{name}, {window}: {figure}", values[key], unit, ratio,
                       "without" if ratio is not None else "")
