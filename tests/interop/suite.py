"""gRPC's interoperability cases: every client against our RPC layer, in the clear and with mTLS.

Usage: suite.py LANGUAGE=COMMAND...    (COMMAND is split at spaces)

A client takes HOST:PORT and, for mTLS, the files of a CA, a certificate and its key; it prints a
line for each case: its name, a tab, and "ok", "skip" or "FAIL" with another tab and why. Prints all
results as one table. Ends with 1 when a case failed, was not run, or was skipped without a reason.
The cases are those of github.com/grpc/grpc, doc/interop-test-descriptions.md, and a thousand large
calls at once. Environment: PC_BIN is the folder of interop_server.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from certificates import make_certificates  # noqa: E402

CASES = """empty_unary large_unary client_compressed_unary server_compressed_unary
client_streaming client_compressed_streaming server_streaming server_compressed_streaming
ping_pong empty_stream custom_metadata status_code_and_message special_status_message
unimplemented_method unimplemented_service cancel_after_begin cancel_after_first_response
timeout_on_sleeping_server concurrent_large_unary""".split()
CLIENT_SECONDS = 180


def start_server(folder, transport):
    files = ["server.crt", "server.key", "ca.crt"] if transport == "mtls" else []
    server = subprocess.Popen(
        [os.path.join(os.environ["PC_BIN"], "interop_server"), "127.0.0.1:0",
         *(os.path.join(folder, name) for name in files)],
        stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline()
    match = re.fullmatch(r"listening on (\d+)\n", line)
    assert match, f"the server says {line!r}"
    return server, f"localhost:{match[1]}"


def run_client(command, target, folder, transport):
    """The results by case: a word, and why."""
    files = ["ca.crt", "caller.crt", "caller.key"] if transport == "mtls" else []
    try:
        done = subprocess.run(
            [*shlex.split(command), target, *(os.path.join(folder, name) for name in files)],
            capture_output=True, text=True, timeout=CLIENT_SECONDS)
        output, end = done.stdout, f"the client ended with {done.returncode}"
        print(done.stderr, file=sys.stderr, end="")
    except subprocess.TimeoutExpired as late:
        output, end = (late.stdout or b"").decode(), f"the client did not end within {CLIENT_SECONDS} s"
    results = {}
    for line in output.splitlines():
        name, word, why = (line.split("\t") + ["", ""])[:3]
        results[name] = (word, why)
    return {name: results.get(name, ("FAIL", "not run: " + end)) for name in CASES}


def is_red(result):
    word, why = result
    return word != "ok" and not (word == "skip" and why)


def print_table(columns):
    """`columns` are results by (language, transport)."""
    width = max(map(len, CASES))
    sizes = [max(len(" ".join(column)), 4) for column in columns]
    heads = [" ".join(column).ljust(size) for column, size in zip(columns, sizes)]
    print("case".ljust(width), *heads, sep=" | ")
    for case in CASES:
        words = [results[case][0].ljust(size) for results, size in zip(columns.values(), sizes)]
        print(case.ljust(width), *words, sep=" | ")
    notes = [f"{language} {transport} {case}: {word}: {why}"
             for (language, transport), results in columns.items()
             for case, (word, why) in results.items() if word != "ok"]
    print(*notes, sep="\n")


def main():
    clients = [argument.split("=", 1) for argument in sys.argv[1:]]
    assert clients, __doc__
    columns = {}
    ended_well = True
    with tempfile.TemporaryDirectory() as folder:
        make_certificates(folder)
        for transport in ["plain", "mtls"]:
            server, target = start_server(folder, transport)
            try:
                for language, command in clients:
                    columns[language, transport] = run_client(command, target, folder, transport)
            finally:
                server.terminate()
                try:
                    code = server.wait(30)
                except subprocess.TimeoutExpired:
                    server.kill()
                    code = server.wait()
                server.stdout.close()
            if code != 0:
                print(f"interop_server ({transport}) ended with {code}")
                ended_well = False
    print_table(columns)
    red = sum(is_red(result) for results in columns.values() for result in results.values())
    total = len(columns) * len(CASES)
    skipped = sum(result[0] == "skip" for results in columns.values() for result in results.values())
    print(f"{total - red - skipped} of {total} green, {skipped} skipped, {red} red")
    sys.exit(0 if red == 0 and ended_well else 1)


main()
