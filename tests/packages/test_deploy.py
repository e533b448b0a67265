"""Whether what deploys the server fits together and fits the server: names that are referred to exist,
every configuration is one that the server takes, and nothing runs with rights it does not need.

Environment: PC_BUILD is the folder of a build with the programs.
"""

import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ["PC_BUILD"]


def read(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read()


VERSION = re.search(r"project\(\w+ VERSION ([\d.]+)", read("CMakeLists.txt")).group(1)


def load(path):
    return list(yaml.safe_load_all(read(path)))


def check_config(text, env=None, secrets="/run/secrets/profile-context"):
    """Has the server check a configuration; its secrets are put into place."""
    with tempfile.TemporaryDirectory() as folder:
        for name in re.findall(rf"{secrets}/([\w.-]+)", text):
            path = os.path.join(folder, name)
            with open(path, "w") as file:
                file.write("0123456789abcdef\n")
            os.chmod(path, 0o440)
        path = os.path.join(folder, "config.yaml")
        with open(path, "w") as file:
            file.write(text.replace(secrets, folder))
        done = subprocess.run([f"{BUILD}/bin/profile-contextd", "--config", path, "--check-config"],
                              capture_output=True, text=True, timeout=20, env=env or {})
        assert done.returncode == 0, done.stderr


class Kubernetes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.documents = {}
        for path in sorted(glob.glob(os.path.join(ROOT, "deploy/kubernetes/*.yaml"))):
            for document in load(path):
                cls.documents.setdefault(document["kind"], []).append(document)
        cls.pod = cls.documents["Deployment"][0]["spec"]["template"]
        cls.container = cls.pod["spec"]["containers"][0]

    def one(self, kind):
        self.assertEqual(len(self.documents[kind]), 1)
        return self.documents[kind][0]

    def test_every_file_is_applied(self):
        files = {os.path.basename(path) for path in
                 glob.glob(os.path.join(ROOT, "deploy/kubernetes/*.yaml"))}
        self.assertEqual(set(self.one("Kustomization")["resources"]), files - {"kustomization.yaml"})

    def test_the_server_takes_its_configuration(self):
        for text in self.one("ConfigMap")["data"].values():
            check_config(text)

    def test_what_is_mounted_is_there(self):
        volumes = {volume["name"]: volume for volume in self.pod["spec"]["volumes"]}
        self.assertEqual(volumes["config"]["configMap"]["name"],
                         self.one("ConfigMap")["metadata"]["name"])
        self.assertEqual(volumes["secrets"]["secret"]["secretName"],
                         self.one("Secret")["metadata"]["name"])
        self.assertEqual(volumes["secrets"]["secret"]["defaultMode"] & 0o007, 0)
        mounts = {mount["name"]: mount for mount in self.container["volumeMounts"]}
        self.assertEqual(set(mounts), set(volumes))
        config = self.one("ConfigMap")["data"]
        path = self.container["args"][self.container["args"].index("--config") + 1]
        self.assertEqual(os.path.dirname(path), mounts["config"]["mountPath"])
        self.assertIn(os.path.basename(path), config)
        named = re.findall(rf"{mounts['secrets']['mountPath']}/([\w.-]+)", config[os.path.basename(path)])
        self.assertEqual(set(named), set(self.one("Secret")["stringData"]))

    def test_no_secret_stands_there(self):
        for value in self.one("Secret")["stringData"].values():
            self.assertIn("replace-me", value)

    def test_ports_and_probes_are_those_of_the_image(self):
        ports = {port["name"]: port["containerPort"] for port in self.container["ports"]}
        image = read("deploy/container/Containerfile")
        self.assertIn(f"PROFILE_CONTEXT_LISTEN_ADDRESS=0.0.0.0:{ports['grpc']}", image)
        self.assertIn(f"PROFILE_CONTEXT_OPERATOR_ADDRESS=0.0.0.0:{ports['operator']}", image)
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"]:
            self.assertEqual(self.container[probe]["grpc"]["port"], ports["grpc"], probe)
        served = "profilecontext.v1.ProfileContext"
        self.assertEqual(self.container["readinessProbe"]["grpc"]["service"], served)
        self.assertIn(f'"{served}"', read("server/app.c"))
        for port in self.one("Service")["spec"]["ports"]:
            self.assertEqual(port["port"], ports[port["targetPort"]])
        for rule in self.one("NetworkPolicy")["spec"]["ingress"]:
            for port in rule["ports"]:
                self.assertIn(port["port"], ports)

    def test_everything_selects_the_same_pods(self):
        labels = self.pod["metadata"]["labels"]
        self.assertEqual(self.one("Service")["spec"]["selector"], labels)
        self.assertEqual(self.one("Deployment")["spec"]["selector"]["matchLabels"], labels)
        self.assertEqual(self.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"], labels)
        self.assertEqual(self.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"], labels)
        target = self.one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
        self.assertEqual(target["name"], self.one("Deployment")["metadata"]["name"])

    def test_it_scales_by_what_is_measured(self):
        metrics = self.one("HorizontalPodAutoscaler")["spec"]["metrics"]
        names = [metric["pods"]["metric"]["name"] for metric in metrics if metric["type"] == "Pods"]
        self.assertTrue(names)
        sources = "".join(read(path) for path in
                          glob.glob("server/**/*.c", root_dir=ROOT, recursive=True))
        for name in names:
            self.assertIn(f'"{name}"', sources)

    def test_a_replica_has_time_to_drain(self):
        grace = self.pod["spec"]["terminationGracePeriodSeconds"]
        pause = int(self.container["lifecycle"]["preStop"]["exec"]["command"][1])
        config = yaml.safe_load(self.one("ConfigMap")["data"]["profile-contextd.yaml"])
        drain = int(config["listen"]["drain_timeout"].rstrip("s"))
        self.assertGreater(grace, pause + drain)

    def test_it_runs_without_rights(self):
        pod, own = self.pod["spec"]["securityContext"], self.container["securityContext"]
        self.assertTrue(pod["runAsNonRoot"])
        self.assertIn(f"USER {pod['runAsUser']}:{pod['runAsGroup']}",
                      read("deploy/container/Containerfile"))
        self.assertEqual(pod["seccompProfile"]["type"], "RuntimeDefault")
        self.assertFalse(own["allowPrivilegeEscalation"])
        self.assertTrue(own["readOnlyRootFilesystem"])
        self.assertEqual(own["capabilities"], {"drop": ["ALL"]})
        self.assertFalse(self.pod["spec"]["automountServiceAccountToken"])

    def test_the_cache_leaves_memory_for_the_rest(self):
        config = yaml.safe_load(self.one("ConfigMap")["data"]["profile-contextd.yaml"])
        cache = int(config["cache"]["max_bytes"].removesuffix("MiB"))
        limit = self.container["resources"]["limits"]["memory"]
        self.assertLessEqual(cache * 2, int(limit.removesuffix("Gi")) * 1024)


class Containers(unittest.TestCase):
    def setUp(self):
        self.file = read("deploy/container/Containerfile")
        (self.compose,) = load("deploy/container/compose.yaml")

    def test_images_run_without_a_user_and_come_from_a_named_release(self):
        stages = re.split(r"(?m)^FROM ", self.file)[1:]
        self.assertEqual(len(stages), 3)
        for stage in stages:
            self.assertRegex(stage, r"^debian:12-slim AS ")
        for stage in stages[1:]:
            self.assertIn("\nUSER 65532:65532\n", stage)
            self.assertIn("rm -rf /var/lib/apt/lists/*", stage)

    def test_what_is_copied_is_there(self):
        for source in re.findall(r"(?m)^COPY (?!--from=build)(\S+) ", self.file):
            self.assertTrue(os.path.exists(os.path.join(ROOT, source)), source)
        self.assertEqual(set(re.findall(r"/packages/([a-z-]+)_\*", self.file)),
                         {"profile-contextd", "profilectl", "entity-sandbox"})

    def test_variables_of_the_image_are_keys(self):
        variables = dict(re.findall(r"(PROFILE_CONTEXT_\w+)=(\S+)", self.file))
        self.assertEqual(len(variables), 3)
        check_config("sandbox: {enabled: true}\n", env=variables)

    def test_compose_mounts_what_is_there_and_shuts_in(self):
        for name, service in self.compose["services"].items():
            for volume in service.get("volumes", []):
                path = os.path.join(ROOT, "deploy/container", volume.split(":")[0])
                self.assertTrue(os.path.exists(path), f"{name}: {path}")
            self.assertTrue(service["read_only"], name)
            self.assertEqual(service["cap_drop"], ["ALL"], name)
            self.assertFalse(service["image"].endswith(":latest"), name)
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), name)

    def test_the_server_takes_the_configuration_of_compose(self):
        environment = self.compose["services"]["server"]["environment"]
        check_config(read("deploy/container/profile-contextd.yaml"), env=environment)

    def test_prometheus_takes_its_configuration(self):
        (config,) = load("deploy/container/prometheus.yaml")
        config["rule_files"] = []
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            json.dump(config, file)
            file.flush()
            subprocess.run(["promtool", "check", "config", file.name], check=True,
                           capture_output=True)
        target = config["scrape_configs"][0]["static_configs"][0]["targets"][0]
        self.assertIn(target.split(":")[0], self.compose["services"])

    def test_images_have_the_version(self):
        for path in ["deploy/container/compose.yaml", "deploy/kubernetes/deployment.yaml"]:
            for version in re.findall(r"image: (?:profile-contextd|entity-sandbox):(\S+)", read(path)):
                self.assertEqual(version, VERSION, path)


class Envoy(unittest.TestCase):
    def setUp(self):
        (self.config,) = load("deploy/envoy/envoy.yaml")
        self.resources = self.config["static_resources"]
        (self.listener,), (self.cluster,) = self.resources["listeners"], self.resources["clusters"]
        (self.chain,) = self.listener["filter_chains"]
        self.manager = self.chain["filters"][0]["typed_config"]
        (self.route,) = self.manager["route_config"]["virtual_hosts"][0]["routes"]

    def test_a_person_keeps_a_replica(self):
        self.assertEqual(self.cluster["lb_policy"], "RING_HASH")
        (policy,) = self.route["route"]["hash_policy"]
        self.assertEqual(policy["header"]["header_name"], "x-routing-key")
        self.assertEqual(self.route["route"]["cluster"], self.cluster["name"])

    def test_nothing_is_tried_again(self):
        self.assertNotIn("retry_policy", self.route["route"])
        for threshold in self.cluster["circuit_breakers"]["thresholds"]:
            self.assertEqual(threshold["max_retries"], 0)

    def test_callers_need_a_certificate(self):
        tls = self.chain["transport_socket"]["typed_config"]
        self.assertTrue(tls["require_client_certificate"])
        self.assertIn("trusted_ca", tls["common_tls_context"]["validation_context"])
        self.assertEqual(tls["common_tls_context"]["alpn_protocols"], ["h2"])

    def test_it_finds_the_replicas_of_kubernetes(self):
        endpoint = self.cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        address = endpoint["address"]["socket_address"]
        (service,) = load("deploy/kubernetes/service.yaml")
        (kustomization,) = load("deploy/kubernetes/kustomization.yaml")
        self.assertEqual(address["address"], f"{service['metadata']['name']}."
                                             f"{kustomization['namespace']}.svc.cluster.local")
        self.assertIn(address["port_value"], [port["port"] for port in service["spec"]["ports"]])


class Sbom(unittest.TestCase):
    def test_it_is_a_cyclonedx_document_of_what_is_loaded(self):
        programs = [f"{BUILD}/bin/{name}" for name in ["profile-contextd", "entity-sandbox"]]
        text = subprocess.run([f"{ROOT}/deploy/sbom/make", *programs], check=True, capture_output=True,
                              text=True, env={**os.environ, "SOURCE_DATE_EPOCH": "0"}).stdout
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(text)
            file.flush()
            done = subprocess.run(["node", f"{ROOT}/tests/packages/check_sbom.js", file.name],
                                  capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        bom = json.loads(text)
        parts = {component["name"]: component for component in bom["components"]}
        for name in ["profile-contextd", "entity-sandbox", "libgrpc29", "libssl3", "libcurl4",
                     "libprotobuf-c1", "libsqlite3-0"]:
            self.assertIn(name, parts)
        loads = {one["ref"]: one["dependsOn"] for one in bom["dependencies"]}
        server = loads[parts["profile-contextd"]["bom-ref"]]
        self.assertIn(parts["libgrpc29"]["bom-ref"], server)
        self.assertNotIn(parts["libsqlite3-0"]["bom-ref"], server)

    def test_what_is_known_of_grpc_is_listed_while_it_is_old(self):
        text = subprocess.run([f"{ROOT}/deploy/sbom/make", f"{BUILD}/bin/profile-contextd"], check=True,
                              capture_output=True, text=True).stdout
        bom = json.loads(text)
        known = json.loads(read("deploy/sbom/known-cves.json"))
        self.assertRegex(known["date"], r"^\d{4}-\d\d-\d\d$")
        (grpc,) = [c for c in bom["components"] if c["name"].startswith("libgrpc")]
        old = subprocess.run(["dpkg", "--compare-versions", grpc["version"], "lt", "1.53"]).returncode
        listed = {one["id"] for one in bom["vulnerabilities"]}
        self.assertEqual(listed, {one["id"] for one in known["weaknesses"]} if old == 0 else set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
