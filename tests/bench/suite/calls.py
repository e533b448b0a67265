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


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.02)
