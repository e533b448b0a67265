"""gRPC calls as raw HTTP/2: with headers, paths and manners that no gRPC library would have."""

import base64
import socket

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from harness import error_details_pb2, status_pb2

CLOSED = "closed"  # the connection ended first
GOAWAY = 7


def reason_in(details):
    """The reason in the bytes of grpc-status-details-bin."""
    status = status_pb2.Status.FromString(base64.b64decode(details + "=" * (-len(details) % 4)))
    info = error_details_pb2.ErrorInfo()
    return next(info.reason for detail in status.details if detail.Unpack(info))


class Wire:
    """A connection. What the last call came to stands in `status` (a number as text, "reset", CLOSED,
    or None while it is open), `reason` and `served`; `told_to_go` says whether there was a GOAWAY."""

    def __init__(self, address, context=None):
        host, port = address.split(":")
        self.connection = socket.create_connection((host, int(port)), timeout=10)
        if context is not None:
            self.connection = context.wrap_socket(self.connection)
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False,
            normalize_outbound_headers=False))
        self.state.initiate_connection()
        self.stream = -1
        self.unread = b""
        self.told_to_go = False

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.connection.close()

    def begin(self, path, request, headers=()):
        """Sends a call."""
        self.stream += 2
        self.status, self.reason, self.served = None, None, b""
        self.state.send_headers(self.stream, [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
            ("te", "trailers"), ("content-type", "application/grpc"), *headers])
        self.state.send_data(self.stream, b"\0" + len(request).to_bytes(4, "big") + request,
                             end_stream=True)
        self._send()

    def read(self):
        """Takes what comes next. Raises ConnectionError when the end was told before."""
        if self.status == CLOSED:
            raise ConnectionError(CLOSED)
        try:
            data = self.connection.recv(65536)
            if not data:
                raise ConnectionResetError
            for frame in self._frames(data):
                self._take(self.state.receive_data(frame))
        except (ConnectionError, h2.exceptions.ProtocolError):
            self.status = CLOSED
        self._send()

    def call(self, path, request, headers=()):
        self.begin(path, request, headers)
        while self.status is None:
            self.read()
        return self

    def _send(self):
        try:
            self.connection.sendall(self.state.data_to_send())
        except OSError:
            self.status = self.status or CLOSED

    def _frames(self, data):
        """The whole frames that have come, but GOAWAY: who is told to go need not."""
        self.unread += data
        while len(self.unread) >= 9:
            size = 9 + int.from_bytes(self.unread[:3], "big")
            if len(self.unread) < size:
                break
            frame, self.unread = self.unread[:size], self.unread[size:]
            if frame[3] == GOAWAY:
                self.told_to_go = True
            else:
                yield frame

    def _take(self, events):
        for event in events:
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                trailers = dict(event.headers)
                self.status = trailers.get("grpc-status", self.status)
                details = trailers.get("grpc-status-details-bin")
                self.reason = reason_in(details) if details is not None else self.reason
            elif isinstance(event, h2.events.DataReceived):
                self.served += event.data
            elif isinstance(event, h2.events.StreamReset):
                self.status = "reset"
