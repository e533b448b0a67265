"""Who may do what, as a table (policy_matrix.txt), asked of `profilectl policy test`."""

import json
import os
import subprocess
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
POLICY = os.path.join(FOLDER, "..", "..", "server", "policy", "example.yaml")
PROFILECTL = os.path.join(os.environ["PC_BIN"], "profilectl")


def run(*arguments):
    done = subprocess.run([PROFILECTL, "policy", *arguments], capture_output=True, text=True,
                          timeout=30)
    return done.returncode, done.stdout, done.stderr


def read_rows():
    with open(os.path.join(FOLDER, "policy_matrix.txt")) as file:
        lines = [line.strip() for line in file]
    return [[cell.strip() for cell in line.split(" | ")] for line in lines
            if line and not line.startswith("#")]


def check_row(row, text):
    caller, rpc, purpose, fields, code, what, line = row
    arguments = ["test", "--policy", POLICY, "--rpc", rpc, "--json"]
    for option, value in (("caller", caller), ("purpose", purpose), ("fields", fields)):
        if value != "-":
            arguments += [f"--{option}", value]
    found, out, err = run(*arguments)
    assert found == int(code), (row, found, out, err)
    answer = json.loads(out)
    assert answer["allowed"] == (code == "0"), (row, out)
    denied = [reason for section in answer["sections"] for reason in section["denied"]]
    if answer.get("reason"):
        assert answer["reason"] == what, (row, out)
        deciding = answer["line"]
    elif what == "-":
        assert fields == "-" or not denied, (row, out)
        deciding = 0
    else:
        deciding = {reason["path"]: reason["line"] for reason in denied}[what]
    told = text[deciding - 1] if deciding > 0 else ""
    assert line == "-" or told.startswith(line), (row, deciding, told)
    assert line != "-" or deciding == 0, (row, deciding)


def test_every_row():
    with open(POLICY) as file:
        text = [line.strip() for line in file]
    rows = read_rows()
    assert len(rows) > 30
    for row in rows:
        check_row(row, text)


def test_bounds_of_a_call():
    router = ["test", POLICY, "--caller", "spiffe://example.com/routing/1", "--rpc", "GetContext"]
    for arguments, code in (
        (["--namespace", "phone"], 0),
        (["--namespace", "Email"], 1),
        (["--namespace", "xid"], 1),
        (["--sandbox", "prod"], 0),
        (["--sandbox", "dev"], 1),
        (["--merge-policy", "x"], 0),
        (["--max-staleness", "5s"], 0),
        (["--max-staleness", "0s"], 1),
        (["--criticality", "routing"], 0),
    ):
        assert run(*router, *arguments)[0] == code, arguments
    agent = ["test", POLICY, "--caller", "spiffe://example.com/crm", "--rpc", "GetContext"]
    assert run(*agent, "--criticality", "routing")[0] == 1
    assert run(*agent, "--criticality", "batch")[0] == 0


def test_the_merge_policy_of_the_configuration_is_the_usual_one():
    with tempfile.TemporaryDirectory() as folder:
        policy, config = (os.path.join(folder, name) for name in ("policy.yaml", "config.yaml"))
        with open(policy, "w") as file:
            file.write("callers: [{name: a, rpcs: '*', sections: '*', namespaces: '*', "
                       "sandboxes: '*', merge_policies: default}]\n")
        with open(config, "w") as file:
            file.write("upstream: {merge_policy: ours}\n")
        question = ["test", policy, "--caller", "a", "--rpc", "GetContext"]
        for arguments, code in (
            (["--merge-policy", "ours"], 1),
            (["--merge-policy", "default"], 0),
            (["--config", config, "--merge-policy", "ours"], 0),
            (["--config", config, "--merge-policy", "default"], 0),
            (["--config", config, "--merge-policy", "theirs"], 1),
        ):
            assert run(*question, *arguments)[0] == code, arguments


def test_what_is_told():
    code, out, _ = run("test", POLICY, "--caller", "spiffe://example.com/crm", "--rpc",
                       "GetProfile", "--purpose", "sales")
    assert code == 0
    for line in ("allowed: GetProfile for spiffe://example.com/crm", "purpose sales",
                 "denied profile.person.birth_date", "masked profile.mobile_phone.number",
                 "fields.deny", "role agent"):
        assert line in out, (line, out)


def test_misuse_and_mistakes():
    assert run("test", POLICY, "--rpc", "GetNothing")[0] == 2
    assert run("test", POLICY, "--rpc", "GetContext", "--caller", "spiffe://example.com/crm",
               "--fields", "profile.nothing")[0] == 2
    assert run("test", "--rpc", "GetContext")[0] == 2
    assert run("explain", POLICY)[0] == 2
    assert run("check", POLICY)[0] == 0
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("callers: [{name: a, rpcs: GetContex}]\n")
        file.flush()
        code, _, err = run("check", file.name)
        assert code == 1 and f"{file.name}:1:27: " in err, err
        assert run("test", file.name, "--rpc", "Health")[0] == 2


if __name__ == "__main__":
    test_every_row()
    test_bounds_of_a_call()
    test_the_merge_policy_of_the_configuration_is_the_usual_one()
    test_what_is_told()
    test_misuse_and_mistakes()
