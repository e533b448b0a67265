"""tests/bench/mapping, as a section."""

import json
import os
import subprocess

from suite.bench import ROOT
from suite.report import Result

NAME = "mapping"
TITLE = "making an answer's JSON into sections beside parsers"
DOCUMENTS = {"profile": "a profile of 10 KB", "events": "a page of events of 1 MB"}
WAYS = {"part": "made into sections", "mapping": "mapped only"}


def measure(bench):
    out = subprocess.run(
        [os.path.join(ROOT, "tests", "bench", "mapping"), "--json", "--rounds",
         str(min(5, bench.rounds)), bench.build],
        capture_output=True, text=True, check=True).stdout
    result = Result(NAME, TITLE)
    for name, row in json.loads(out).items():
        what = DOCUMENTS[name]
        for way, how in WAYS.items():
            result.add(f"{what}, {how}", row[f"{way}_us"], "us")
            result.add(f"{what}, parsed by jansson", row["jansson_us"], "us",
                       row[f"{way}_jansson_ratio"], how, least=4)
            result.add(f"{what}, parsed by Node", row["node_us"], "us", row[f"{way}_node_ratio"],
                       how, least=1)
            result.add(f"{what}, heap while {how}", row[f"{way}_heap_bytes"] / 1024, "KiB",
                       row[f"{way}_heap_ratio"], "the body", most=2)
    return result
