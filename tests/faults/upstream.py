"""Upstreams that say what a test tells them, byte by byte: over HTTP/1.1 in plain, and over HTTP/2 with
TLS. Both give a token to who asks for one; everything else is the test's."""

import json
import os
import socket
import ssl
import struct
import subprocess
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions

TOKEN = json.dumps({"access_token": "t1", "token_type": "bearer", "expires_in": 86399}).encode()
PROFILE = json.dumps({"X1": {
    "entityId": "X1", "sources": ["s"], "lastModifiedAt": "2024-01-01T00:00:00Z",
    "entity": {"person": {"name": {"firstName": "Ada"}}}}}).encode()


def http(status, body, *headers):
    """A whole HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json",
             f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Listener:
    """Accepts on a free port, a thread for each connection."""

    def __init__(self, port=0, host="127.0.0.1"):
        self.socket = socket.create_server((host, port), backlog=256)
        self.port = self.socket.getsockname()[1]
        self.lock = threading.Lock()  # guards: requests, open
        self.requests = []
        self.open = set()
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._run, args=[connection], daemon=True).start()

    def _run(self, connection):
        with self.lock:
            self.open.add(connection)
        try:
            self.serve(connection)
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            pass
        finally:
            with self.lock:
                self.open.discard(connection)
            connection.close()

    def note(self, request):
        with self.lock:
            self.requests.append(request)

    def count(self, path):
        with self.lock:
            return sum(path in request for request in self.requests)

    def close(self):
        """May come twice."""
        try:
            # A thread that sleeps in accept is not woken by close alone.
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Plain(_Listener):
    """Over HTTP/1.1. `answer(path, number)` gives the bytes of an answer, or an iterator of pieces, or
    None to close; `number` counts the requests that are not for tokens, from 0."""

    def __init__(self, answer, token=None, **options):
        self.answer = answer
        self.token = token
        self.number = 0
        super().__init__(**options)
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self, connection):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            head, data = data.split(b"\r\n\r\n", 1)
            size = 0
            for line in head.split(b"\r\n")[1:]:
                name, value = line.split(b":", 1)
                if name.lower() == b"content-length":
                    size = int(value)
            while len(data) < size:
                data += connection.recv(65536)
            body, data = data[:size], data[size:]
            path = head.split(b" ")[1].decode()
            self.note(path)
            answer = self._choose(path, body)
            if answer is None:
                return
            for piece in [answer] if isinstance(answer, bytes) else answer:
                connection.sendall(piece)

    def _choose(self, path, body):
        if "/ims/token" in path:
            return self.token(body) if self.token else http(200, TOKEN)
        with self.lock:
            number = self.number
            self.number += 1
        return self.answer(path, number)


class Certificates:
    """An authority and what it has signed, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.authority("ca")

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                     "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj",
                     f"/CN={name}", "-days", "2")

    def sign(self, name, names="DNS:localhost,IP:127.0.0.1", days=2, authority="ca"):
        """A certificate `name`; with negative days it ended before it began to be used."""
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        with open(self.path("names"), "w") as file:
            file.write(f"subjectAltName={names}\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey",
                     f"{authority}.key", "-CAcreateserial", "-out", f"{name}.crt", "-days",
                     str(days), "-extfile", "names")

    def context(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(f"{name}.crt"), self.path(f"{name}.key"))
        context.set_alpn_protocols(["h2"])
        return context


class Stream:
    """One request over HTTP/2; what it is answered is up to the test."""

    def __init__(self, h2_connection, send, number, identifier, path):
        self.connection = h2_connection
        self.send = send  # flushes
        self.number = number
        self.id = identifier
        self.path = path

    def reply(self, status=200, body=PROFILE, end=True):
        self.connection.send_headers(self.id, [
            (":status", str(status)), ("content-type", "application/json")])
        # A test's bodies are smaller than any window.
        self.connection.send_data(self.id, body, end_stream=end)
        self.send()

    def reset(self, code):
        self.connection.reset_stream(self.id, error_code=code)
        self.send()

    def go_away(self, last, code=0):
        self.connection.close_connection(error_code=code, last_stream_id=last)
        self.send()


class Http2(_Listener):
    """Over TLS and HTTP/2. `answer(stream)` answers each request that is not for a token; returning
    False closes the connection."""

    def __init__(self, context, answer, **options):
        self.context = context
        self.answer = answer
        self.number = 0
        super().__init__(**options)
        self.url = f"https://localhost:{self.port}"

    def serve(self, connection):
        with self.context.wrap_socket(connection, server_side=True) as tls:
            with self.lock:
                self.open.add(tls)  # the plain socket is empty now
            state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
            state.initiate_connection()

            def send():
                tls.sendall(state.data_to_send())

            send()
            paths = {}
            while data := tls.recv(65536):
                for event in state.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        headers = {bytes(n): bytes(v) for n, v in
                                   ((n.encode() if isinstance(n, str) else n,
                                     v.encode() if isinstance(v, str) else v)
                                    for n, v in event.headers)}
                        paths[event.stream_id] = headers[b":path"].decode()
                    if isinstance(event, h2.events.DataReceived):
                        state.acknowledge_received_data(event.flow_controlled_length,
                                                        event.stream_id)
                    if isinstance(event, h2.events.StreamEnded):
                        if self._answer(state, send, event.stream_id,
                                        paths.pop(event.stream_id)) is False:
                            return
                send()

    def _answer(self, state, send, identifier, path):
        self.note(path)
        with self.lock:
            is_token = "/ims/token" in path
            number = self.number
            self.number += not is_token
        stream = Stream(state, send, number, identifier, path)
        if is_token:
            return stream.reply(200, TOKEN)
        return self.answer(stream)


def reset(connection):
    """Closes a socket so that its peer sees a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
