"""What the cache takes of memory, at once and over an hour of churn."""

import json
import subprocess

from suite.bench import note
from suite.processes import pinned
from suite.report import Result

NAME = "memory"
TITLE = "memory of the cache"
MIB = 1 << 20
CACHE_BYTES = 256 * MIB
THREADS = 2
SETTLED = 10  # minutes, by which the cache is full


def lines(bench, *command):
    out = subprocess.run(pinned("0,1", [bench.program("bench_cache_memory"), *command]),
                         capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def contexts(bench, result):
    [run] = lines(bench, "contexts", 100_000 if bench.quick else 1_000_000)
    count = run["contexts"]
    wire = run["wire"] / count
    note(f"  {count} contexts of {wire:.0f} bytes: {run['resident'] / MIB:.0f} MiB resident")
    for key, what in (("charged", "charged"), ("heap", "of the heap"), ("resident", "resident")):
        result.add(f"a cached context beside its {wire:.0f} wire bytes, {what}",
                   run[key] / count - wire, "bytes", most=200)


def churn(bench, result):
    requests = 720_000 if bench.quick else 7_200_000
    size = CACHE_BYTES // (10 if bench.quick else 1)
    minutes = lines(bench, "churn", requests, THREADS, size)
    start, end = minutes[SETTLED - 1], minutes[-1]
    note(f"  churn: {end['evicted']} evicted, hits {end['hits']:.1%}")
    for key, what in (("heap", "heap"), ("resident", "resident")):
        most = max(minute[key] for minute in minutes[SETTLED - 1:])
        result.add(f"an hour of churn, {what} at its highest", most / MIB, "MiB",
                   most / start[key], f"{start[key] / MIB:.0f} MiB after {SETTLED} minutes",
                   most=1.05)
    result.add("an hour of churn, charged at its end", end["charged"] / MIB, "MiB",
               end["charged"] / size, f"the {size // MIB} MiB allowed", most=1.0)
    result.notes.append(
        f"the churn is {requests:,} requests by {THREADS} threads for 1,000,000 customers by "
        f"Zipf's law, data being fresh for five minutes: {end['evicted']:,} evictions; its heap "
        "holds 8 MiB that are the benchmark's own")


def measure(bench):
    result = Result(NAME, TITLE)
    contexts(bench, result)
    churn(bench, result)
    return result
