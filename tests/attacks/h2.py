"""As much HTTP/2 as it takes to misuse it: frames made by hand, headers without compression."""

import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
CANCEL = 8
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 4, 5
PATH = "/profilecontext.v1.ProfileContext/GetContext"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(values=None):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *v) for v in (values or {}).items()))


def number(value, bits, first=0):
    """An integer of HPACK with a prefix of so many bits."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out = bytes([first | most])
    value -= most
    while value >= 128:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return number(len(value), 7) + value


def header(name, value):
    """A header that goes into no table."""
    return b"\x00" + text(name) + text(value)


def request_headers(path=PATH, more=()):
    block = b"\x83\x86" + b"\x04" + text(path) + b"\x01" + text("attack")
    block += header("content-type", "application/grpc") + header("te", "trailers")
    return block + b"".join(header(*pair) for pair in more)


def message(data):
    return b"\x00" + struct.pack(">I", len(data)) + data


def call(stream, data, path=PATH, more=()):
    """A whole call."""
    return frame(HEADERS, END_HEADERS, stream, request_headers(path, more)) + frame(
        DATA, END_STREAM, stream, message(data))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def goodbye(code=0):
    return frame(GOAWAY, 0, 0, struct.pack(">II", 0, code))


class Connection:
    """A connection that has said hello; `hello=False`: not even that."""

    def __init__(self, address, hello=True, values=None, receive_buffer=None, source=None):
        host, port = address.rsplit(":", 1)
        is_unix = host == "unix"
        self.socket = socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.settimeout(10)
        self.socket.connect(port if is_unix else (host, int(port)))
        self.buffer = b""
        if hello:
            self.socket.sendall(PREFACE + settings(values))

    def send(self, data):
        """False when the other side has closed, or takes nothing for ten seconds."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def frames(self, seconds=5.0):
        """What comes within a time, as (kind, flags, stream, payload); ends when it is closed."""
        end = time.monotonic() + seconds
        while True:
            while len(self.buffer) >= 9:
                length = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) < 9 + length:
                    break
                kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
                payload, self.buffer = self.buffer[9:9 + length], self.buffer[9 + length:]
                yield kind, flags, stream, payload
            left = end - time.monotonic()
            if left <= 0:
                return
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 18)
            except OSError:
                return
            if not data:
                return
            self.buffer += data

    def closed(self, seconds=5.0):
        """Whether the other side closes within a time, whatever it says before."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if not self.socket.recv(1 << 18):
                    return True
            except TimeoutError:
                return False
            except OSError:
                return True
        return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
