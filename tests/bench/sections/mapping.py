"""tests/bench/mapping, as a section."""

import json
import os
import subprocess

from suite.bench import ROOT
from suite.report import Result

NAME = "mapping"
TITLE = "mapping of JSON to wire bytes beside parsers"
DOCUMENTS = {"profile": "a profile of 10 KB", "events": "a page of events of 1 MB"}


def measure(bench):
    out = subprocess.run(
        [os.path.join(ROOT, "tests", "bench", "mapping"), "--json", "--rounds",
         str(min(5, bench.rounds)), bench.build],
        capture_output=True, text=True, check=True).stdout
    result = Result(NAME, TITLE)
    for name, row in json.loads(out).items():
        what = DOCUMENTS[name]
        result.add(f"{what}, mapped", row["mapping_us"], "us")
        result.add(f"{what}, parsed by jansson", row["jansson_us"], "us", row["jansson_ratio"],
                   "our mapping")
        result.add(f"{what}, parsed by Node", row["node_us"], "us", row["node_ratio"],
                   "our mapping")
        result.add(f"{what}, heap while mapping", row["peak_heap_bytes"] / 1024, "KiB",
                   row["heap_ratio"], "the body")
    return result
