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

    def test_every_group_of_keys_is_introduced(self):
        with open(os.path.join(BUILD, "server/config/profile-contextd.yaml.5")) as file:
            page = file.read()
        groups = re.findall(r"(?m)^([a-z_]+):$", output("profile-contextd", "--help"))
        self.assertGreater(len(groups), 15)
        for group in groups:
            self.assertRegex(page, rf"(?m)^\.Ss {group}\n[A-Z]", group)

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


class Rpcs(unittest.TestCase):
    def test_every_rpc_is_where_it_has_to_be(self):
        """server/ADDING.md lists these places."""
        service = read("proto/profilecontext/v1/profile_context.proto")
        names = re.findall(r"(?m)^ *rpc (\w+)", service)
        self.assertGreater(len(names), 10)
        places = {"server/service/service.c": 'METHOD("{}"', "server/policy/grant.c": '"{}"',
                  "client/lib/methods.c": ", {})", "README.md": "| `{}` |",
                  "tests/e2e/harness.py": '"{}": (', "tests/e2e/test_canary.py": '"{}"',
                  "deploy/docs/CHANGELOG.md": "`{}`"}
        for path, form in places.items():
            text = read(path)
            for name in names:
                self.assertIn(form.format(name), text, path)


class Versions(unittest.TestCase):
    def test_there_is_one(self):
        version = re.search(r"project\(\w+ VERSION ([\d.]+)", read("CMakeLists.txt")).group(1)
        for program in ["profile-contextd", "profilectl", "entity-sandbox"]:
            self.assertEqual(output(program, "--version").split("\n")[0], f"{program} {version}")
        self.assertIn(f"\n## {version} - ", read("deploy/docs/CHANGELOG.md"))


class Completions(unittest.TestCase):
    """What a shell offers is what there is."""

    def offered(self, script, function, *words):
        given = " ".join(f"'{word}'" for word in words)
        done = subprocess.run(
            ["bash", "-c", f"source {os.path.join(ROOT, script)}; COMP_WORDS=({given}); "
             f"COMP_CWORD={len(words) - 1}; {function} 2>/dev/null; "
             'printf "%s\\n" "${COMPREPLY[@]}"'],
            capture_output=True, text=True, timeout=20, check=True,
            env={**os.environ, "PATH": f"{BUILD}/bin:{os.environ['PATH']}"})
        return set(done.stdout.split())

    def flags(self, *words):
        return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", output(*words)))

    def test_of_profilectl(self):
        script, function = "client/cli/profilectl.bash-completion", "_profilectl"
        page = re.sub(r"Fl -", "--", re.sub(r"\\&|\\", "", read("client/cli/profilectl.1")))
        whole = output("profilectl", "--help")
        everywhere = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", whole.split("\nOptions of every")[1]))
        commands = set(re.findall(r"(?m)^  ([a-z]+)  ", whole))
        self.assertEqual(self.offered(script, function, "profilectl", ""), commands)
        known = everywhere.copy()
        for command in commands:
            own = self.flags("profilectl", command, "--help") - {"--upstream-sandbox"}
            known |= own
            offered = self.offered(script, function, "profilectl", command, "--")
            self.assertLessEqual(own, offered, command)
            self.assertLessEqual(offered, own | everywhere, command)
        self.assertLessEqual(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)), known)

    def test_of_the_server(self):
        offered = self.offered("server/profile-contextd.bash-completion", "_profile_contextd",
                               "profile-contextd", "--")
        flags = set(re.findall(r"(?m)^ +(--[a-z0-9-]+)", output("profile-contextd", "--help")))
        self.assertGreater(len(flags), 100)
        self.assertEqual(offered, flags)

    def test_of_the_sandbox(self):
        offered = self.offered("tests/sandbox/entity-sandbox.bash-completion", "_entity_sandbox",
                               "entity-sandbox", "--")
        self.assertEqual(offered, self.flags("entity-sandbox", "--help"))
        page = re.sub(r"Fl -", "--", re.sub(r"\\&|\\", "", read("tests/sandbox/entity-sandbox.1")))
        self.assertLessEqual(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)), offered)


class Mentions(unittest.TestCase):
    """What documents name in `code` is there."""

    def setUp(self):
        self.documents = {path: read(path) for path in tracked("*.md")
                          if path != "proto/XDM_PATHS.md"}
        self.sources = "".join(read(path) for path in tracked("server/*.c", "server/*.h"))

    def words(self, pattern):
        for path, text in self.documents.items():
            for word in re.findall(rf"`({pattern})`", text):
                yield path, word

    def test_files_and_folders(self):
        names = {os.path.basename(path) for path in tracked()}
        made = {"profilecontext.v1.ProfileContext/GetContext"}
        lost = [f"{path}: {word}" for path, word in self.words(r"[\w.-]+(?:/[\w.{},*-]+)+/?")
                if word not in made and not word.startswith("build/") and not any(
                    os.path.exists(os.path.join(ROOT, where, word))
                    for where in ("", os.path.dirname(path), "server", "tests", "tests/unit"))]
        lost += [f"{path}: {word}" for path, word in
                 self.words(r"[\w-]+\.(?:c|h|py|js|yaml|cc|sh|conf|proto)") if word not in names]
        self.assertEqual(lost, [])

    def test_files_in_the_picture(self):
        folders = ("", "rpc", "service", "mapping")
        named = re.findall(r">([\w/]+\.c|context/cache)<", read("server/request.svg"))
        self.assertGreater(len(named), 10)
        for name in named:
            self.assertTrue(any(os.path.exists(os.path.join(ROOT, "server", folder, name))
                                for folder in folders), name)

    def test_keys_of_the_configuration(self):
        keys, group = set(), ""
        for line in output("profile-contextd", "--help").split("\n"):
            if re.fullmatch(r"[a-z_]+:", line):
                group = line[:-1]
            flag = re.match(r"  --([a-z0-9-]+)", line)
            if flag and group:
                keys.add(f"{group}." + flag.group(1).replace("-", "_").removeprefix(f"{group}_"))
        groups = {key.split(".")[0] for key in keys}
        self.assertGreater(len(keys), 100)
        # Secrets have no flag, but a file's key has.
        keys |= {key.removesuffix("_file") for key in keys}
        events = "".join(read(path) for path in tracked("server/*.c", "server/*/*.c")
                         if not path.startswith("server/config/"))
        asked = 0
        for path, word in self.words(r"[a-z_]+\.[a-z0-9_]+\*?"):
            if word.split(".")[0] not in groups or f'"{word}"' in events:
                continue # no key, or an event of the log
            if re.search(r"\.(c|h|py|yaml|html|png)$", word):
                continue
            asked += 1
            if word.endswith("*"):
                self.assertTrue(any(key.startswith(word[:-1]) for key in keys), f"{path}: {word}")
            elif not word.startswith("summary."): # which are fields, too
                self.assertIn(word, keys, path)
        self.assertGreater(asked, 60)

    def test_metrics(self):
        asked = 0
        for path, word in self.words(r"profilecontext_\w+(?:\{.*?\})?"):
            self.assertIn(f'"{word.split("{")[0]}"', self.sources, path)
            asked += 1
        table = read("server/operator/README.md").split("## Reading the metrics")[1].split("\n## ")[0]
        for name in re.findall(r"`([a-z_]+_(?:total|seconds|bytes|flight|row|waiting|failing))\b", table):
            self.assertIn(f'"profilecontext_{name}"', self.sources)
            asked += 1
        self.assertGreater(asked, 15)


class Links(unittest.TestCase):
    def test_what_documents_point_to_is_there(self):
        lost = []
        for path in tracked("*.md"):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", read(path)):
                if "://" not in target and not os.path.exists(
                        os.path.join(ROOT, os.path.dirname(path), target)):
                    lost.append(f"{path}: {target}")
        self.assertEqual(lost, [])

    def test_headings_that_are_pointed_to_are_there(self):
        asked = 0
        for path in tracked("*.md"):
            for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", read(path)):
                if "://" in target:
                    continue
                there = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
                headings = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
                            for heading in re.findall(r"(?m)^#+ (.*)$", read(there))}
                self.assertIn(anchor, headings, f"{path}: {target}")
                asked += 1
        self.assertGreater(asked, 5)

    def test_every_document_is_led_to_from_the_readme(self):
        led = {os.path.normpath(target) for target in
               re.findall(r"\]\(([^)#\s]+)[^)]*\)", read("README.md"))}
        led |= {os.path.join(path, "README.md") for path in led}
        lost = [path for path in tracked("*.md") if path not in led and path != "README.md"]
        self.assertEqual(lost, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
