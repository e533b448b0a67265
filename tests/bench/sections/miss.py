"""What a miss takes beside what the upstream takes."""

from suite import ctl
from suite.bench import middle, note
from suite.processes import Sandbox, start_server
from suite.report import Result
from suite.upstream import profile_times_ms

NAME = "miss"
TITLE = "misses, 500 calls in flight"
RATE = 500
IN_FLIGHT = 500
DELAY_MS = 1000 * IN_FLIGHT // RATE
FEW_MS = 20  # of delay: then ten are in flight
PERSONS = 10_000
SHARES = {"p50": 0.5, "p99": 0.99}


def at(times, share):
    return times[min(len(times) - 1, int(share * len(times)))]


def through(bench, server, seconds):
    """GetProfile of ever other persons; with the CPU time that one takes the server."""
    shares = ctl.Shares(server=server)
    run = ctl.bench(bench.binaries, server, "--method", "profile", *ctl.persons(PERSONS),
                    "--rate", RATE, "--duration", f"{seconds}s", "--warmup", "2s", gives_way=True)
    figures = {name: run["latency_ms"][name] for name in SHARES}
    return {**figures, "cpu_us": shares.end()["server"] / RATE * 1e6,
            "failed": run["requests"] - run["codes"].get("OK", 0)}


def measure(bench):
    result = Result(NAME, TITLE)
    rounds, seconds = (1, 5) if bench.quick else (min(3, bench.rounds), 8)
    direct, ours = [], []
    with Sandbox(bench.binaries, "--generate", PERSONS) as sandbox, \
            start_server(bench.binaries, sandbox.url, "--cache-max-bytes=0",
                         f"--upstream-max-connections={2 * IN_FLIGHT}",
                         f"--budget-max-concurrent={2 * IN_FLIGHT}") as server:
        sandbox.faults({"*": {"delayMs": FEW_MS}})
        few = through(bench, server, seconds)
        sandbox.faults({"*": {"delayMs": DELAY_MS}})
        for _ in range(rounds):
            times = profile_times_ms(sandbox, IN_FLIGHT, seconds * RATE // IN_FLIGHT, DELAY_MS)
            direct.append({name: at(times, share) for name, share in SHARES.items()})
            ours.append(through(bench, server, seconds))
            note(f"  the upstream by itself {direct[-1]}, through the server {ours[-1]}")
        most = sandbox.stats()["mostInFlight"]
    for name in SHARES:
        result.add(f"own time, {name}", middle(ours, name) - middle(direct, name), "ms",
                   middle(ours, name) / middle(direct, name),
                   f"the upstream's {middle(direct, name):,.1f} ms")
    result.add(f"CPU of a miss, {IN_FLIGHT} in flight", middle(ours, "cpu_us"), "us",
               middle(ours, "cpu_us") / few["cpu_us"], f"that with {RATE * FEW_MS // 1000}")
    result.add("failed", sum(run["failed"] for run in (few, *ours)), "", most=0)
    result.notes.append(
        f"GetProfile without a cache at {RATE}/s, the upstream taking {DELAY_MS} ms: {most} calls "
        f"in flight there at most; by itself it is asked by h2load on {IN_FLIGHT} connections, "
        f"begun evenly over {DELAY_MS} ms")
    return result
