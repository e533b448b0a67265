"""An HTTP/2 front with TLS for an upstream that has neither, as the real one's gateway is."""

import os
import socket
import subprocess
import tempfile
import time

from suite.processes import LOAD_CORE, Program, pinned


def _certificate(folder):
    paths = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", paths[0], "-out", paths[1]],
        check=True, capture_output=True)
    return paths


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class TlsFront:
    """nghttpx before a port; its certificate is its own authority."""

    def __init__(self, port, streams):
        self.folder = tempfile.TemporaryDirectory()
        key, self.ca_file = _certificate(self.folder.name)
        self.port = _free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.log = tempfile.TemporaryFile("w+")
        # /dev/null: not the machine's own configuration.
        self.popen = subprocess.Popen(
            pinned(LOAD_CORE, [
                "nghttpx", "--conf=/dev/null", f"--frontend=127.0.0.1,{self.port}",
                f"--backend=127.0.0.1,{port}", "--workers=1", "--accesslog-file=/dev/null",
                f"--frontend-http2-max-concurrent-streams={streams}", key, self.ca_file]),
            stdout=self.log, stderr=self.log)
        self._wait()

    def _wait(self):
        end = time.monotonic() + 10
        while time.monotonic() < end and self.popen.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.log.seek(0)
        raise SystemExit(f"nghttpx did not start:\n{self.log.read()}")

    def connections(self):
        """How many are established to it."""
        count = 0
        with open("/proc/net/tcp", encoding="utf-8") as file:
            for line in file.readlines()[1:]:
                fields = line.split()
                count += fields[3] == "01" and int(fields[2].split(":")[1], 16) == self.port
        return count

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        Program.stop(self)
        self.folder.cleanup()
