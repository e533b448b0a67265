"""Calls at the same time, for what is counted rather than timed."""

import contextlib
import time

import grpc

from suite.messages import SERVICE


@contextlib.contextmanager
def in_flight(address, method, requests, timeout=60):
    """Starts all at once and gives their futures; leaves when all have ended."""
    with grpc.insecure_channel(address) as channel:
        stub = channel.unary_unary(SERVICE + method, lambda m: m.SerializeToString(), lambda b: b)
        calls = [stub.future(request, timeout=timeout) for request in requests]
        try:
            yield calls
        finally:
            for call in calls:
                call.exception()


def timed(address, method, requests, times, timeout=60):
    """Starts each call so many seconds after the beginning, and gives how long each took."""
    took = [None] * len(requests)
    with grpc.insecure_channel(address) as channel:
        stub = channel.unary_unary(SERVICE + method, lambda m: m.SerializeToString(), lambda b: b)
        under_way = []
        begin = time.monotonic()
        for place, (request, at) in enumerate(zip(requests, times)):
            time.sleep(max(0.0, begin + at - time.monotonic()))
            started = time.monotonic()
            call = stub.future(request, timeout=timeout)
            call.add_done_callback(lambda _, place=place, started=started: took.__setitem__(
                place, time.monotonic() - started))
            under_way.append(call)
        for call in under_way:
            if call.code() not in (grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND):
                raise SystemExit(f"{method}: {call.code().name}: {call.details()}")
        wait_until(lambda: None not in took, 10, "the time of each call")
    return took


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.02)
