"""GetContext from memory, beside servers that send the same 2 KB."""

import contextlib
import os

from suite import fill, messages
from suite.bench import PEERS, ROOT, in_turns, middle, note
from suite.load import flood, h2load
from suite.processes import Program, Sandbox, start_server
from suite.report import Result

NAME = "hit"
TITLE = "GetContext from memory beside servers that send the same 2 KB"
METHOD = "GetContext"
PERSON = ("Email", "hedy.lamarr@example.com")
# About 2 KB each.
QUESTION = {"paths": ["profile", "events", "segment_memberships"], "event_limit": 5}
WHOLE = {"event_limit": 2}
BYTES = (1900, 2200)

OURS, ALL_SECTIONS, LAYER = "profile-contextd", "profile-contextd, all sections", "its RPC layer"
CORE, CPP_RAW, CPP_TYPED, NODE = "plain gRPC core", "C++ raw", "C++ typed", "grpc-js typed"
LOADS = FLOOD, H2LOAD = "flood", "h2load"


def hit(bench, server, question):
    """The request, and what is answered from memory."""
    request = bench.messages.context_request(*PERSON, **question)
    messages.call(server.address, METHOD, request)
    answer = messages.call(server.address, METHOD, request)
    if not BYTES[0] <= len(answer) <= BYTES[1]:
        raise SystemExit(f"the answer to {question} has {len(answer)} bytes, not about 2 KB")
    return request, answer


def check(bench, name, server, request, expected):
    """A peer is only worth measuring if it answers the same."""
    answer = bench.messages.make("GetContextResponse")
    answer.ParseFromString(messages.call(server.address, METHOD, request))
    if answer != expected:
        raise SystemExit(f"{name} gives another answer than {OURS}:\n{answer}")


def start_peers(bench, stack, answer, expected):
    file = bench.write("answer.bin", answer)
    bench.write("fill_context.cc", fill.cpp(expected))
    script = bench.write("fill_context.js", fill.javascript(expected))
    note("  building the peers")
    bench.compile("cpp_raw", "cpp_typed")
    commands = {
        CORE: [bench.program("plain_core"), 0, 1, messages.SERVICE + METHOD, file],
        LAYER: [bench.program("bare_layer"), 0, 1, file],
        CPP_RAW: [bench.program("cpp_raw"), 0, file],
        CPP_TYPED: [bench.program("cpp_typed"), 0],
        NODE: ["node", os.path.join(PEERS, "node_typed.js"), 0, os.path.join(ROOT, "proto"), script],
    }
    return {name: stack.enter_context(Program(command)) for name, command in commands.items()}


def measure_all(bench, servers, bodies):
    """Runs by load and server."""
    def load(by, name, requests):
        if by == FLOOD:
            return flood(bench.binaries, servers[name], METHOD, bodies[name], requests)
        return h2load(servers[name], METHOD, bodies[name], requests)

    # grpc-js needs fewer requests for the same time.
    counts = {name: (40_000 if name == NODE else 160_000) // (3 if bench.quick else 1)
              for name in servers}
    runs = {by: {name: [] for name in servers} for by in LOADS}
    for name in servers:
        load(FLOOD, name, counts[name] // 5)
    for name in in_turns(list(servers), bench.rounds):
        for by in LOADS:
            run = load(by, name, counts[name])
            if abs(run["bytes"] - middle(runs[by][name] or [run], "bytes")) > 64:
                raise SystemExit(f"{name} has answered something else: {run}")
            runs[by][name].append(run)
            note(f"  {name}, {by}: {run['rate']:.0f}/s, {run['cpu_us']:.1f} us, "
                 f"{run['busy']:.0%} of its core")
    return runs


def measure(bench):
    with contextlib.ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(bench.binaries))
        ours = stack.enter_context(start_server(bench.binaries, sandbox.url))
        request, answer = hit(bench, ours, QUESTION)
        whole, _ = hit(bench, ours, WHOLE)
        expected = bench.messages.make("GetContextResponse")
        expected.ParseFromString(answer)
        peers = start_peers(bench, stack, answer, expected)
        for name, peer in peers.items():
            check(bench, name, peer, request, expected)
        body = stack.enter_context(messages.framed_file(request))
        whole_body = stack.enter_context(messages.framed_file(whole))
        servers = {OURS: ours, ALL_SECTIONS: ours, **peers}
        bodies = {name: whole_body if name == ALL_SECTIONS else body for name in servers}
        runs = measure_all(bench, servers, bodies)
    return report(bench, runs)


def report(bench, runs):
    result = Result(NAME, TITLE)
    rate, cpu, busy = (
        {by: {name: middle(of, key) for name, of in runs[by].items()} for by in LOADS}
        for key in ("rate", "cpu_us", "busy"))
    bench.measured["hit_rate"] = rate[FLOOD][OURS]
    for name, value in rate[FLOOD].items():
        result.add(name, value, "requests/s", value / rate[FLOOD][CORE], CORE)
    for name, value in cpu[FLOOD].items():
        result.add(f"{name}, CPU of a request", value, "us", value / cpu[FLOOD][CORE], CORE)
    for by in LOADS:
        for peer, least in ((CORE, 0.9), (CPP_RAW, 1.0), (CPP_TYPED, 2.0), (NODE, 5.0)):
            result.add(f"{OURS} beside {peer}, {by}", rate[by][OURS], "requests/s",
                       rate[by][OURS] / rate[by][peer], peer, least=least)
        result.add(f"{OURS} beside {CORE}, CPU, {by}", cpu[by][OURS], "us",
                   cpu[by][OURS] / cpu[by][CORE], CORE, most=1.1)
    for by in LOADS:
        result.notes.append(
            f"{by}: share of its core that a server used: "
            + ", ".join(f"{name} {share:.0%}" for name, share in busy[by].items()))
    result.notes.append("bytes of an answer: " + ", ".join(
        f"{name} {middle(of, 'bytes'):.0f}" for name, of in runs[FLOOD].items()))
    result.chart(f"GetContext from memory, {FLOOD}", "requests/s", rate[FLOOD])
    result.chart(f"CPU time of a request, {FLOOD}", "us", cpu[FLOOD])
    return result
