"""The cache and a plain LRU of the same bytes, over a day of Zipf's law."""

import json
import subprocess

from suite.bench import note
from suite.report import Result

NAME = "zipf"
TITLE = "the cache beside a plain LRU of the same bytes, over a day of Zipf's law"
SKEW = 1.0
TRACES = {"day": "a day", "scan": "while a batch job reads everybody"}
FIGURES = {"given": "answered at once", "found": "anything remembered",
           "calls_saved": "upstream calls saved"}


def measure(bench):
    requests, customers = (1_000_000, 100_000) if bench.quick else (10_000_000, 1_000_000)
    programs = [subprocess.Popen([bench.program("bench_cache_hits"), trace, str(requests),
                                  str(customers), str(SKEW)], stdout=subprocess.PIPE, text=True)
                for trace in TRACES]
    lines = {}
    for program in programs:
        for line in program.communicate()[0].splitlines():
            run = json.loads(line)
            lines[run["trace"], run["percent"], run["policy"]] = run
            note(f"  {run['trace']}, {run['percent']}%, {run['policy']}: "
                 + ", ".join(f"{FIGURES[key]} {run[key]:.1%}" for key in FIGURES))
        if program.returncode != 0:
            raise SystemExit("bench_cache_hits failed")
    result = Result(NAME, TITLE)
    bars = {}
    for trace, words in TRACES.items():
        for key, figure in FIGURES.items():
            for percent in sorted({p for t, p, _ in lines if t == trace}):
                ours, lru = lines[trace, percent, "ours"][key], lines[trace, percent, "lru"][key]
                # What counts as fresh is in short supply, whatever is remembered.
                result.add(f"{words}, cache of {percent}%: {figure}", 100 * ours, "%", ours / lru,
                           f"LRU's {100 * lru:.1f}%", **({"least": 1.0} if key == "found" else {}))
                if key == "found":
                    bars[f"{words}, {percent}%"] = 100 * ours
                    bars[f"{words}, {percent}%, LRU"] = 100 * lru
    result.chart("Requests for whom anything is remembered", "%", bars)
    result.notes.append(
        f"{requests:,} requests for {customers:,} customers in 24 hours, skew {SKEW}, the server's "
        "default rules of freshness for both; sizes are of what all customers would take")
    return result
