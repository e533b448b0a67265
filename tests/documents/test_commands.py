"""Every command in the documents, the manual pages, the programs' --help and the comments of shipped
configuration is run here, as it stands but for what only a reader can know, or is one of the few that
another test runs.

Who adds a command to a document has nothing to do, unless it needs something that is not here: then
one of the tables below has to know it.

Environment: PC_BUILD is the build folder, with its tests; else as tests/e2e/harness.py wants.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import blocks
from blocks import ROOT, read

sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from certificates import make_certificates  # noqa: E402
from harness import (  # noqa: E402
    BIN, MERGE_POLICY, Process, Sandbox, Server, identity, messages, wait_until,
)

BUILD = os.environ["PC_BUILD"]
CALM = "--door-max-delay=0ms"  # nothing is turned away on a busy machine

# What another test runs, and where that can be seen: the text stands in the file. "arguments": it
# takes long and is for people, so it is only looked at whether its --help knows its arguments.
ELSEWHERE = {
    "deploy/quickstart": ("tests/run", "deploy/quickstart --once"),
    "tests/run": (".ci/run", "exec tests/run"),
    "tests/run style release": "arguments",
    "cmake --preset release && cmake --build --preset release":
        ("tests/run", 'cmake --preset "$1" || return 1\n    cmake --build --preset "$1"'),
    "cmake --install build/release --prefix /usr/local":
        ("tests/install", 'cmake --install "$build" --prefix'),
    "cmake -G Ninja -B build/dev -DCMAKE_BUILD_TYPE=Debug -DPC_WERROR=ON":
        ("CMakePresets.json", '"PC_WERROR": "ON"'),
    "cmake --build build/dev": ("tests/run", "cmake --build --preset"),
    "ctest --test-dir build/dev --output-on-failure": ("tests/run", 'ctest --preset "$preset"'),
    "tests/packages/clean_root && tests/packages/machine build/clean/machine bash":
        ("tests/packages/run", "exec tests/packages/machine build/clean/machine"),
    "podman build --format docker -f deploy/container/Containerfile -t profile-contextd:0.1.0 .":
        ("tests/packages/test_image.py", 'podman("build", "--format=docker"'),
    "podman build -f deploy/container/Containerfile --target sandbox -t entity-sandbox:0.1.0 .":
        ("tests/packages/test_image.py", '"--target", target, "--tag", image'),
    "podman-compose -f deploy/container/compose.yaml up --build":
        ("tests/packages/test_image.py", '"compose.yaml")) as file'),
    "systemctl restart profile-contextd":
        ("tests/packages/test_installed.py", '["systemctl", "restart", UNIT]'),
    "systemctl enable --now profile-contextd.socket":
        ("tests/packages/test_installed.py", 'start("start", "profile-contextd.socket")'),
    "tests/attacks/run": ("tests/e2e/test_attacks.py", "for attack in ATTACKS"),
    "tests/attacks/run rapid_reset idle": "arguments",
    "tests/attacks/run --front": "arguments",
    "tests/bench/run": "arguments",
    "tests/bench/run --quick": "arguments",
    "tests/bench/run hit cold": "arguments",
    "tests/bench/run --rounds 15 hit": "arguments",
}

# What is no command, by its first line.
NO_COMMANDS = {
    "r * ((1 - m) * 12 µs + m * k * 0.29 ms)": "a formula",
    "audit:": "configuration",
    "consents:": "policy",
    '{"version":"2.0","graphs":[{"composite_xid":{"ns":"ECID","id":"12"},': "an answer",
    '{"type":"profile","dataset":"5e...c1","timestamp":"-3d4h","batch":"01J5...",': "records, cut",
    '{"since": "...", "requests": 3, "inFlight": 0, "mostInFlight": 2,': "an answer",
}

# What a command is to find in its folder, beside certificates and an audit trail.
FILES = {
    "customers.csv": "namespace,id\nEmail,ada.byron@example.com\nPhone,+15550101\nCRMID,CRM-1003\n",
    "customers.txt": "email:ada.byron@example.com\n\n# one who is not there\ncrmid:CRM-0\n",
    "list.txt": "email:ada.byron@example.com\nphone:+15550101\n",
    "due-calls.csv": "namespace,id\nPhone,+15550100\n",
    "crm.tsv": "Ada\tCRM-1001\nKatherine\tCRM-1008\n",
    "people.ndjson": '{"type":"profile","dataset":"5e","timestamp":"-3d","identities":[{"ns":"Email",'
                     '"id":"x@example.com","primary":true}],'
                     '"entity":{"person":{"name":{"firstName":"X"}}}}\n',
    ".curlrc": "fail\nsilent\nshow-error\n",
}

# Less than a reader would want of it, as it would take long; or more time, on a busy machine.
SHORTER = [
    (r"--deadline 500ms\b", "--deadline 10s"),
    (r"(?s)^(profilectl bench(?!.*--(?:duration|requests)).*)$",
     r"\1 --duration 200ms --warmup 0ms"),
    (r"--duration (30s|1m)\b", "--duration 200ms --warmup 0ms"),
    (r"--requests 1000000\b", "--requests 200"),
    (r"--rate \d+\b", "--rate 200"),
    (r"--generate(-events)? 100000\b", r"--generate\1 1000"),
    (r"\bday 10000000 1000000\b", "day 100000 10000"),
    (r"\bchurn 7200000 2 268435456\b", "churn 60000 2 4194304"),
    # This very run has them run.
    (r"ctest --test-dir (\S+)", r"ctest --test-dir \1 --show-only --no-tests=error"),
    (r"test_cache\.py$", "test_cache.py Remembering.test_a_second_call_costs_nothing"),
]

# How it ends, where that is not with 0.
ENDS = {
    # A part of the address is masked for this caller, which the text says is 1.
    "profilectl policy test policy.yaml --caller spiffe://example.com/crm --rpc GetProfile \\\n"
    "    --purpose sales --fields person.name,home_address --json": 1,
}

# What is typed in.
TYPED = {
    "profilectl init": "\nsandbox-client\n\nSANDBOX@AdobeOrg\n\n{merge_policy}\n{sandbox}\n"
                       "{sandbox}\n127.0.0.1:0\n127.0.0.1:0\nsandbox-secret\n",
}


def output(program, *arguments):
    done = subprocess.run([os.path.join(BIN, program), *arguments], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def helps():
    """The help texts of all programs and commands, by how one asks for them."""
    found = {program: output(program, "--help")
             for program in ("profile-contextd", "profilectl", "entity-sandbox")}
    for command in re.findall(r"(?m)^  ([a-z]+)  ", found["profilectl"]):
        found[f"profilectl {command}"] = output("profilectl", command, "--help")
    return found


def documents():
    """The blocks of each document, help texts too."""
    found = {path: blocks.of_markdown(path) for path in blocks.tracked("*.md")}
    found |= {path: blocks.of_manual(path) for path in blocks.tracked("*.[1-8]")}
    found |= {path: blocks.of_comments(path) for path in blocks.tracked("deploy/**", "server/*.yaml")
              if not path.endswith((".md", ".json"))}
    found |= {name: blocks.of_help(name, text) for name, text in helps().items()}
    return {name: found for name, found in found.items() if found}


class World:
    """Servers to talk to, and a folder that has what the commands speak of."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        os.mkdir(self.path("etc"))
        make_certificates(self.folder)
        for name, text in FILES.items():
            self.write(name, text)
        for name, source in {"client.pem": "caller.crt", "client.key": "caller.key"}.items():
            os.rename(self.path(source), self.path(name))
        shutil.copy(os.path.join(ROOT, "server", "policy", "example.yaml"), self.path("policy.yaml"))
        self.sandbox = Sandbox()
        self.make_trail()
        self.server = Server(self.sandbox.url, "--cache-max-bytes=16MiB",
                             f"--upstream-identity-url={self.sandbox.url}",
                             "--access-delete-profiles=true", CALM)
        self.encrypted = Server(
            self.sandbox.url, f"--listen-tls-certificate-file={self.path('server.crt')}",
            f"--listen-tls-key-file={self.path('server.key')}",
            f"--listen-tls-client-ca-file={self.path('ca.crt')}", CALM)
        os.chmod(self.write("etc/client-secret", "sandbox-secret\n"), 0o600)
        done = self.run(
            "profilectl init --no-ask --client-id=sandbox-client --org-id=SANDBOX@AdobeOrg "
            f"--secret-file={self.path('etc/client-secret')} --merge-policy={MERGE_POLICY} "
            f"--base-url={self.sandbox.url} --ims-url={self.sandbox.url} --listen=127.0.0.1:0 "
            "--operator=127.0.0.1:0 --output=etc/profile-contextd.yaml", self.folder)
        assert done.returncode == 0, done.stderr

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def make_trail(self):
        """An audit trail of several files."""
        os.chmod(self.write("etc/identity-key", "a key of the hashes of identities\n"), 0o600)
        server = Server(self.sandbox.url, f"--audit-file={self.path('audit')}",
                        f"--log-identity-key-file={self.path('etc/identity-key')}",
                        "--audit-rotate-bytes=20KiB", "--log-format=json", CALM)
        request = messages.GetContextRequest(identity=identity())
        for _ in range(100):
            server.call("GetContext", request)
        server.quit()
        sequence, digest = re.findall(
            r'"audit.anchor".*?"seq":(\d+),"hash":"(\w+)"', server.read_log())[-1]
        server.close()
        self.anchor = f"{sequence}:{digest}"
        names = sorted(name for name in os.listdir(self.folder) if name.startswith("audit."))
        assert names, "the trail was not rotated"
        self.trail = " ".join([*names, "audit"])

    def copy(self):
        """A folder of its own for the commands of a block, as they write files."""
        folder = tempfile.mkdtemp()
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return folder

    def given(self, command, folder):
        """The command with what a reader would put in for what it leaves open."""
        values = {
            "build/quickstart/bin/": f"{BIN}/", "build/release": BUILD, "build/dev": BUILD,
            "/etc/profile-context/": f"{folder}/etc/", "/var/log/profile-context/": f"{folder}/",
            "profile.example.com:443": self.encrypted.address,
            "http://127.0.0.1:8090": self.sandbox.url,
            "--server 127.0.0.1:50051": f"--server {self.server.address}",
            "127.0.0.1:50051": "127.0.0.1:0", "policy check example.yaml": "policy check policy.yaml",
            "policy test example.yaml": "policy test policy.yaml",
            "someone@example.com": "ada.byron@example.com",
            "python3 tests/": f"/usr/bin/python3 {ROOT}/tests/",
            "ADDRESS": self.server.address, "SEQ:HASH": self.anchor, "FILE...": self.trail,
            " ID": " 0",
        }
        pattern = "|".join(re.escape(text) for text in sorted(values, key=len, reverse=True))
        return re.sub(rf"(?:{pattern})(?:(?<=\W)|(?!\w))", lambda m: values[m.group()], command)

    def environment(self, folder):
        return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": folder,
                "PROFILECTL_SERVER": self.server.address,
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": self.path("ca.crt")}

    def run(self, command, folder, typed=""):
        return subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, input=typed,
                              env=self.environment(folder), capture_output=True, text=True,
                              timeout=60)

    def serve(self, command, folder):
        """Runs what serves until it does, and ends it."""
        ready = os.path.join(folder, "ready")
        if command.startswith("entity-sandbox"):
            command += f" --port 0 >{ready}"
        else:
            command += f" --listen-ready-file={ready} --operator-address=127.0.0.1:0"
            command += "" if "--listen-address" in command else " --listen-address=127.0.0.1:0"
        process = Process(["env", "-C", folder, "bash", "-c", f"exec {command}"],
                          env=self.environment(folder))

        def serves():
            assert process.popen.poll() is None, process.read_log()
            return os.path.exists(ready) and os.path.getsize(ready) > 0

        try:
            wait_until(serves, 30, command)
        except BaseException:
            process.close()
            raise
        process.end_well()
        os.unlink(ready)

    def close(self):
        for server in (self.server, self.encrypted):
            server.end_well()
        self.sandbox.close()
        shutil.rmtree(self.folder)


def serves(command):
    return (re.match(r"(profile-contextd|entity-sandbox) ", command) is not None
            and re.search(r"--(help|version|check-\w+|print-config)\b", command) is None)


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.documents = documents()
        cls.world = World()
        cls.addClassCleanup(cls.world.close)

    def commands(self):
        for name, found in self.documents.items():
            for block in found:
                if blocks.is_shell(block):
                    for command in blocks.commands(block):
                        yield name, block, command

    def test_every_command_does_what_it_is_there_for(self):
        ran, folders = 0, {}
        # Who is deleted cannot be looked up any more.
        for name, block, command in sorted(self.commands(), key=lambda c: " delete " in c[2]):
            if command in ELSEWHERE:
                continue
            if block not in folders:
                folders[block] = self.world.copy()
                self.addCleanup(shutil.rmtree, folders[block])
                if "profilectl init" not in block.text:
                    shutil.copy(os.path.join(folders[block], "etc", "profile-contextd.yaml"),
                                folders[block])
            with self.subTest(document=name, line=block.line, command=command):
                self.try_out(command, folders[block])
            ran += 1
        self.assertGreater(ran, 80)

    def try_out(self, command, folder):
        wanted = ENDS.get(command, 0)
        typed = next((text for begin, text in TYPED.items()
                      if command == begin or command.startswith(f"{begin} ")), "")
        typed = typed.format(merge_policy=MERGE_POLICY, sandbox=self.world.sandbox.url)
        command = self.world.given(command, folder)
        for pattern, shorter in SHORTER:
            command = re.sub(pattern, shorter, command)
        if serves(command):
            self.world.serve(command, folder)
            return
        if command.startswith("profilectl delete"):
            # It asks on a terminal only.
            command = f"script -qefc {shlex.quote(command)} /dev/null"
            typed = "yes\n"
        done = self.world.run(command, folder, typed)
        self.world.sandbox.faults({})
        self.assertEqual(done.returncode, wanted, f"{command}\n{done.stdout[-2000:]}{done.stderr}")
        self.assertTrue(done.stdout or " --output " in command or ">" in command
                        or "curl" in command or "test_" in command
                        or "audit show" in command,  # of which no line may be wanted
                        f"{command} says nothing")

    def test_what_is_run_elsewhere_is(self):
        left = set(ELSEWHERE) - {command for _, _, command in self.commands()}
        self.assertEqual(left, set(), "no document has these any more")
        for command, where in ELSEWHERE.items():
            with self.subTest(command=command):
                if where == "arguments":
                    self.check_arguments(*command.split())
                else:
                    self.assertIn(where[1], read(where[0]))

    def check_arguments(self, program, *arguments):
        known = subprocess.run([os.path.join(ROOT, program), "--help"], capture_output=True,
                               text=True, check=True, timeout=20).stdout
        # Attacks are functions of this name.
        known += read("tests/attacks/attacks.py") if "attacks" in program else ""
        for argument in arguments:
            if not argument.isdigit():
                self.assertRegex(known, rf"(?<![\w-]){re.escape(argument)}(?![\w-])")

    def test_every_block_is_commands_or_known_not_to_be(self):
        unknown = [block for found in self.documents.values() for block in found
                   if not blocks.is_shell(block) and block.first not in NO_COMMANDS]
        self.assertEqual(unknown, [])
        every = {block.first for found in self.documents.values() for block in found}
        self.assertEqual(set(NO_COMMANDS) - every, set(), "no document has these any more")

    def test_commands_within_the_text_have_the_flags_they_name(self):
        texts, asked = helps(), 0
        for path in blocks.tracked("*.md"):
            for command in re.findall(r"`([^`]+)`", read(path)):
                words = command.split() or [""]
                program = os.path.basename(words[0]) if words[0].startswith("build/") else words[0]
                if program in ("profilectl", "profile-contextd", "entity-sandbox"):
                    name = " ".join(words[:2]) if " ".join(words[:2]) in texts else program
                    known = texts[program] + texts[name]
                elif re.match(r"build/\w+/bin/", words[0]):
                    self.assertTrue(os.access(os.path.join(BIN, program), os.X_OK), command)
                    continue
                elif os.path.isfile(os.path.join(ROOT, program)) and len(words) > 1:
                    known = read(program)
                else:
                    continue
                for flag in re.findall(r"(?<=\s)--[a-z-]+", command):
                    self.assertRegex(known, rf"{flag}(?![\w-])", f"{path}: {command}")
                    asked += 1
        self.assertGreater(asked, 10)

    def test_configuration_in_documents_is_configuration(self):
        for found in self.documents.values():
            for block in found:
                kind = NO_COMMANDS.get(block.first)
                if kind == "configuration":
                    text = self.world.given(block.text, self.world.folder)
                    path = self.world.write("told.yaml", "sandbox: {enabled: true}\n" + text)
                    done = self.world.run(f"profile-contextd --config {path} --check-config",
                                          self.world.folder)
                    self.assertEqual(done.returncode, 0, done.stderr)
                elif kind == "policy":
                    path = self.world.write("told.yaml", block.text +
                                            "\npurposes: [marketing, sales]\ncallers: []\n")
                    done = self.world.run(f"profilectl policy check {path}", self.world.folder)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
