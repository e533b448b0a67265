"""Reads the documents: their blocks of code, and the commands in these."""

import os
import re
import shlex
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Made from the .proto files, by a program that has a test.
GENERATED = {"proto/XDM_PATHS.md"}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True,
                            check=True)
    return [path for path in listed.stdout.split() if path not in GENERATED]


class Block:
    """Lines of code of a document. `first` names it in tables: its first line."""

    def __init__(self, document, line, lines):
        while lines and not lines[-1].strip():
            lines.pop()
        self.document = document
        self.line = line
        self.text = "\n".join(lines)
        self.first = lines[0].strip() if lines else ""

    def __repr__(self):
        return f"{self.document}:{self.line}: {self.first}"


def of_markdown(path):
    """Blocks between fences, and those that are indented by four, in lists too."""
    found, lines, start, fenced, blank = [], [], 0, False, True

    def end():
        if lines:
            found.append(Block(path, start, list(lines)))
            lines.clear()

    for number, line in enumerate(read(path).split("\n"), 1):
        if line.startswith("```"):
            end()
            fenced = not fenced
            start = number + 1
        elif fenced:
            lines.append(line)
        elif line.startswith("    ") and (lines or blank):
            start = start if lines else number
            lines.append(line[4:])
        elif line.strip():
            end()
        elif lines:
            lines.append("")
        blank = not line.strip()
    end()
    return found


def of_manual(path):
    """Blocks of the section EXAMPLES, without roff's escapes."""
    found, lines, inside = [], [], False
    text = re.search(r"(?ms)^\.Sh EXAMPLES\n(.*?)(?=^\.Sh |\Z)", read(path))
    if text is None:
        return []
    begin = read(path)[:text.start(1)].count("\n") + 1
    for number, line in enumerate(text.group(1).split("\n"), begin):
        line = line.replace("\\e", "\\").replace("\\&", "")
        if line.startswith(".Bd"):
            inside = True
        elif line == ".Ed":
            inside = False
            found.append(Block(path, number, list(lines)))
            lines.clear()
        elif line.startswith(".Dl "):
            found.append(Block(path, number, [line.removeprefix(".Dl ")]))
        elif inside:
            lines.append(line)
    return found


def of_comments(path):
    """Commands in comments of configuration that is shipped: what stands there indented."""
    lines = [re.sub(r"(?<=\S)  +.*$", "", line) for line in
             re.findall(r"(?m)^#(?: {3,}(\S.*))?$", read(path))]
    return [block for block in (Block(path, 1, [line]) for line in lines if line) if is_shell(block)]


def of_help(name, text):
    """Examples in what --help of a program prints: indented lines that begin with its name or curl's, each
    with the lines that go on with it, without the explanations beside them."""
    program = name.split()[0]
    found, lines = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if lines or re.match(rf" +(?:\S.*\| )?(?:{program}|curl) (?!listening on)", line):
            lines.append(re.sub(r"(?<=\S)  +(?!.*').*$", "", line.strip()))
            if not lines[-1].endswith(("\\", "|")):
                found.append(Block(f"{name} --help", number, list(lines)))
                lines.clear()
    return found


def commands(block):
    """The commands of a block, each as a text for a shell; one may go on over lines."""
    found, pending = [], ""
    for line in block.text.split("\n"):
        pending = f"{pending}\n{line}" if pending else line.removeprefix("$ ")
        if pending.rstrip().endswith(("\\", "|")):
            continue
        try:
            shlex.split(pending, comments=True)
        except ValueError:
            continue # a quotation goes on
        if pending.strip():
            found.append(re.sub(r"\s+# .*$", "", pending.strip()))
        pending = ""
    if pending:
        raise ValueError(f"{block!r} ends within a command")
    return found


def is_shell(block):
    """Whether the first word is that of a program."""
    word = re.sub(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*", "", block.first).split(" ")[0]
    return (word in PROGRAMS or word.startswith("build/") or
            (re.fullmatch(r"[\w./-]+/[\w./-]+", word) is not None and
             os.access(os.path.join(ROOT, word), os.X_OK)))


PROGRAMS = {"profile-contextd", "profilectl", "entity-sandbox", "cmake", "ctest", "curl", "promtool",
            "git", "cd", "cut", "python3", "buf", "kubectl", "docker", "podman", "nginx", "envoy",
            "podman-compose", "systemctl", "journalctl", "apt", "apt-get", "sudo", "dpkg", "openssl", "jq", "npm", "gdb"}
