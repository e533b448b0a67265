"""The sandbox itself over HTTP, and that its help, manual and completion know the same things.

Environment: PC_BIN is the folder of the built programs.
"""

import json
import os
import re
import statistics
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

PROGRAM = os.path.join(os.environ["PC_BIN"], "entity-sandbox")
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox")
ENTITIES = "/data/core/ups/access/entities"
IDENTITY = "/data/core/identity/identity"
GRAPH = "/data/core/identity/v2/graph"
EVENTS = 5000


class Sandbox:
    """A running sandbox and a token for it."""

    def __init__(self):
        self.popen = subprocess.Popen(
            [PROGRAM, "--port", "0", "--demo", "--generate-events", str(EVENTS)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.popen.stdout.readline().split()[-1]
        form = {
            "grant_type": "client_credentials",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
        }
        with urllib.request.urlopen(
            self.url + "/ims/token/v3", urllib.parse.urlencode(form).encode()
        ) as answer:
            self.token = json.load(answer)["access_token"]

    def close(self):
        self.popen.terminate()
        code = self.popen.wait(10)
        self.popen.stdout.close()
        assert code == 0, f"ended with {code}"

    def headers(self):
        return {
            "Authorization": f"Bearer {self.token}",
            "x-api-key": "sandbox-client",
            "x-gw-ims-org-id": "SANDBOX@AdobeOrg",
            "x-sandbox-name": "prod",
        }

    def call(self, method, path, query=None, body=None, headers=None):
        """Status and JSON of the answer."""
        url = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            url, data, self.headers() if headers is None else headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        return status, json.loads(text) if text else None

    def faults(self, body, method="PUT"):
        status, answer = self.call(method, "/_sandbox/faults", body=body)
        assert status == 200, answer
        return answer


class OverHttp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def setUp(self):
        self.sandbox.faults({})

    def graph(self, **body):
        return self.sandbox.call("POST", GRAPH, body=body)

    def batch(self, *emails):
        identities = [{"entityId": e, "entityIdNS": {"code": "Email"}} for e in emails]
        return self.sandbox.call(
            "POST",
            ENTITIES,
            body={"schema": {"name": "_xdm.context.profile"}, "identities": identities},
        )

    def events(self, **query):
        return self.sandbox.call(
            "GET",
            ENTITIES,
            {
                "schema.name": "_xdm.context.experienceevent",
                "relatedSchema.name": "_xdm.context.profile",
                "relatedEntityId": "C-EVENTS",
                "relatedEntityIdNS": "CRMID",
                **query,
            },
        )

    def test_an_xid_is_the_key_of_the_entity(self):
        for email in ["ada.byron@example.com", "nobody@example.com"]:
            status, by_code = self.sandbox.call("GET", IDENTITY, {"namespace": "Email", "id": email})
            self.assertEqual(status, 200)
            self.assertEqual(self.sandbox.call("GET", IDENTITY, {"nsid": 6, "id": email})[1], by_code)
            self.assertIn(by_code["xid"], self.batch("mei.lin@example.com", email)[1])

    def test_a_graph_has_all_identities(self):
        status, answer = self.graph(
            composite_xids=[{"ns": "Email", "id": "ada.byron@example.com"}, {"nsid": 6, "id": "x"}]
        )
        self.assertEqual(status, 200)
        members = answer["graphs"][0]["members"]
        self.assertIn({"ns": "CRMID", "id": "CRM-1001"}, members)
        self.assertIn({"ns": "LoyaltyID", "id": "L-7781"}, members)
        self.assertEqual(answer["unprocessed_composite_xids"], [{"nsid": 6, "id": "x"}])

    def test_the_gateway_guards_the_identity_service(self):
        for method, path, body in [("GET", IDENTITY, None), ("POST", GRAPH, {"xids": ["x"]})]:
            for header, status, code in [
                ("Authorization", 403, "403010"),
                ("x-api-key", 403, "403000"),
                ("x-gw-ims-org-id", 400, "400003"),
            ]:
                headers = self.sandbox.headers()
                del headers[header]
                answer = self.sandbox.call(method, path, body=body, headers=headers)
                self.assertEqual((answer[0], answer[1]["error_code"]), (status, code))

    def test_identity_has_its_own_trouble(self):
        query = {"namespace": "Email", "id": "x"}
        for settings, status, title in [
            ({"throttleAllow": 0}, 429, "RequestRateTooLarge"),
            ({"errorRate": 1, "errorStatus": 429}, 429, "RequestRateTooLarge"),
            ({"errorRate": 1, "errorStatus": 500}, 500, "InternalServerError"),
            ({"refuse": True}, 403, "Insufficient permissions"),
        ]:
            self.sandbox.faults({"operations": {"identity": settings}})
            for answer in [
                self.sandbox.call("GET", IDENTITY, query),
                self.graph(xids=["x"]),
            ]:
                self.assertEqual(answer[0], status)
                self.assertEqual(answer[1]["title"], title)
                self.assertEqual(answer[1]["status"], status)
                self.assertTrue(answer[1]["detail"])
            self.assertEqual(self.batch("mei.lin@example.com")[0], 200)

    def test_statistics_know_the_identity_service(self):
        self.sandbox.call("DELETE", "/_sandbox/stats")
        self.sandbox.call("GET", IDENTITY, {"namespace": "Email", "id": "x"})
        self.graph(xids=["x", "y", "z"])
        self.graph(composite_xids=[{"ns": "Email", "id": "x"}])
        operations = self.sandbox.call("GET", "/_sandbox/stats")[1]["operations"]
        self.assertEqual(operations["identity"]["requests"], 1)
        self.assertEqual(operations["identityGraph"]["requests"], 2)
        self.assertEqual(operations["identityGraph"]["items"], 4)

    def test_shapes_change_at_run_time(self):
        two = ["mei.lin@example.com", "ada.byron@example.com"]
        self.assertEqual(self.batch(*two)[0], 200)
        settings = self.sandbox.faults({"shapes": {"batchMax": 1, "batchRefusal": 413}}, "PATCH")
        self.assertEqual(settings["shapes"]["batchMax"], 1)
        self.assertEqual(self.batch(*two)[0], 413)
        self.assertEqual(self.batch(two[0])[0], 200)
        self.sandbox.faults({"shapes": {"batchKeysAreOther": True}})
        xid = self.sandbox.call("GET", IDENTITY, {"namespace": "Email", "id": two[0]})[1]["xid"]
        status, answer = self.batch(two[0])
        self.assertEqual(status, 200)
        self.assertNotIn(xid, answer)
        (entry,) = answer.values()
        self.assertEqual([i["id"] for i in entry["entity"]["identityMap"]["email"]], [two[0]])

    def test_many_events_are_paged_in_order_and_quickly(self):
        for order, sequence in [
            ("timestamp", range(1, EVENTS + 1)),
            ("-timestamp", range(EVENTS, 0, -1)),
        ]:
            seen, took, query = [], [], {"orderby": order}
            while True:
                started = time.monotonic()
                status, page = self.events(**query)
                took.append(time.monotonic() - started)
                self.assertEqual(status, 200)
                seen += [c["entity"]["_exampletenant"]["sequence"] for c in page["children"]]
                if not page["_page"]["next"]:
                    break
                query["start"] = page["_page"]["next"]
            self.assertEqual(seen, list(sequence))
            # About 30 ms; what is looked for is a page that costs as much as all events.
            self.assertLess(statistics.median(took), 1)


class Documents(unittest.TestCase):
    """What --help, the manual and the completion say."""

    @classmethod
    def setUpClass(cls):
        cls.help = subprocess.run(
            [PROGRAM, "--help"], check=True, capture_output=True, text=True
        ).stdout
        with open(os.path.join(SOURCES, "entity-sandbox.1")) as file:
            cls.manual = file.read()
        cls.completion = os.path.join(SOURCES, "entity-sandbox.bash-completion")
        sandbox = Sandbox()
        try:
            cls.settings = sandbox.faults({})
        finally:
            sandbox.close()

    def complete(self, *words):
        script = (
            'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _entity_sandbox; '
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        command = ["bash", "-c", script, "bash", self.completion, "entity-sandbox", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    def test_all_know_the_options(self):
        options = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", self.help)) - {"--help"}
        self.assertIn("--generate-events", options)
        self.assertEqual(set(self.complete("--")) - {"--help", "--version"}, options - {"--version"})
        for option in options:
            self.assertIn("Fl " + option[1:], self.manual)

    def test_all_know_the_operations_and_settings(self):
        operations = list(self.settings["operations"])
        self.assertEqual(
            sorted(self.complete("--fault", "")),
            sorted(name + "." for name in [*operations, "*", "shapes"]),
        )
        for operation in operations:
            self.assertRegex(self.help, rf"\b{operation}\b")
            self.assertIn("Cm " + operation, self.manual)
        settings = list(self.settings["operations"]["profile"])
        self.assertEqual(
            sorted(self.complete("--fault", "*.")), sorted(f"*.{name}=" for name in settings)
        )
        for name in settings:
            self.assertRegex(self.manual, rf"[. ,]{name}\b")
            self.assertRegex(self.help, rf"\b{name}\b")

    def test_all_know_the_shapes(self):
        shapes = list(self.settings["shapes"])
        self.assertEqual(
            sorted(self.complete("--fault", "shapes.")),
            sorted(f"shapes.{name}=" for name in shapes),
        )
        with open(os.path.join(SOURCES, "README.md")) as file:
            readme = file.read()
        for name in shapes:
            self.assertIn("Cm " + name, self.manual)
            self.assertIn(f"| `{name}` |", readme)


if __name__ == "__main__":
    unittest.main()
