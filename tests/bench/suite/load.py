"""Closed-loop load by h2load: a fixed number of requests in flight, as fast as they are answered."""

import re
import subprocess

from suite.messages import SERVICE
from suite.processes import LOAD_CORE, pinned

FRAME_BYTES = 5


def h2load(server, method, body, requests, clients=8, streams=64):
    """Sends the bytes of a file so many times. Gives the rate, the server's CPU time of a request,
    its share of a core, and the bytes of an answer message."""
    before = server.cpu_seconds()
    out = subprocess.run(
        pinned(LOAD_CORE, [
            "h2load", "-n", requests, "-c", clients, "-m", streams, "-t", 1, "-d", body,
            "-H", "content-type: application/grpc", "-H", "te: trailers",
            f"http://{server.address}{SERVICE}{method}",
        ]),
        capture_output=True, text=True, check=True,
    ).stdout
    used = server.cpu_seconds() - before
    rate = float(re.search(r"finished in .*?, ([\d.]+) req/s", out).group(1))
    done = int(re.search(r"status codes: (\d+) 2xx", out).group(1))
    data = int(re.search(r"\((\d+)\) data", out).group(1))
    if done != requests:
        raise SystemExit(f"only {done} of {requests} requests were answered:\n{out}")
    return {"rate": rate, "cpu_us": used / requests * 1e6, "busy": used * rate / requests,
            "bytes": data / requests - FRAME_BYTES}
