"""nginx with the configuration that deploy/nginx ships, before a server of the harness."""

import os
import re
import shutil
import socket
import subprocess
import tempfile

from harness import wait_until

CONFIGURATION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "nginx",
                             "profile-context.conf")
AROUND = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {inner}
}}
"""


def program():
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Front:
    """With `tls`, a pair of paths, as it is shipped; without, in plain HTTP/2 for the prober."""

    def __init__(self, server_address, tls=None, per_peer=None):
        self.folder = tempfile.mkdtemp()
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        with open(CONFIGURATION) as file:
            text = file.read()
        changes = [("server 127.0.0.1:50051;", f"server {server_address};"),
                   ("listen 50443 ssl http2", f"listen 127.0.0.1:{port} {'ssl ' if tls else ''}http2"),
                   ("/etc/profile-context/front.crt", tls[0] if tls else "unused"),
                   ("/etc/profile-context/front.key", tls[1] if tls else "unused")]
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        if not tls:
            text = re.sub(r"^    ssl_.*$", "", text, flags=re.MULTILINE)
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as file:
            file.write(AROUND.format(folder=self.folder, inner=text))
        self.popen = subprocess.Popen([program(), "-c", path, "-e", self.folder + "/error.log"],
                                      stderr=subprocess.PIPE, text=True)
        wait_until(self.serves, 10, "nginx to serve")

    def serves(self):
        if self.popen.poll() is not None:
            raise AssertionError(self.popen.stderr.read())
        try:
            socket.create_connection(self.address.split(":"), timeout=1).close()
            return True
        except OSError:
            return False

    def close(self):
        self.popen.terminate()
        self.popen.wait(20)
        self.popen.stderr.close()
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
