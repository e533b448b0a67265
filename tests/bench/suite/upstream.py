"""The upstream by itself, asked as the server asks it."""

import json
import os
import tempfile
import subprocess
import urllib.parse
import urllib.request

from suite.processes import LOAD_CORE, MERGE_POLICY, pinned


def _token(sandbox):
    form = urllib.parse.urlencode({"grant_type": "client_credentials",
                                   "client_id": "sandbox-client",
                                   "client_secret": "sandbox-secret"}).encode()
    with urllib.request.urlopen(sandbox.url + "/ims/token/v3", form, timeout=10) as answer:
        return json.load(answer)["access_token"]


def profile_times_ms(sandbox, connections, rounds, spread_ms):
    """How long each look-up of a profile took, each connection asking `rounds` times, one after
    the other; they begin spread evenly over a time. The first of each, which connects, is left
    out."""
    query = urllib.parse.urlencode({
        "schema.name": "_xdm.context.profile", "entityId": "customer1@example.net",
        "entityIdNS": "email", "mergePolicyId": MERGE_POLICY})
    headers = [f"authorization: Bearer {_token(sandbox)}", "x-api-key: sandbox-client",
               "x-gw-ims-org-id: SANDBOX@AdobeOrg", "x-sandbox-name: prod",
               "accept: application/json", "accept-encoding: gzip"]
    folder = tempfile.mkdtemp()
    log = os.path.join(folder, "times")
    period_ms = 10
    out = subprocess.run(
        pinned(LOAD_CORE, [
            "h2load", "--h1", "-n", connections * rounds, "-c", connections,
            "-r", max(1, connections * period_ms // spread_ms), f"--rate-period={period_ms}ms",
            f"--log-file={log}", *(part for header in headers for part in ("-H", header)),
            f"{sandbox.url}/data/core/ups/access/entities?{query}"]),
        capture_output=True, text=True, check=True).stdout
    with open(log, encoding="utf-8") as file:
        lines = sorted(tuple(map(int, line.split())) for line in file)
    os.unlink(log)
    os.rmdir(folder)
    if len(lines) != connections * rounds or any(status != 200 for _, status, _ in lines):
        raise SystemExit(f"the upstream by itself did not answer as it should:\n{out}")
    return sorted(took / 1000 for _, _, took in lines[connections:])
