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


def measure(bench):
    result = Result(NAME, TITLE)
    with Sandbox(bench.binaries, "--generate", 2 * CALLS) as sandbox, \
            TlsFront(sandbox.port, STREAMS) as front, \
            start_server(bench.binaries, front.url, "--upstream-max-connections=8", f"--upstream-ca-file={front.ca_file}") as server:
        def ask(first):
            return [bench.messages.make("GetProfileRequest", identity={
                "namespace": "Email", "id": f"customer{first + i}@example.net"})
                    for i in range(1, CALLS + 1)]

        # The token first.
        messages.call(server.address, "GetProfile", ask(0)[0])
        for first, state in ((0, "all at once"), (CALLS, "again, warm")):
            sandbox.faults({"*": {"delayMs": DELAY_MS}})
            with in_flight(server.address, "GetProfile", ask(first)[1:]) as calls:
                wait_until(lambda: sandbox.stats()["inFlight"] >= CALLS - 1, 20,
                           f"{CALLS} calls at the upstream")
                count = front.connections()
            sandbox.faults({})
            failed = sum(call.exception() is not None for call in calls)
            note(f"  {state}: {count} connections, {failed} failed")
            result.add(f"connections, {CALLS - 1} calls in flight, {state}", count, "", most=8)
            result.add(f"failed calls, {state}", failed, "", most=0)
    result.notes.append(f"the front is nghttpx with TLS; it allows {STREAMS} streams a connection")
    return result
