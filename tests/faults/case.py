"""What every row of the fault table wants of a call and of the server."""

import contextlib
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir, "e2e"))

import grpc  # noqa: E402

from harness import Failure, KIND, Server, identity, messages, wait_until  # noqa: E402

# How long after its deadline a call may end at most: the project's contract, and what sanitizers
# make of it.
GRACE = 0.050 if KIND == "plain" else 1.0
SEED = int(os.environ.get("PC_FAULTS_SEED", str(time.time_ns() % 1000000)))
GET_PROFILE = messages.GetProfileRequest(identity=identity())
Code = grpc.StatusCode


def person(number):
    """The look-up of another person each: those of one person at once are one upstream call. The
    sandbox knows as many as it was told to generate."""
    return messages.GetProfileRequest(identity=identity("CRMID", f"C{number:07}"))


class Outcome:
    """How one call ended."""

    def __init__(self, code, answer=None, failure=None, took=0.0):
        self.code = code
        self.answer = answer
        self.failure = failure
        self.took = took

    @property
    def reason(self):
        return self.failure.reason if self.failure else ""

    def __repr__(self):
        return f"{self.code.name} {self.reason} after {self.took:.3f} s"


class FaultCase(unittest.TestCase):
    late = 0

    def call(self, server, timeout=5.0, method="GetProfile", request=GET_PROFILE):
        """Makes a call, which has to end by its deadline. On a busy machine one of many may be late
        by the client's own fault; a server that is late is late again."""
        started = time.monotonic()
        try:
            answer = server.call(method, request, timeout=timeout)
            outcome = Outcome(Code.OK, answer)
        except grpc.RpcError as error:
            outcome = Outcome(error.code(), failure=Failure(error))
        outcome.took = time.monotonic() - started
        if outcome.took > timeout + GRACE:
            self.late += 1
            self.assertLessEqual(self.late, 2, f"late again: {outcome}, deadline {timeout} s")
        return outcome

    def works(self, server):
        outcome = self.call(server)
        return outcome if outcome.code == Code.OK else None

    def recovers(self, server, seconds=15):
        return wait_until(lambda: self.works(server), seconds, "a call that goes well again")

    @contextlib.contextmanager
    def leaks_nothing(self, server, slack=4):
        """Descriptors are as before, some idle connections apart."""
        before = descriptors(server)
        yield
        wait_until(lambda: descriptors(server) <= before + slack, 20,
                   f"descriptors to go, {before} before, {descriptors(server)} now")


def descriptors(server):
    return len(os.listdir(f"/proc/{server.popen.pid}/fd"))


def memory(server, what="VmRSS"):
    """MiB."""
    with open(f"/proc/{server.popen.pid}/status") as file:
        for line in file:
            if line.startswith(what + ":"):
                return int(line.split()[1]) / 1024
    raise AssertionError(what)


@contextlib.contextmanager
def serving(url, *arguments, env=None):
    """A server that has to end well, whatever happened to it."""
    server = Server(url, *arguments, env=env)
    try:
        yield server
    except BaseException:
        sys.stderr.write(server.read_log()[-20000:])
        server.close()
        raise
    server.end_well()


def earn_retries(test, server, count=40):
    """Good calls, of which a tenth may be retried afterwards."""
    for _ in range(count):
        test.assertEqual(test.call(server).code, Code.OK)
