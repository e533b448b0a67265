"""GetEntity of a class that neither the sandbox nor the contract knows, from an upstream made here."""

import http.server
import json
import threading
import unittest
import urllib.parse

from google.protobuf import json_format

from harness import Server, closing, entity_messages, identity

SCHEMA = "_acme.classes.vehicle"
ENTITY = {
    "_id": "vehicle-7", "wheels": 4, "big": 9007199254740993,
    "maker": {"name": "Acme", "founded": 1949}, "_acme": {"colours": ["red", None, True]},
}


class Upstream(http.server.BaseHTTPRequestHandler):
    asked = []

    def answer(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer({"access_token": "t" * 40, "token_type": "bearer", "expires_in": 86399})

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        Upstream.asked.append(dict(urllib.parse.parse_qsl(url.query)))
        self.answer({"xid-7": {
            "entityId": "xid-7", "sources": ["d"], "entity": ENTITY,
            "lastModifiedAt": "2026-11-01T10:00:00Z",
        }})

    def log_message(self, *_):
        pass


class AnyClass(unittest.TestCase):
    def test_an_entity_of_an_unknown_class_comes_whole(self):
        upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        self.addCleanup(upstream.server_close)
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        self.addCleanup(upstream.shutdown)
        with closing(Server(f"http://127.0.0.1:{upstream.server_port}")) as server:
            answer = server.call("GetEntity", entity_messages.GetEntityRequest(
                schema=SCHEMA, identity=identity("VIN", "7")))
        self.assertEqual(Upstream.asked[-1]["schema.name"], SCHEMA)
        self.assertEqual(Upstream.asked[-1]["entityId"], "7")
        self.assertEqual(Upstream.asked[-1]["entityIdNS"], "VIN")
        self.assertEqual(answer.xid, "xid-7")
        body = answer.entity.body
        self.assertEqual(json_format.MessageToDict(body.fields), {**ENTITY, "big": float(ENTITY["big"])})
        self.assertEqual(dict(body.exact_numbers), {"/big": str(ENTITY["big"])})


if __name__ == "__main__":
    unittest.main(verbosity=2)
