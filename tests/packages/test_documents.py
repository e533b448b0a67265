"""Whether the documents say what the programs do: reasons of errors, flags, versions, links.

Environment: PC_BUILD is the folder of a build with the programs and the documents made from sources.
"""

import os
import re
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ["PC_BUILD"]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True,
                            check=True)
    return listed.stdout.split()


def output(program, *arguments):
    done = subprocess.run([os.path.join(BUILD, "bin", program), *arguments], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Errors(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        rows = re.findall(r"(?m)^\| `([A-Z_0-9]+)` \| ([A-Z_, -]+) \| (.*) \| (.*) \|$",
                          read("server/ERRORS.md"))
        self.assertEqual(len(rows), len({row[0] for row in rows}), "a reason has two rows")
        self.rows = {row[0]: row[1:] for row in rows}
        self.sources = {path: read(path) for path in tracked("server/*.c", "server/*.h")}

    def test_every_reason_has_its_row(self):
        """Reasons are the only texts IN_CAPITALS, but for gRPC's codes, variables and
        what sections are called in the audit trail."""
        others = {code.upper() for code in re.findall(r'"([A-Z_]+)"', read("server/util/status.c"))}
        others |= {"PROFILE_CONTEXT_CONFIG", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                   "NOT_ENABLED"}
        missing = [f"{path}: {reason}" for path, text in self.sources.items()
                   for reason in re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"', text)
                   if reason not in self.rows and reason not in others]
        self.assertEqual(missing, [], "server/ERRORS.md needs a row `reason | code | what | remedy`")

    def test_every_row_has_the_code_that_is_sent(self):
        made = re.compile(r'pc_status_new\(\s*PC_CODE_(\w+),\s*"([A-Z_0-9]+)"')
        wrong = [f"{path}: {reason} is {code}" for path, text in self.sources.items()
                 for code, reason in made.findall(text)
                 if code not in self.rows.get(reason, ("no row",))[0]]
        self.assertEqual(wrong, [])

    def test_there_is_no_row_of_a_reason_that_has_gone(self):
        everything = "".join(self.sources.values())
        gone = [reason for reason in self.rows if f'"{reason}"' not in everything]
        self.assertEqual(gone, [])

    def test_every_denial_is_counted_by_its_reason(self):
        counted = re.findall(r'"([A-Z_]+)"', self.sources["server/policy/denials.c"])
        section = read("server/ERRORS.md").split("## What the policy does not grant")[1].split("\n## ")[0]
        denied = re.findall(r"(?m)^\| `(\w+)` \| PERMISSION_DENIED \|", section)
        self.assertEqual(sorted(counted), sorted([*denied, "DELETE_NOT_GRANTED"]))

    def test_every_row_says_what_to_do(self):
        self.assertTrue(all(len(row[1]) > 10 and row[2] for row in self.rows.values()))


class Manuals(unittest.TestCase):
    def check_flags(self, program, page, *arguments):
        text = re.sub(r"\\&|\\", "", page)
        flags = set(re.findall(r"(?m)^ +(?:-\w, )?(--[a-z][a-z-]+)", output(program, *arguments)))
        self.assertGreater(len(flags), 3)
        missing = {flag for flag in flags
                   if f"-{flag[2:]}" not in re.sub(r"Fl -", "-", text) and flag not in text}
        self.assertEqual(missing, set(), f"{program}'s manual page lacks flags of its --help")

    def test_the_servers_pages_have_every_flag(self):
        with open(os.path.join(BUILD, "server/config/profile-contextd.yaml.5")) as file:
            self.check_flags("profile-contextd", read("server/profile-contextd.8") + file.read(),
                             "--help")

    def test_the_clients_page_has_every_flag_and_command(self):
        page = read("client/cli/profilectl.1")
        self.check_flags("profilectl", page, "--help")
        commands = re.findall(r"(?m)^  ([a-z]+)  ", output("profilectl", "--help"))
        self.assertGreater(len(commands), 5)
        for command in commands:
            self.assertIn(command, page)
            self.check_flags_of(command, page)

    def check_flags_of(self, command, page):
        """Of one command; one without flags of its own has none to miss."""
        text = re.sub(r"Fl -", "-", re.sub(r"\\&|\\", "", page))
        flags = re.findall(r"(?m)^ +(--[a-z][a-z-]+)", output("profilectl", command, "--help"))
        self.assertEqual([flag for flag in flags if f"-{flag[2:]}" not in text], [], command)

    def test_the_sandboxs_page_has_every_flag(self):
        self.check_flags("entity-sandbox", read("tests/sandbox/entity-sandbox.1"), "--help")


class Reference(unittest.TestCase):
    def test_every_rpc_and_message_is_explained(self):
        with open(os.path.join(BUILD, "generated/API.md")) as file:
            reference = file.read()
        for path in tracked("proto/profilecontext/v1/*.proto"):
            if path.endswith("annotations.proto"):
                continue
            for name in re.findall(r"(?m)^ *(?:rpc|message|enum) (\w+)", read(path)):
                heading = re.search(rf"(?m)^### (?:\w+\.)*{name}\n\n(?:`rpc .*`\n\n)?(.)", reference)
                self.assertIsNotNone(heading, name)
                self.assertNotIn(heading.group(1), "|#", f"{name} has no comment")


class Versions(unittest.TestCase):
    def test_there_is_one(self):
        version = re.search(r"project\(\w+ VERSION ([\d.]+)", read("CMakeLists.txt")).group(1)
        for program in ["profile-contextd", "profilectl", "entity-sandbox"]:
            self.assertEqual(output(program, "--version").split("\n")[0], f"{program} {version}")
        self.assertIn(f"\n## {version} - ", read("deploy/docs/CHANGELOG.md"))


class Links(unittest.TestCase):
    def test_what_documents_point_to_is_there(self):
        lost = []
        for path in tracked("*.md"):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", read(path)):
                if "://" not in target and not os.path.exists(
                        os.path.join(ROOT, os.path.dirname(path), target)):
                    lost.append(f"{path}: {target}")
        self.assertEqual(lost, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
