"""GetContext from memory, beside servers that send the same 2 KB."""

import contextlib
import os

from suite import fill, messages
from suite.bench import PEERS, ROOT, in_turns, middle, note
from suite.load import h2load
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
CORE, CPP_RAW, CPP_TYPED, NODE = ("plain gRPC core", "C++ raw", "C++ typed", "grpc-js typed")


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
    # grpc-js needs fewer requests for the same time.
    counts = {name: (20_000 if name == NODE else 200_000) // (4 if bench.quick else 1)
              for name in servers}
    runs = {name: [] for name in servers}
    for name, server in servers.items():
        h2load(server, METHOD, bodies[name], counts[name] // 5)
    for name in in_turns(list(servers), bench.rounds):
        run = h2load(servers[name], METHOD, bodies[name], counts[name])
        if abs(run["bytes"] - middle(runs[name] or [run], "bytes")) > 64:
            raise SystemExit(f"{name} has answered something else: {run}")
        runs[name].append(run)
        note(f"  {name}: {run['rate']:.0f}/s, {run['cpu_us']:.1f} us, {run['bytes']:.0f} bytes")
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
    rate = {name: middle(of, "rate") for name, of in runs.items()}
    cpu = {name: middle(of, "cpu_us") for name, of in runs.items()}
    bench.measured["hit_rate"] = rate[OURS]
    for name in runs:
        to_core = {} if name == CORE else {"ratio": rate[name] / rate[CORE], "to": CORE}
        result.add(name, rate[name], "requests/s", **to_core, **(
            {"least": 0.9} if name == OURS else {}))
    for name in runs:
        to_core = {} if name == CORE else {"ratio": cpu[name] / cpu[CORE], "to": CORE}
        result.add(f"{name}, CPU of a request", cpu[name], "us", **to_core, **(
            {"most": 1.1} if name == OURS else {}))
    for peer, least in ((CPP_RAW, 1.0), (CPP_TYPED, 2.0), (NODE, 5.0)):
        result.add(f"{OURS} beside {peer}", rate[OURS], "requests/s", rate[OURS] / rate[peer],
                   peer, least=least)
    busy = {name: middle(of, "busy") for name, of in runs.items()}
    result.notes.append(
        "share of its core that each server used: "
        + ", ".join(f"{name} {share:.0%}" for name, share in busy.items())
        + "; what is well below 100% was held back by the load, and its CPU time says more")
    result.notes.append("bytes of an answer: " + ", ".join(
        f"{name} {middle(of, 'bytes'):.0f}" for name, of in runs.items()))
    result.chart("GetContext from memory", "requests/s", rate)
    result.chart("CPU time of a request", "us", cpu)
    return result
