"""The least that takes traces by OTLP over HTTP: each body is a line of a file.
Usage: collector.py PORT FILE"""

import http.server
import sys


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/traces":
            with open(sys.argv[2], "ab") as file:
                file.write(body + b"\n")
        self.send_response(200 if self.path == "/v1/traces" else 404)
        self.end_headers()


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Collector).serve_forever()
