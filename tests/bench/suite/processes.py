"""Programs that run for a while, each pinned to one core."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request

SERVER_CORE, LOAD_CORE = "0", "1"
MERGE_POLICY = "00000000-0000-4000-8000-00000000ad01"
TICKS = os.sysconf("SC_CLK_TCK")


def pinned(core, command):
    return ["taskset", "-c", core, *map(str, command)]


class Program:
    """A program that prints its address, or writes it to a file, when it is ready."""

    def __init__(self, command, core=SERVER_CORE, ready=None, env=None):
        self.log = tempfile.TemporaryFile("w+")
        self.popen = subprocess.Popen(
            pinned(core, command), stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, **(env or {})},
        )
        self.pid = self.popen.pid
        line = self._written_to(ready) if ready else self.popen.stdout.readline()
        match = re.search(r":?(\d+)\s*$", line)
        if match is None:
            self.stop()
            self.log.seek(0)
            raise SystemExit(f"did not start: {command[0]}\n{self.log.read()}")
        self.port = int(match.group(1))
        self.address = f"127.0.0.1:{self.port}"

    def _written_to(self, ready):
        end = time.monotonic() + 60
        while time.monotonic() < end and self.popen.poll() is None:
            if os.path.exists(ready):
                with open(ready, encoding="utf-8") as file:
                    return file.read()
            time.sleep(0.02)
        return ""

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="utf-8") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(30)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


class Sandbox(Program):
    """The upstream of a measurement. It shares a core with the load."""

    def __init__(self, binaries, *arguments):
        super().__init__([f"{binaries}/entity-sandbox", "--port", "0", "--demo", *arguments],
                         LOAD_CORE)
        self.url = f"http://{self.address}"

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def faults(self, operations):
        """Sets the delays and faults of all operations; {} is calm."""
        self._call("PUT", "/_sandbox/faults", {"operations": operations})

    def stats(self):
        return self._call("GET", "/_sandbox/stats")

    def forget_stats(self):
        self._call("DELETE", "/_sandbox/stats")


def start_server(binaries, upstream_url, *arguments, threads=1, core=SERVER_CORE):
    """A profile-contextd; `threads` is 1 since it has one core."""
    folder = tempfile.mkdtemp()
    ready = os.path.join(folder, "address")
    command = [
        f"{binaries}/profile-contextd", "--listen-address=127.0.0.1:0",
        f"--listen-ready-file={ready}", f"--listen-rpc-threads={threads}",
        f"--upstream-base-url={upstream_url}", f"--upstream-ims-url={upstream_url}",
        "--upstream-client-id=sandbox-client", "--upstream-org-id=SANDBOX@AdobeOrg",
        f"--upstream-merge-policy={MERGE_POLICY}", "--log-level=error", *arguments,
    ]
    server = Program(command, core, ready,
                     {"PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET": "sandbox-secret"})
    os.unlink(ready)
    os.rmdir(folder)
    return server
