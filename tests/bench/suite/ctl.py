"""Load by profilectl bench: many persons, schedules, deadlines, latencies."""

import json
import subprocess
import time

from suite.processes import LOAD_CORE, pinned


def bench(binaries, server, *arguments, gives_way=False):
    """Its result, with the share of its core that it used beside waiting for the clock. Calls that
    fail are for the caller to judge. Who `gives_way` lets others on its core go first, since it
    takes all of it for watching the clock."""
    first = ["nice", "-n", "19"] if gives_way else []
    run = subprocess.run(
        pinned(LOAD_CORE, [*first, f"{binaries}/profilectl", "--server", server.address, "bench", "--json",
                           *arguments]),
        capture_output=True, text=True, check=False)
    try:
        result = json.loads(run.stdout)
    except json.JSONDecodeError:
        raise SystemExit(f"profilectl bench {' '.join(map(str, arguments))}:\n{run.stderr}") from None
    result["client_busy"] = (result["client_cpu_s"] - result["client_spin_s"]) / result["seconds"]
    return result


def persons(count, first=1, template="email:customer%d@example.net"):
    return ["--id-template", template, "--id-from", first, "--id-count", count]


class Shares:
    """The shares of a core that programs use in a stretch of time."""

    def __init__(self, **programs):
        self._programs = programs
        self._begin = time.monotonic()
        self._before = {name: program.cpu_seconds() for name, program in programs.items()}

    def end(self):
        took = time.monotonic() - self._begin
        return {name: (program.cpu_seconds() - self._before[name]) / took
                for name, program in self._programs.items()}
