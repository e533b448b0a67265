"""What every section is given: where things are, how much to do, and how to say what happens."""

import os
import statistics
import subprocess
import sys

from suite.messages import Messages

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PEERS = os.path.join(ROOT, "tests", "bench", "peers")


def note(text):
    print(text, file=sys.stderr, flush=True)


def middle(runs, key):
    return statistics.median(run[key] for run in runs)


def in_turns(names, rounds):
    """Each name once a round; each goes first in its turn, so that what else the machine does, and
    what the one before leaves behind, hits all."""
    for turn in range(rounds):
        at = turn % len(names)
        yield from names[at:] + names[:at]


class Bench:
    def __init__(self, build, rounds, quick):
        self.build = os.path.abspath(build)
        self.binaries = os.path.join(self.build, "bin")
        self.work = os.path.join(self.build, "bench")
        self.rounds = rounds
        self.quick = quick
        os.makedirs(self.work, exist_ok=True)
        self.messages = Messages(self.build)
        self.measured = {}  # what a section leaves for later ones

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, data):
        """Writes a file unless it is so already, which would only make others rebuild."""
        path = self.path(name)
        data = data if isinstance(data, bytes) else data.encode()
        if not os.path.exists(path) or open(path, "rb").read() != data:
            with open(path, "wb") as file:
                file.write(data)
        return path

    def program(self, name):
        return os.path.join(self.binaries, name)

    def compile(self, *targets):
        """Builds programs that are not built with the rest."""
        log = self.path("build.log")
        with open(log, "w", encoding="utf-8") as file:
            for command in (["cmake", self.build, "-DPC_BENCH_PEERS=ON"],
                            ["cmake", "--build", self.build, "--target", *targets]):
                if subprocess.run(command, stdout=file, stderr=file, check=False).returncode != 0:
                    raise SystemExit(f"the build failed; see {log}")
