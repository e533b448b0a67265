"""Latency of hits under a schedule, alone and amid misses."""

from suite import ctl, messages
from suite.bench import note
from suite.load import steady
from suite.processes import start_server
from suite.recorded import NUMBER, SlowUpstream, address_of
from suite.report import Result

NAME = "open"
TITLE = "latency of hits in an open loop, alone and with 5% of misses"
SHARE = 0.7  # of the rate of section hit
METHOD = "GetContext"
PERSONS = 1000
MISS_PERCENT = 5
DELAY_MS, SPREAD_MS = 500, 100
BYTES = (1900, 2200)
QUESTION = {"paths": ["profile", "segment_memberships"]}
JOIN_WINDOW = "5ms"  # misses that come within it are one upstream call
TARGETS = {"p50": 0.3, "p99": 2.0, "p99_9": 5.0}  # ms
# When the rate is more than the server's core can take, the next is tried.
STEPS = 1.0, 0.7, 0.5, 0.35, 0.25, 0.15
TRIES = 3
WARM_RATE = 1000
CONNECTIONS = 16
VARIES_BYTES = 64  # between answers: ages and times


def good(run):
    return all(run["hits"][key] <= limit for key, limit in TARGETS.items())


def late(run):
    """Whether the load was itself late: it measures itself then."""
    return run["client_busy"] > 0.9 or run["start_lag"]["p99"] > TARGETS["p50"]


class Setup:
    def __init__(self, bench, upstream, server):
        self.bench, self.upstream, self.server = bench, upstream, server
        self.next_new = PERSONS + 1
        whole = messages.call(server.address, METHOD, self.request("0000001"))
        if not BYTES[0] <= len(whole) <= BYTES[1]:
            raise SystemExit(f"an answer has {len(whole)} bytes, not about 2 KB")
        self.least_bytes = len(whole) - VARIES_BYTES

    def request(self, number):
        return self.bench.messages.context_request("Email", address_of(number), **QUESTION)

    def _load(self, body, rate, warm_up_s, measured_s, miss_percent, first_new):
        return steady(self.bench.binaries, self.server, METHOD, body, self.least_bytes, CONNECTIONS,
                      rate, warm_up_s, measured_s, PERSONS, miss_percent, first_new)

    def run(self, rate, miss_percent):
        """After all known persons were asked for, which keeps them fresh."""
        measured_s, warm_up_s = (4, 1) if self.bench.quick else (10, 2)
        with messages.framed_file(self.request(NUMBER)) as body:
            self._load(body, WARM_RATE, 0, PERSONS / WARM_RATE, 0, 1)
            shares = ctl.Shares(server=self.server, upstream=self.upstream)
            run = self._load(body, rate, warm_up_s, measured_s, miss_percent, self.next_new)
            run["shares"] = shares.end()
        self.next_new += int(rate * (measured_s + warm_up_s) * miss_percent / 100) + 1
        run["asked"] = rate
        return run


def measure_at(setup, most, miss_percent):
    """At the highest rate at which the targets are met, else the last that was tried; each has
    some tries, since the machine has other things to do at times."""
    for rate in (int(most * step) for step in STEPS for _ in range(TRIES)):
        run = setup.run(rate, miss_percent)
        hits = run["hits"]
        note(f"  {rate}/s asked, {run['rate']:.0f}/s, p50 {hits['p50']:.2f} ms, p99 "
             f"{hits['p99']:.2f} ms, p99.9 {hits['p99_9']:.2f} ms; started late p99 "
             f"{run['start_lag']['p99']:.2f} ms; {describe(run)}")
        if good(run) and not late(run):
            break
    return run


def describe(run):
    return (f"server {run['shares']['server']:.0%} of core 0; of core 1 the load "
            f"{run['client_busy']:.0%} and the upstream {run['shares']['upstream']:.0%}")


def measure(bench):
    result = Result(NAME, TITLE)
    hit_rate = bench.measured.get("hit_rate", 80_000)
    with SlowUpstream(bench, DELAY_MS, SPREAD_MS) as upstream, \
            start_server(bench.binaries, upstream.url, "--upstream-max-connections=5000",
                         "--upstream-max-in-flight=10000", "--budget-max-concurrent=10000",
                         f"--upstream-join-window={JOIN_WINDOW}") as server:
        setup = Setup(bench, upstream, server)
        for miss_percent, what in ((0, "hits alone"),
                                   (MISS_PERCENT, f"hits amid {MISS_PERCENT}% misses")):
            run = measure_at(setup, SHARE * hit_rate, miss_percent)
            at = f"{what} at {run['asked']:,}/s"
            for key, limit in TARGETS.items():
                result.add(f"{at}: {key.replace('_', '.')}", run["hits"][key], "ms", most=limit)
            result.add(f"{at}: failed", run["failed"], "", most=0)
            result.add(f"{what}: rate", run["rate"], "requests/s", run["rate"] / hit_rate,
                       "the hit rate", least=0.99 * SHARE)
            if miss_percent:
                result.add(f"{at}: the misses' p50", run["misses"]["p50"], "ms")
            result.notes.append(f"{at}: {describe(run)}")
            result.chart(f"Latency of {at}", "ms", {
                key: run["hits"][key] for key in ("p50", "p90", "p99", "p99_9", "max")})
    result.notes.append(
        f"wanted are {SHARE:.0%} of the rate of section hit ({hit_rate:,.0f}/s); where the targets "
        "are missed at that, less is asked for; latency counts from the moment at which a call was "
        "due")
    return result
