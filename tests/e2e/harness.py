"""Starts the programs under test and gives typed access to them.

Environment: PC_BIN is the folder of the built programs, PC_PYTHON_PROTOS that of the Python stubs
(tests/e2e/CMakeLists.txt sets both).
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.environ["PC_PYTHON_PROTOS"])

import grpc  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from profilecontext.v1 import profile_context_pb2 as messages  # noqa: E402
from profilecontext.v1 import batch_pb2 as batch_messages  # noqa: E402
from profilecontext.v1 import entity_pb2 as entity_messages  # noqa: E402
from profilecontext.v1 import prefetch_pb2 as prefetch_messages  # noqa: E402
from profilecontext.v1 import stream_pb2 as stream_messages  # noqa: E402
from profilecontext.v1 import context_pb2, filter_pb2, summary_pb2  # noqa: E402, F401

BIN = os.environ["PC_BIN"]
# Memory means something else under a sanitizer.
KIND = "sanitizer" if "asan" in BIN or "tsan" in BIN else "plain"
SERVICE = "/profilecontext.v1.ProfileContext/"
MERGE_POLICY = "00000000-0000-4000-8000-00000000ad01"
ADA = ("Email", "ada.byron@example.com")

METHODS = {
    "GetContext": (messages.GetContextRequest, messages.GetContextResponse),
    "GetProfile": (messages.GetProfileRequest, messages.GetProfileResponse),
    "ListEvents": (messages.ListEventsRequest, messages.ListEventsResponse),
    "ListSegmentMemberships": (
        messages.ListSegmentMembershipsRequest,
        messages.ListSegmentMembershipsResponse,
    ),
    "BatchGetContexts": (
        batch_messages.BatchGetContextsRequest,
        batch_messages.BatchGetContextsResponse,
    ),
    "BatchGetProfiles": (
        batch_messages.BatchGetProfilesRequest,
        batch_messages.BatchGetProfilesResponse,
    ),
    "PrefetchContexts": (
        prefetch_messages.PrefetchContextsRequest,
        prefetch_messages.PrefetchContextsResponse,
    ),
    "StreamEvents": (stream_messages.StreamEventsRequest, stream_messages.StreamEventsResponse),
    "GetIdentities": (entity_messages.GetIdentitiesRequest, entity_messages.GetIdentitiesResponse),
    "GetEntity": (entity_messages.GetEntityRequest, entity_messages.GetEntityResponse),
    "DeleteProfile": (entity_messages.DeleteProfileRequest, entity_messages.DeleteProfileResponse),
}


def program(name):
    return os.path.join(BIN, name)


def wait_until(condition, seconds=10.0, what="condition"):
    """Waits for a condition with a bound; never for a fixed time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


class Process:
    """A program under test; its log is kept for the message of a failure."""

    def __init__(self, arguments, env=None, stdout=subprocess.PIPE, pass_fds=()):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log", delete=False)
        self.arguments = arguments
        # A variable of None is not there.
        given = {k: v for k, v in {**os.environ, **(env or {})}.items() if v is not None}
        self.popen = subprocess.Popen(
            arguments, stdout=stdout, stderr=self.log, env=given, text=True,
            pass_fds=pass_fds
        )

    def read_log(self):
        with open(self.log.name, errors="replace") as file:
            return file.read()

    def stop(self, number=signal.SIGTERM, seconds=30):
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"did not end: {self.arguments}\n{self.read_log()}") from None
        if self.popen.stdout:
            self.popen.stdout.close()
        return code

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        if self.popen.stdout:
            self.popen.stdout.close()
        self.log.close()
        os.unlink(self.log.name)

    def end_well(self):
        """Ends the program and cleans up; it has to end without a complaint, a sanitizer's neither."""
        code = self.stop()
        log = self.read_log()
        self.close()
        assert code == 0, f"ended with {code}: {self.arguments}\n{log[-20000:]}"


class Sandbox(Process):
    """An entity-sandbox with the demonstration customers."""

    def __init__(self, *arguments, port=0):
        super().__init__([program("entity-sandbox"), "--port", str(port), "--demo", *arguments])
        line = self.popen.stdout.readline()
        match = re.search(r"(https?://127\.0\.0\.1:(\d+))", line)
        assert match, f"no address in {line!r}\n{self.read_log()}"
        self.url = match.group(1)
        self.port = int(match.group(2))

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
        return json.loads(text) if text.strip() else None

    def faults(self, body):
        """Sets faults; {} has none."""
        return self.call("PUT", "/_sandbox/faults", body)

    def stats(self):
        return self.call("GET", "/_sandbox/stats")

    def recent(self):
        """The latest requests, when none is under way: they are noted when they end, which may be
        after their answer has been read."""
        wait_until(lambda: self.stats()["inFlight"] == 0, 10, "no request in flight")
        return self.stats()["recent"]

    def reset_stats(self):
        wait_until(lambda: self.stats()["inFlight"] == 0, 10, "no request in flight")
        return self.call("DELETE", "/_sandbox/stats")


class Server(Process):
    """profile-contextd in front of an upstream."""

    def __init__(self, upstream_url, *arguments, env=None, pass_fds=()):
        self.folder = tempfile.mkdtemp()
        ready = os.path.join(self.folder, "ready")
        super().__init__(
            [
                program("profile-contextd"),
                "--listen-address=127.0.0.1:0",
                f"--listen-ready-file={ready}",
                f"--upstream-base-url={upstream_url}",
                f"--upstream-ims-url={upstream_url}",
                "--upstream-client-id=sandbox-client",
                "--upstream-org-id=SANDBOX@AdobeOrg",
                f"--upstream-merge-policy={MERGE_POLICY}",
                # Tests of everything else want to see the upstream.
                "--cache-max-bytes=0",
                *arguments,
            ],
            env={"PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET": "sandbox-secret", **(env or {})},
            pass_fds=pass_fds,
        )

        def address():
            if self.popen.poll() is not None:
                raise AssertionError(f"ended with {self.popen.returncode}\n{self.read_log()}")
            if os.path.exists(ready):
                with open(ready) as file:
                    return file.read().strip()
            return None

        self.address = wait_until(address, 30, "the server to be ready")
        self.channel = grpc.insecure_channel(
            self.address, [("grpc.max_receive_message_length", 64 << 20)]
        )

    def quit(self):
        """Ends the server when no call is left. The channel goes first: an idle one of Python's
        takes seconds to notice that its server goes."""
        self.channel.close()
        assert self.stop() == 0, self.read_log()[-20000:]

    def end_well(self):
        self.channel.close()
        super().end_well()

    def close(self):
        self.channel.close()
        super().close()
        shutil.rmtree(self.folder)

    def call(self, method, request, timeout=10, metadata=None):
        """The answer, or raises grpc.RpcError."""
        request_type, response_type = METHODS[method]
        assert isinstance(request, request_type)
        return self.channel.unary_unary(
            SERVICE + method, request_type.SerializeToString, response_type.FromString
        )(request, timeout=timeout, metadata=metadata)

    def stream(self, method, request, timeout=10, metadata=None):
        """The call of a streaming RPC; iterate over it for the answers."""
        request_type, response_type = METHODS[method]
        assert isinstance(request, request_type)
        return self.channel.unary_stream(
            SERVICE + method, request_type.SerializeToString, response_type.FromString
        )(request, timeout=timeout, metadata=metadata)

    def call_with_cost(self, method, request, timeout=10):
        """The answer, and its trailing metadata as a dictionary."""
        request_type, response_type = METHODS[method]
        answer, call = self.channel.unary_unary(
            SERVICE + method, request_type.SerializeToString, response_type.FromString
        ).with_call(request, timeout=timeout)
        return answer, dict(call.trailing_metadata())

    def call_raw(self, method, data, timeout=10):
        """The same with a request of any bytes."""
        return self.channel.unary_unary(SERVICE + method, lambda b: b, lambda b: b)(
            data, timeout=timeout
        )

    def operator_address(self):
        """Of a server that was started with --operator-address=127.0.0.1:0; the log tells it."""
        match = wait_until(
            lambda: re.search(r'"operator.ready","address":"([^"]+)"', self.read_log()),
            10, "the operator port",
        )
        return match.group(1)

    def operator(self, path, method="GET", body=None):
        """Status, headers and text of what the operator port answers."""
        connection = http.client.HTTPConnection(self.operator_address(), timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def metrics(self):
        """The samples of the page of metrics: their values by name with labels."""
        status, _, page = self.operator("/metrics")
        assert status == 200, page
        lines = [line for line in page.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def fails(self, method, request, code, reason=None, **options):
        """Checks that a call fails so; returns a Failure."""
        try:
            if isinstance(request, bytes):
                self.call_raw(method, request, **options)
            else:
                self.call(method, request, **options)
        except grpc.RpcError as error:
            failure = Failure(error)
            assert failure.code == code, f"{failure.code} {failure.message}, wanted {code}"
            if reason is not None:
                assert failure.reason == reason, f"{failure.reason}, wanted {reason}"
            return failure
        raise AssertionError(f"{method} went well, wanted {code}")


class Failure:
    """A failed call with its google.rpc.Status details."""

    def __init__(self, error):
        self.code = error.code()
        self.message = error.details()
        self.reason = None
        self.domain = None
        self.violations = {}
        self.retry_ms = None
        self.request_id = None
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                self._read(status_pb2.Status.FromString(value))

    def _read(self, status):
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            bad = error_details_pb2.BadRequest()
            retry = error_details_pb2.RetryInfo()
            request = error_details_pb2.RequestInfo()
            if detail.Unpack(info):
                self.reason, self.domain = info.reason, info.domain
            elif detail.Unpack(bad):
                self.violations = {v.field: v.description for v in bad.field_violations}
            elif detail.Unpack(retry):
                self.retry_ms = retry.retry_delay.ToMilliseconds()
            elif detail.Unpack(request):
                self.request_id = request.request_id


def identity(namespace=ADA[0], id=ADA[1]):
    return {"namespace": namespace, "id": id}


@contextlib.contextmanager
def closing(process):
    try:
        yield process
    except BaseException:
        sys.stderr.write(process.read_log())
        raise
    finally:
        process.close()
