"""What a result depends on: the machine, the versions of what was measured, the commit."""

import os
import platform
import re
import resource
import subprocess
import time


def _output(*command, cwd=None):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True,
                              cwd=cwd).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        match = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.M)
    return match.group(1) if match else platform.machine()


def _package(name):
    return _output("dpkg-query", "-W", "-f", "${Version}", name)


def _npm_package(folder, name):
    text = _output("node", "-p", f"require('./node_modules/{name}/package.json').version",
                   cwd=folder)
    return text or "not installed"


class Others:
    """What programs that are not ours, and the host, take of the machine meanwhile. To be asked
    when all of ours have ended."""

    def __init__(self):
        self._begin = time.monotonic()
        self._before = self._seconds()

    @staticmethod
    def _seconds():
        with open("/proc/stat", encoding="utf-8") as file:
            # Without interrupts: of a load over loopback they are our own. Some of their time is
            # in ours, so that this is too little rather than too much.
            user, nice, system, _, _, _, _, steal = map(int, file.readline().split()[1:9])
        ours = sum(used.ru_utime + used.ru_stime for used in map(
            resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
        return (user + nice + system + steal) / os.sysconf("SC_CLK_TCK") - ours

    def cores(self):
        return max(0.0, (self._seconds() - self._before) / (time.monotonic() - self._begin))


def describe(root, binaries, peers):
    changed = _output("git", "-C", root, "status", "--porcelain", "--untracked-files=no")
    commit = _output("git", "-C", root, "rev-parse", "--short=12", "HEAD")
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory_kib = int(re.search(r"MemTotal:\s*(\d+)", file.read()).group(1))
    return {
        "commit": commit + (" and changes" if changed else ""),
        "date": _output("date", "-u", "+%Y-%m-%d"),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory_kib / (1 << 20), 1),
        "kernel": platform.release(),
        "server": _output(f"{binaries}/profile-contextd", "--version").replace("\n", "; "),
        "libgrpc++": _package("libgrpc++-dev"),
        "protobuf": _package("libprotobuf-dev"),
        "h2load": _package("nghttp2-client"),
        "node": _output("node", "--version"),
        "grpc-js": _npm_package(peers, "@grpc/grpc-js"),
        "protobufjs": _npm_package(peers, "protobufjs"),
    }
