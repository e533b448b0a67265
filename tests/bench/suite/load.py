"""Load on a method. flood and h2load are closed loops: a fixed number of requests in flight, as fast
as they are answered. Each gives the rate, the server's CPU time of a request, its share of a core,
and the bytes of an answer message. steady is an open loop, and gives latencies."""

import json
import re
import subprocess

from suite.messages import SERVICE
from suite.processes import LOAD_CORE, pinned

FRAME_BYTES = 5


def _run(server, command, requests, read):
    """Runs a load; `read` gives the rate and the bytes of all answers from what it prints."""
    before = server.cpu_seconds()
    run = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, check=False)
    if run.returncode != 0:
        state = "ended" if server.popen.poll() is not None else "runs"
        raise SystemExit(f"{command[0]} failed ({server.popen.args[3]} {state}):\n"
                         f"{run.stdout}{run.stderr}")
    used = server.cpu_seconds() - before
    rate, data = read(run.stdout)
    return {"rate": rate, "cpu_us": used / requests * 1e6, "busy": used * rate / requests,
            "bytes": data / requests - FRAME_BYTES}


def h2load(server, method, body, requests, clients=8, streams=64):
    """By the tool that everybody has. It costs more than most servers do, and so hides how much
    faster a server could be."""
    def read(out):
        done = int(re.search(r"status codes: (\d+) 2xx", out).group(1))
        if done != requests:
            raise SystemExit(f"only {done} of {requests} requests were answered:\n{out}")
        return (float(re.search(r"finished in .*?, ([\d.]+) req/s", out).group(1)),
                int(re.search(r"\((\d+)\) data", out).group(1)))

    return _run(server, [
        "h2load", "-n", requests, "-c", clients, "-m", streams, "-t", 1, "-d", body,
        "-H", "content-type: application/grpc", "-H", "te: trailers",
        f"http://{server.address}{SERVICE}{method}",
    ], requests, read)


def flood(binaries, server, method, body, requests, clients=8, streams=64):
    """By tests/bench/flood.c, which costs little: the server's core is what is scarce."""
    def read(out):
        run = json.loads(out)
        return requests / run["seconds"], run["bytes"]

    return _run(server, [f"{binaries}/flood", server.port, SERVICE + method, body, requests,
                         clients, streams], requests, read)


def steady(binaries, server, method, body, *arguments):
    """By tests/bench/steady.c: open loop, on a schedule. Its result as it prints it."""
    command = [f"{binaries}/steady", server.port, SERVICE + method, body, *arguments]
    run = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise SystemExit(f"steady failed:\n{run.stdout}{run.stderr}")
    return json.loads(run.stdout)
