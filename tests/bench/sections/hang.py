"""Calls with a short deadline while the upstream hangs."""

import time

from suite import ctl
from suite.bench import note
from suite.processes import Sandbox, start_server
from suite.report import Result

NAME = "hang"
TITLE = "calls with a deadline of 50 ms while the upstream hangs"
DEADLINE_MS = 50
FRESH_MS = 500
WHOLE = 400    # whose profile and events are remembered
PARTIAL = 100  # whose profile is
IN_FLIGHT = 100
STATUSES = "STALE", "LATE"


def measure(bench):
    result = Result(NAME, TITLE)
    fresh = [f"--cache-{part}-fresh={FRESH_MS}ms"
             for part in ("profile", "events", "segments", "identities", "insights")]
    with Sandbox(bench.binaries, "--generate", WHOLE + PARTIAL) as sandbox, \
            start_server(bench.binaries, sandbox.url, "--cache-revalidate=0s", *fresh) as server:
        def ask(method, who, *arguments):
            return ctl.bench(bench.binaries, server, "--method", method, *who, *arguments)

        ask("context", ctl.persons(WHOLE), "--requests", WHOLE)
        ask("profile", ctl.persons(PARTIAL, WHOLE + 1), "--requests", PARTIAL)
        time.sleep(2 * FRESH_MS / 1000)
        sandbox.faults({"*": {"hangRate": 1.0}})
        for what, who in (("all remembered, but old", ctl.persons(WHOLE)),
                          ("an old profile, no events", ctl.persons(PARTIAL, WHOLE + 1))):
            run = ask("context", who, "--deadline", f"{DEADLINE_MS}ms", "--in-flight", IN_FLIGHT,
                      "--duration", "3s" if bench.quick else "10s", "--warmup", "1s",
                      "--check", "all")
            ok = run["codes"].get("OK", 0)
            note(f"  {what}: {run['codes']}, {run['sections']}, p99.9 "
                 f"{run['latency_ms']['p99_9']:.1f} ms")
            result.add(f"{what}: answered inside the deadline", 100 * ok / run["requests"], "%",
                       least=99.9)
            result.add(f"{what}: p99.9", run["latency_ms"]["p99_9"], "ms", most=DEADLINE_MS)
            result.notes.append(f"{what}: {run['requests']:,} calls, {IN_FLIGHT} in flight: "
                                f"{run['codes']}; sections {run['sections']}")
    return result
