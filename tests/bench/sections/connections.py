"""How many connections so many calls in flight need."""

from suite import messages
from suite.bench import note
from suite.calls import in_flight, wait_until
from suite.processes import Sandbox, start_server
from suite.report import Result
from suite.tls_front import TlsFront

NAME = "connections"
TITLE = "connections to an HTTP/2 upstream with 500 calls in flight"
CALLS = 500
STREAMS = 100  # of a connection, which the upstream allows
DELAY_MS = 3000


def ask(bench, sandbox, front, server, first):
    """How many connections there are while all calls are at the upstream, and how many calls
    fail."""
    requests = [bench.messages.make("GetProfileRequest", identity={
        "namespace": "Email", "id": f"customer{first + i}@example.net"})
                for i in range(1, CALLS + 1)]
    sandbox.faults({"*": {"delayMs": DELAY_MS}})
    with in_flight(server.address, "GetProfile", requests) as calls:
        wait_until(lambda: sandbox.stats()["inFlight"] >= CALLS, 20,
                   f"{CALLS} calls at the upstream")
        count = front.connections()
    sandbox.faults({})
    return count, sum(call.exception() is not None for call in calls)


def measure(bench):
    result = Result(NAME, TITLE)
    with Sandbox(bench.binaries, "--generate", 2 * CALLS) as sandbox, \
            TlsFront(sandbox.port, STREAMS) as front:
        for what, flags in (("as configured by default", []),
                            ("--upstream-max-connections=8", ["--upstream-max-connections=8"])):
            with start_server(bench.binaries, front.url, f"--upstream-ca-file={front.ca_file}",
                              f"--budget-max-concurrent={2 * CALLS}", *flags) as server:
                # The token, and a first connection.
                messages.call(server.address, "GetProfile", bench.messages.make(
                    "GetProfileRequest", identity={"namespace": "Email",
                                                   "id": "ada.byron@example.com"}))
                counts = [ask(bench, sandbox, front, server, first) for first in (0, CALLS)]
            note(f"  {what}: {counts} connections and failed calls")
            result.add(f"connections for {CALLS} calls in flight, {what}",
                       max(count for count, _ in counts), "", most=8)
            result.add(f"failed calls, {what}", sum(failed for _, failed in counts), "", most=0)
    result.notes.append(f"the front is nghttpx with TLS; it allows {STREAMS} streams a connection; "
                        "the calls come all at once, twice")
    return result
