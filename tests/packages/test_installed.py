"""What else befalls the Debian packages under systemd than the stranger's path (tests/packages/stranger,
which goes before and installs what this needs): secrets of root's, hangs, wrong configurations,
systemd's sockets, upgrades and downgrades with changed configurations. Run on a throwaway machine
(tests/packages/machine) in the order of the names: each step begins where the one before it ended.

Environment: PC_DEBS is the folder of the packages, PC_PYTHON_PROTOS that of the Python stubs.
"""

import glob
import grp
import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.environ["PC_PYTHON_PROTOS"])

import grpc  # noqa: E402
from profilecontext.v1 import profile_context_pb2 as messages  # noqa: E402

DEBS = os.environ["PC_DEBS"]
CONFIG = "/etc/profile-context/profile-contextd.yaml"
DROP_INS = "/etc/systemd/system/profile-contextd.service.d"
UNIT = "profile-contextd"
ADA = ("Email", "ada.byron@example.com")
SETTINGS = """
listen:
  address: 127.0.0.1:50051
operator:
  address: 127.0.0.1:9464
upstream:
  base_url: http://127.0.0.1:8095
  ims_url: http://127.0.0.1:8095
  client_id: sandbox-client
  org_id: SANDBOX@AdobeOrg
  merge_policy: 00000000-0000-4000-8000-00000000ad01
# Ours, and to stay so.
log:
  level: info
"""


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if check and done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}\n{journal()}")


def journal():
    return run("journalctl", "--no-pager", "-n", "50", "-u", UNIT, check=False).stdout


def show(name):
    return run("systemctl", "show", "--value", "-p", name, UNIT).stdout.strip()


def start(verb="start", unit=UNIT):
    done = run("systemctl", verb, unit, check=False)
    assert done.returncode == 0, done.stderr + journal()


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def read(path):
    with open(path) as file:
        return file.read()


def sandbox_answers():
    try:
        with urllib.request.urlopen("http://127.0.0.1:8095/_sandbox/stats", timeout=10):
            return True
    except OSError:
        return False


def deb(name):
    return glob.glob(os.path.join(DEBS, name + "_*.deb"))[0]


def install(*packages):
    """As unattended upgrades do: what was changed stays."""
    return run("dpkg", "--install", "--force-confold", *packages)


def installed_version():
    return run("dpkg-query", "--show", "--showformat=${Version}", "profile-contextd").stdout


def ask():
    with grpc.insecure_channel("127.0.0.1:50051") as channel:
        return channel.unary_unary(
            "/profilecontext.v1.ProfileContext/GetContext",
            messages.GetContextRequest.SerializeToString, messages.GetContextResponse.FromString,
        )(messages.GetContextRequest(identity={"namespace": ADA[0], "id": ADA[1]}), timeout=10).context


def as_version(path, version, folder):
    """The same package as another version, with another default configuration."""
    tree = tempfile.mkdtemp(dir=folder)
    run("dpkg-deb", "--raw-extract", path, tree)
    control = os.path.join(tree, "DEBIAN", "control")
    write(control, re.sub("(?m)^Version: .*$", f"Version: {version}", read(control)))
    write(tree + CONFIG, read(tree + CONFIG) + f"# Of version {version}.\n")
    run("dpkg-deb", "--build", "--root-owner-group", tree, tree + ".deb")
    return tree + ".deb"


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.before = everything()
        cls.folder = tempfile.mkdtemp(dir="/var/tmp")

    def test_01_a_fresh_installation_waits_for_settings(self):
        told = install(*glob.glob(os.path.join(DEBS, "*.deb"))).stdout
        self.assertIn(f"put your account's settings into {CONFIG}", told)
        self.assertEqual(show("ActiveState"), "inactive")
        self.assertEqual(run("systemctl", "is-enabled", UNIT).stdout.strip(), "enabled")
        about = os.stat(CONFIG)
        self.assertEqual(about.st_mode & 0o7777, 0o640)
        self.assertEqual(grp.getgrgid(about.st_gid).gr_name, "profile-context")
        self.assertEqual(os.stat("/etc/profile-context").st_mode & 0o7777, 0o750)
        self.assertEqual(pwd.getpwnam("profile-context").pw_shell, "/usr/sbin/nologin")
        for program in ["profile-contextd", "profilectl", "entity-sandbox"]:
            version = run(f"/usr/bin/{program}", "--version").stdout.split("\n")[0]
            self.assertRegex(version, rf"^{program} \d+\.\d+\.\d+$")
            self.assertIn(version.split()[1], os.path.basename(deb(program)))
        for page in ["profile-contextd.8", "profile-contextd.yaml.5", "profilectl.1",
                     "entity-sandbox.1"]:
            section = page.rsplit(".", 1)[1]
            self.assertTrue(os.path.exists(f"/usr/share/man/man{section}/{page}.gz"), page)

    def test_02_what_the_configuration_shows_in_comments_is_right(self):
        """With its comments taken away it is a whole configuration."""
        text = re.sub(r"(?m)^(\s*)# ?(\w+: ?\S+)$", r"\1\2", read(CONFIG))
        text = re.sub(r"(?m)^# (\w+:)$", r"\1", text).replace("#   enabled", "  enabled")
        text = re.sub(r"(?m)^  tls_.*\n", "", text)
        folder = os.path.join(self.folder, "comments")
        write(f"{folder}/client-secret", "x\n", 0o600)
        text = text.replace("/etc/profile-context/client-secret", f"{folder}/client-secret")
        self.assertIn("client_id: 0", text)
        write(f"{folder}/c.yaml", text)
        self.assertIn("enabled: true", text)
        run("profile-contextd", "--config", f"{folder}/c.yaml", "--check-config")

    def test_03_it_starts_with_a_secret_that_only_root_may_read(self):
        run("systemd-run", "--unit=sandbox", "entity-sandbox", "--port", "8095", "--demo")
        wait_until(sandbox_answers, 20, "the sandbox")
        write(CONFIG, SETTINGS, 0o640)
        write("/etc/profile-context/credentials/client-secret", "sandbox-secret\n", 0o600)
        write(f"{DROP_INS}/credentials.conf",
              read("/usr/share/doc/profile-contextd/examples/credentials.conf"))
        run("systemctl", "daemon-reload")
        start()
        # Type=notify: what has started serves.
        ask()
        self.assertEqual(show("StatusText"), "serving on 127.0.0.1:50051")
        pid = show("MainPID")
        status = read(f"/proc/{pid}/status")
        self.assertIn(f"\nUid:\t{pwd.getpwnam('profile-context').pw_uid}\t", status)
        self.assertIn("\nCapBnd:\t0000000000000000", status)
        self.assertIn("\nSeccomp:\t2", status)
        self.assertNotIn("sandbox-secret", read(f"/proc/{pid}/environ") + journal())

    def test_04_a_process_that_hangs_is_started_anew(self):
        write(f"{DROP_INS}/watchdog.conf", "[Service]\nWatchdogSec=1\n")
        run("systemctl", "daemon-reload")
        start("restart")
        pid = show("MainPID")
        os.kill(int(pid), signal.SIGSTOP)
        wait_until(lambda: show("NRestarts") == "1" and show("ActiveState") == "active", 30,
                   "a restart by the watchdog")
        self.assertNotEqual(show("MainPID"), pid)
        ask()
        os.unlink(f"{DROP_INS}/watchdog.conf")
        run("systemctl", "daemon-reload")

    def test_05_a_wrong_configuration_is_not_tried_again(self):
        write(CONFIG, SETTINGS + "no_such_group:\n  key: 1\n", 0o640)
        self.assertNotEqual(run("systemctl", "restart", UNIT, check=False).returncode, 0)
        self.assertEqual(show("ExecMainStatus"), "2")
        self.assertEqual(show("NRestarts"), "0")
        self.assertIn("no_such_group", journal())
        write(CONFIG, SETTINGS, 0o640)
        run("systemctl", "reset-failed", UNIT)
        start()

    def test_06_with_a_socket_of_systemds_nobody_is_refused(self):
        config = read(CONFIG)
        run("systemctl", "stop", UNIT)
        write(CONFIG, SETTINGS.replace("address: 127.0.0.1:50051", "address: fd:3"), 0o640)
        start("start", "profile-contextd.socket")
        # The first call starts the server.
        self.assertEqual(show("ActiveState"), "inactive")
        ask()
        self.assertEqual(show("ActiveState"), "active")
        self.assertRegex(show("StatusText"), r"^serving on \[::\]:50051$")
        # While it restarts, calls wait.
        restart = subprocess.Popen(["systemctl", "restart", UNIT])
        asked = 0
        while restart.poll() is None or asked < 3:
            ask()
            asked += 1
        self.assertEqual(restart.returncode, 0)
        run("systemctl", "stop", "profile-contextd.socket", UNIT)
        write(CONFIG, config, 0o640)
        start()

    def test_07_an_upgrade_keeps_the_configuration_and_goes_on(self):
        pid = show("MainPID")
        config = read(CONFIG)
        install(as_version(deb("profile-contextd"), "99.0-1", self.folder))
        self.assertEqual(read(CONFIG), config)
        self.assertEqual(os.stat(CONFIG).st_mode & 0o7777, 0o640)
        self.assertIn("Of version 99.0-1", read(CONFIG + ".dpkg-dist"))
        self.assertEqual(show("ActiveState"), "active")
        self.assertNotEqual(show("MainPID"), pid)

    def test_08_a_downgrade_is_refused_unless_asked_for(self):
        config = read(CONFIG)
        to = deb("profile-contextd")
        refused = run("apt-get", "install", "-y", to, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("without --allow-downgrades", refused.stderr)
        # One that was stopped stays so.
        run("systemctl", "stop", UNIT)
        self.assertEqual(show("Result"), "success")
        run("apt-get", "install", "-y", "--allow-downgrades", "-o", "Dpkg::Options::=--force-confold", to)
        self.assertIn(installed_version(), os.path.basename(to))
        self.assertEqual(show("ActiveState"), "inactive")
        self.assertEqual(read(CONFIG), config)
        start()
        ask()

    def test_09_removal_stops_it_and_keeps_the_configuration(self):
        run("dpkg", "--remove", "profile-contextd")
        self.assertFalse(os.path.exists("/usr/bin/profile-contextd"))
        self.assertNotEqual(run("systemctl", "is-active", UNIT, check=False).returncode, 0)
        self.assertIn("Ours, and to stay so", read(CONFIG))
        install(deb("profile-contextd"))
        self.assertIn("Ours, and to stay so", read(CONFIG))

    def test_10_a_purge_leaves_nothing_but_what_was_put_there(self):
        run("dpkg", "--purge", "profile-contextd", "profilectl", "entity-sandbox",
            "libprofilecontext-dev", "libprofilecontext0")
        left = everything() - self.before
        self.assertEqual({path for path in left if "/credentials" not in path}, {
            "/etc/profile-context", "/etc/systemd/system/profile-contextd.service.d",
        })
        with self.assertRaises(KeyError):
            pwd.getpwnam("profile-context")

    def test_11_a_configuration_that_nobody_changed_becomes_the_new_versions(self):
        install(as_version(deb("profile-contextd"), "0.0.1-1", self.folder))
        self.assertIn("Of version 0.0.1-1", read(CONFIG))
        install(deb("profile-contextd"))
        self.assertNotIn("Of version", read(CONFIG))
        about = os.stat(CONFIG)
        self.assertEqual(about.st_mode & 0o7777, 0o640)
        self.assertEqual(grp.getgrgid(about.st_gid).gr_name, "profile-context")
        self.assertFalse(glob.glob(CONFIG + ".dpkg-*"))


def everything():
    """What is in the folders that packages write to, but for the package manager's own notes."""
    found = set()
    for top in ["/etc", "/usr", "/var/lib"]:
        for folder, folders, files in os.walk(top):
            if "/dpkg" in folder or folder.startswith(("/usr/lib/python", "/var/lib/apt",
                                                       "/var/lib/systemd", "/var/lib/ucf")):
                folders.clear()
                continue
            found.update(os.path.join(folder, name) for name in folders + files)
    backups = {"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"}
    return {path for path in found if "__pycache__" not in path} - backups


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
