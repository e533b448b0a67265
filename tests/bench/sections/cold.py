"""A thousand calls for a person whom nobody has asked for yet."""

from suite import messages
from suite.bench import note
from suite.load import h2load
from suite.processes import Sandbox, start_server
from suite.report import Result

NAME = "cold"
TITLE = "1,000 calls at the same moment for a person whom nobody has asked for yet"
CALLS, CLIENTS = 1000, 10
DELAY_MS = 1000
PARTS = {"GetProfile": ["profile"], "GetContext": ["profile", "events"]}


def measure(bench):
    result = Result(NAME, TITLE)
    with Sandbox(bench.binaries, "--generate", 100) as sandbox, \
            start_server(bench.binaries, sandbox.url) as server:
        # The token, and the names of audiences.
        messages.call(server.address, "GetContext",
                      bench.messages.context_request("Email", "ada.byron@example.com"))
        sandbox.faults({"*": {"delayMs": DELAY_MS}})
        person = 0
        for method, parts in PARTS.items():
            most, took = 0, []
            for _ in range(min(bench.rounds, 5)):
                person += 1
                sandbox.forget_stats()
                request = bench.messages.make(
                    f"{method}Request",
                    identity={"namespace": "Email", "id": f"customer{person}@example.net"})
                with messages.framed_file(request) as body:
                    run = h2load(server, method, body, CALLS, CLIENTS, CALLS // CLIENTS)
                operations = sandbox.stats()["operations"]
                calls = sum(operations[part]["requests"] for part in parts)
                most = max(most, calls)
                took.append(CALLS / run["rate"] * 1000)
                note(f"  {method}: {calls} upstream calls, {took[-1]:.0f} ms")
            result.add(f"{method}, upstream calls for {CALLS:,}", most, "", most=len(parts))
            result.add(f"{method}, until all {CALLS:,} are answered, beside the upstream's "
                       f"{DELAY_MS} ms", max(took) - DELAY_MS, "ms")
    result.notes.append("the most of "
                        f"{min(bench.rounds, 5)} rounds; a context needs a profile and events")
    return result
