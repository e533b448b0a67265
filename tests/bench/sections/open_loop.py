"""Latency of hits under a schedule, alone and amid misses."""

from suite import ctl
from suite.bench import note
from suite.processes import Sandbox, start_server
from suite.report import Result

NAME = "open"
TITLE = "latency of hits in an open loop, alone and with 5% of misses"
SHARE = 0.7  # of the rate of section hit
PERSONS = 1000
MISS_PERCENT = 5
DELAY = "500+-100"
QUESTION = ["--method", "context", "--mask", "profile,events,segment_memberships",
            "--event-limit", 5]
TARGETS = {"p50": 0.3, "p99": 2.0, "p99_9": 5.0}  # ms
# When the rate is more than the set-up can send or the server's core can take, the next is tried.
STEPS = 1.0, 0.7, 0.5, 0.35, 0.2, 0.1
TRIES = 2


def carried(run):
    """Whether the load kept to its schedule: else it measures itself."""
    return (run["dropped"] == 0 and run["rate"] >= 0.99 * run["rate_asked"]
            and run["client_busy"] <= 0.9 and run["start_lag_ms"]["p99"] <= TARGETS["p50"])


def times(bench):
    """Seconds of a measurement, and of warming up before it."""
    return (4, 1) if bench.quick else (10, 2)


class Setup:
    def __init__(self, bench, sandbox, server):
        self.bench, self.sandbox, self.server = bench, sandbox, server
        self.next_miss = PERSONS + 1

    def warm(self):
        ctl.bench(self.bench.binaries, self.server, *QUESTION, *ctl.persons(PERSONS),
                  "--requests", 2 * PERSONS, "--in-flight", 200)

    def run(self, rate, misses):
        seconds, warm_up = times(self.bench)
        more = []
        if misses:
            more = ["--miss-percent", MISS_PERCENT, "--miss-template",
                    "email:customer%d@example.net", "--miss-from", self.next_miss]
            self.next_miss += int(rate * (seconds + warm_up) * MISS_PERCENT / 100) + 1
        shares = ctl.Shares(server=self.server, sandbox=self.sandbox)
        run = ctl.bench(self.bench.binaries, self.server, *QUESTION, *ctl.persons(PERSONS),
                        "--rate", int(rate), "--duration", f"{seconds}s", "--warmup",
                        f"{warm_up}s", *more)
        run["shares"] = shares.end()
        run["answers"] = run["hits"] if misses else run["latency_ms"]
        return run


def measure_at(setup, most, misses):
    """At the highest rate that is carried; each has two tries."""
    for step in (step for step in STEPS for _ in range(TRIES)):
        setup.warm()
        run = setup.run(most * step, misses)
        note(f"  {run['rate_asked']:.0f}/s asked, {run['rate']:.0f}/s, p50 "
             f"{run['answers']['p50']:.2f} ms, p99 {run['answers']['p99']:.2f} ms, p99.9 "
             f"{run['answers']['p99_9']:.2f} ms; started late p99 "
             f"{run['start_lag_ms']['p99']:.2f} ms; " + describe(run))
        if carried(run):
            break
    return run


def describe(run):
    return (f"server {run['shares']['server']:.0%} of core 0; of core 1 the load "
            f"{run['client_busy']:.0%}; the upstream {run['shares']['sandbox']:.0%} of either")


def measure(bench):
    result = Result(NAME, TITLE)
    hit_rate = bench.measured.get("hit_rate", 50_000)
    most = SHARE * hit_rate
    # Enough to miss, should every step be needed.
    generated = PERSONS + int(
        TRIES * sum(STEPS) * most * sum(times(bench)) * MISS_PERCENT / 100) + 100
    note(f"  making {generated} customers")
    with Sandbox(bench.binaries, "--generate", generated, "--delay", DELAY,
                 leftovers=True) as sandbox, \
            start_server(bench.binaries, sandbox.url, "--upstream-max-connections=1000",
                         "--upstream-max-in-flight=5000", "--budget-max-concurrent=5000") as server:
        setup = Setup(bench, sandbox, server)
        for misses, what in ((False, "hits alone"), (True, f"hits amid {MISS_PERCENT}% misses")):
            run = measure_at(setup, most, misses)
            at = f"{what} at {run['rate_asked']:,.0f}/s"
            if not carried(run):
                at += " (not carried)"
            for key, limit in TARGETS.items():
                result.add(f"{at}: {key.replace('_', '.')}", run["answers"][key], "ms", most=limit)
            failed = sum(count for code, count in run["codes"].items() if code != "OK")
            result.add(f"{at}: failed", failed, "", most=0)
            result.add(f"{what}: rate carried", run["rate"], "requests/s",
                       run["rate_asked"] / hit_rate, "the hit rate")
            if misses:
                result.add(f"{at}: the misses' p50", run["misses"]["p50"], "ms")
            result.notes.append(f"{at}: {describe(run)}")
            result.chart(f"Latency of {at}", "ms", {
                key: run["answers"][key] for key in ("p50", "p90", "p99", "p99_9", "max")})
    result.notes.append(
        f"asked is {SHARE:.0%} of the rate of section hit ({hit_rate:,.0f}/s), and less where the "
        "load cannot keep its schedule or the server's core is full; the upstream has only what "
        "both leave over of the two cores; "
        "latency counts from the moment at which a call was due")
    return result
