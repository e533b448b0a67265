"""The images of deploy/container: built as compose.yaml says, and run as it says, but on a network of
their own where each is reached at 127.0.0.1.

Environment: PC_PODMAN is podman with its options; its storage has the base image.
"""

import json
import os
import subprocess
import tempfile
import time
import unittest

import yaml

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      "deploy", "container")
PODMAN = os.environ["PC_PODMAN"].split()
OURS = ["sandbox", "server"]  # in the order that they start; the others' images are not built here
# No cgroups, which are the machine's; and no more descriptors than it gives.
LIMITS = ["--cgroups=disabled", "--ulimit=nofile=4096:4096", "--ulimit=nproc=1024:1024"]


def podman(*arguments, check=True):
    done = subprocess.run([*PODMAN, *arguments], capture_output=True, text=True, timeout=600)
    if check and done.returncode != 0:
        raise AssertionError(f"podman {arguments} ended with {done.returncode}:\n"
                             f"{done.stdout[-3000:]}{done.stderr[-6000:]}")
    return done


def services():
    with open(os.path.join(FOLDER, "compose.yaml")) as file:
        return yaml.safe_load(file)["services"]


def build(how, target, image):
    context = os.path.join(FOLDER, how["context"])
    # Docker's format: the other knows no health check. Every RUN has the network of this machine.
    podman("build", "--format=docker", "--isolation=chroot", "--pull=never", "--layers",
           "--file", os.path.join(context, how["dockerfile"]), "--target", target, "--tag", image,
           context)


def options(service):
    """What compose would have podman do."""
    for name in service.get("cap_drop", []):
        yield f"--cap-drop={name}"
    for option in service.get("security_opt", []):
        yield f"--security-opt={option}"
    if service.get("read_only"):
        yield from ["--read-only", "--read-only-tmpfs=false"]
    for name, value in service.get("environment", {}).items():
        yield f"--env={name}={value}"
    for path in service.get("tmpfs", []):
        yield f"--tmpfs={path}"
    for volume in service.get("volumes", []):
        yield "--volume=" + os.path.join(FOLDER, volume)


def start(name, service, hosts):
    # The first one's network is everybody's.
    network = "none" if name == OURS[0] else f"container:{OURS[0]}"
    podman("run", "--detach", f"--name={name}", f"--network={network}",
           f"--volume={hosts}:/etc/hosts:ro", *LIMITS, *options(service), service["image"],
           *service.get("command", []))


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}\n{podman('logs', 'server', check=False)}")


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        podman("rm", "--all", "--force", "--time=0")
        cls.services = services()
        print("step: build the packages on a clean base", flush=True)
        # With a name of its own it is not pruned.
        build(cls.services[OURS[0]]["build"], "build", "build-of-profile-context")
        for name in OURS:
            print(f"step: build the image of the {name}", flush=True)
            how = cls.services[name]["build"]
            build(how, how["target"], cls.services[name]["image"])
        print("step: run them, with a read-only root and no rights", flush=True)
        cls.hosts = tempfile.NamedTemporaryFile("w")
        cls.hosts.write("127.0.0.1 localhost " + " ".join(OURS) + "\n")
        cls.hosts.flush()
        os.chmod(cls.hosts.name, 0o644)
        for name in OURS:
            start(name, cls.services[name], cls.hosts.name)

    @classmethod
    def tearDownClass(cls):
        podman("rm", "--all", "--force", "--time=0", check=False)
        # Layers of former sources.
        podman("image", "prune", "--force", check=False)
        cls.hosts.close()

    def test_01_it_is_healthy_by_its_own_probe(self):
        wait_until(lambda: podman("healthcheck", "run", "server", check=False).returncode == 0, 30,
                   "a healthy server")

    def test_02_it_answers(self):
        told = podman("exec", "server", "profilectl", "context", "email:ada.byron@example.com").stdout
        self.assertIn("3 for 613.40 EUR", told)

    def test_03_it_has_no_rights(self):
        for name in OURS:
            pid = podman("inspect", "--format={{.State.Pid}}", name).stdout.strip()
            with open(f"/proc/{pid}/status") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            self.assertEqual(status["Uid"].split(), ["65532"] * 4, name)
            self.assertEqual(int(status["CapBnd"], 16), 0, name)
            self.assertEqual(status["NoNewPrivs"], "1", name)
            self.assertEqual(status["Seccomp"], "2", name)

    def test_04_nothing_can_be_written(self):
        for path in ["/x", "/tmp/x", "/var/lib/x", "/etc/profile-context/x"]:
            done = podman("exec", "--user=0", "server", "sh", "-c", f": >{path}", check=False)
            self.assertIn("Read-only file system", done.stderr, path)

    def test_05_its_secrets_are_not_in_the_image(self):
        image = self.services["server"]["image"]
        for told in [podman("image", "inspect", image), podman("history", "--no-trunc", image)]:
            self.assertNotIn("secret", told.stdout.lower())
        files = podman("run", "--rm", "--network=none", *LIMITS, "--user=0",
                       "--entrypoint=find", image, "/etc", "-path", "*/profile-context/*").stdout
        self.assertEqual(files, "")

    def test_06_without_settings_it_says_what_it_lacks(self):
        done = podman("run", "--rm", "--network=none", *LIMITS, self.services["server"]["image"],
                      check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("client_id", done.stderr + done.stdout)

    def test_07_it_stops_when_asked(self):
        podman("stop", "--time=20", "server")
        state = json.loads(podman("inspect", "server").stdout)[0]["State"]
        self.assertEqual(state["ExitCode"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
