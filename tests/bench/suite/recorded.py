"""An upstream that costs next to nothing: slow_upstream.c, with what an entity sandbox answers of
one of its customers. Every customer numbered with seven digits is answered as that one is, with
numbers and XIDs of its own."""

import json
import os
import urllib.parse
import urllib.request

from suite.processes import LOAD_CORE, MERGE_POLICY, Program, Sandbox

PERSON = "ada.byron@example.com"
LEFT_OUT = ("_exampletenant",)  # so that an answer has 2 KB
NUMBER = "#" * 7
ENTITIES = "/data/core/ups/access/entities?"


def address_of(number):
    return f"customer{number}@example.net"


class _Asker:
    def __init__(self, sandbox):
        self._url = sandbox.url
        form = urllib.parse.urlencode({"grant_type": "client_credentials",
                                       "client_id": "sandbox-client",
                                       "client_secret": "sandbox-secret"}).encode()
        self.token = self._ask(urllib.request.Request(self._url + "/ims/token/v3", form))
        self._headers = {"Authorization": "Bearer " + json.loads(self.token)["access_token"],
                         "x-api-key": "sandbox-client", "x-gw-ims-org-id": "SANDBOX@AdobeOrg",
                         "x-sandbox-name": "prod", "Content-Type": "application/json"}

    @staticmethod
    def _ask(request):
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def get(self, path, **query):
        return self._ask(urllib.request.Request(
            self._url + path + urllib.parse.urlencode(query), headers=self._headers))

    def post(self, path, body):
        return self._ask(urllib.request.Request(self._url + path, json.dumps(body).encode(),
                                                self._headers))


def _general(entity):
    """With NUMBER wherever something tells this person from others."""
    for fields in LEFT_OUT:
        del entity["entity"][fields]
    text = json.dumps({entity["entityId"]: entity})
    for index, xid in enumerate(entity["identityGraph"]):
        text = text.replace(xid, f"B{index}{'A' * 15}{NUMBER}")
    for identities in entity["entity"]["identityMap"].values():
        for value in (identity["id"] for identity in identities):
            other = address_of(NUMBER) if value == PERSON else value[:-len(NUMBER)] + NUMBER
            text = text.replace(f'"{value}"', f'"{other}"')
    return text


def _record(bench):
    """The answers as files of a folder."""
    with Sandbox(bench.binaries) as sandbox:
        asker = _Asker(sandbox)
        entity, = json.loads(asker.get(
            ENTITIES, **{"schema.name": "_xdm.context.profile"}, entityId=PERSON,
            entityIdNS="email", mergePolicyId=MERGE_POLICY)).values()
        audiences = asker.post("/data/core/ups/audiences/bulk-get", {"ids": [
            {"id": id} for id in entity["entity"]["segmentMembership"]["ups"]]})
    folder = bench.path("recorded")
    os.makedirs(folder, exist_ok=True)
    for name, text in (("token", asker.token), ("audiences", audiences),
                       ("profile", _general(entity))):
        bench.write(os.path.join("recorded", f"{name}.json"), text)
    return folder


class SlowUpstream(Program):
    """It gives way to the load on its core."""

    def __init__(self, bench, delay_ms, spread_ms):
        super().__init__(["nice", "-n", "19", bench.program("slow_upstream"), delay_ms, spread_ms,
                          _record(bench)], LOAD_CORE)
        self.url = f"http://{self.address}"
