"""The status page: what it says, and that it can be read: in a headless Chromium, on a desk and on
a phone, by day and by night. PC_PICTURES is a folder to leave pictures in."""

import contextlib
import json
import os
import re
import tempfile
import unittest

import grpc

from browser import Browser
from harness import ADA, Sandbox, Server, closing, identity, messages, wait_until

DESK = (1440, 1000)
PHONE = (390, 844)
NOBODY = ("Email", "canary.nobody@example.com")

# Of every visible text: the contrast with what is behind it (w3.org/TR/WCAG22/#contrast-minimum).
CONTRASTS = """(() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = c => c.slice(0, 3).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const over = (top, under) => {
    const a = top[3] === undefined ? 1 : top[3];
    return [0, 1, 2].map(i => top[i] * a + under[i] * (1 - a));
  };
  const ground = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgb(getComputedStyle(e).backgroundColor));
    return layers.reduceRight((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.getClientRects().length ||
        element.closest("script, style, caption")) continue;
    const back = ground(element);
    const [a, b] = [luminance(over(rgb(getComputedStyle(element).color), back)), luminance(back)];
    const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (contrast < 4.5) low.push([node.textContent.trim(), contrast.toFixed(2)]);
  }
  return low;
})()"""


class Data(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.close)
        self.server = Server(self.sandbox.url, "--operator-address=127.0.0.1:0",
                             "--operator-slow-call=200ms", "--cache-max-bytes=64MiB")
        self.addCleanup(self.server.end_well)

    def status(self):
        code, headers, text = self.server.operator("/status.json")
        self.assertEqual((code, headers["Content-Type"]), (200, "application/json"))
        return json.loads(text)

    def context(self, person=ADA):
        return self.server.call("GetContext",
                                messages.GetContextRequest(identity=identity(*person)))

    def test_rates_and_percentiles_are_those_of_the_calls(self):
        for _ in range(50):
            self.context()
        wait_until(lambda: self.status()["calls"][0]["total"] == 50, 10, "the counts")
        wait_until(lambda: any(self.status()["history"]["calls"]), 10, "a point of the curve")
        status = self.status()
        call = status["calls"][0]
        self.assertEqual((call["method"], call["codes"]), ("GetContext", {"OK": 50}))
        self.assertGreater(call["rate"], 0)
        self.assertTrue(0 < call["p50"] <= call["p90"] <= call["p99"], call)
        self.assertEqual(status["cache"]["records"], 1)
        self.assertGreater(status["cache"]["hits"], 90)
        self.assertEqual(status["upstream"]["state"], "good")
        profile = status["upstream"]["operations"][0]
        self.assertEqual((profile["operation"], profile["total"]), ("profile", 1))
        self.assertEqual({s["section"]: s["ok"] for s in status["sections"]}["insights"], 50)
        self.assertEqual(status["state"], "ready")

    def test_failed_and_slow_calls_are_listed_without_whom_they_were_about(self):
        self.sandbox.faults({"operations": {"profile": {"errorRate": 1.0, "errorStatus": 500}}})
        request = messages.GetProfileRequest(identity=identity())
        self.server.fails("GetProfile", request, grpc.StatusCode.UNAVAILABLE)
        self.sandbox.faults({"operations": {"profile": {"delayMs": 250}}})
        self.server.fails("GetProfile", messages.GetProfileRequest(identity=identity(*NOBODY)),
                          grpc.StatusCode.NOT_FOUND)
        status = wait_until(lambda: self.status()["slow"] and self.status(), 10, "a slow call")
        self.assertEqual([(c["method"], c["code"]) for c in status["failed"]],
                         [("GetProfile", "UNAVAILABLE")])
        self.assertTrue(status["failed"][0]["reason"].startswith("UPSTREAM_"), status["failed"])
        slow = status["slow"][0]
        self.assertEqual((slow["method"], slow["code"]), ("GetProfile", "NOT_FOUND"))
        self.assertGreaterEqual(slow["ms"], 249)  # timers count in whole milliseconds
        self.assertNotRegex(json.dumps(status), "(?i)ada|byron|canary|127.0.0.1")

    def test_an_upstream_that_fails_in_a_row_shows_until_it_answers(self):
        self.context()
        self.sandbox.faults({"operations": {"profile": {"errorRate": 1.0, "errorStatus": 500}}})
        request = messages.GetProfileRequest(identity=identity("Email", "mei.lin@example.com"),
                                             max_staleness={"seconds": 0})

        def asked_until(state):
            def asked():
                with contextlib.suppress(grpc.RpcError):
                    self.server.call("GetProfile", request)
                return self.status()["upstream"]["state"] == state

            wait_until(asked, 25, f"the upstream to be {state}")

        asked_until("failing")
        self.sandbox.faults({})
        asked_until("good")

    def test_the_configuration_hides_its_secrets(self):
        code, _, text = self.server.operator("/config.json")
        self.assertEqual(code, 200)
        keys = {key["key"]: (key["value"], key["source"]) for key in json.loads(text)}
        self.assertEqual(keys["upstream.client_secret"], ("(hidden)", "environment"))
        self.assertEqual(keys["operator.slow_call"], ("200ms", "flag"))
        self.assertNotIn("sandbox-secret", text)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox("--delay", "20+-10")
        cls.server = Server(cls.sandbox.url, "--operator-address=127.0.0.1:0",
                            "--operator-slow-call=30ms", "--cache-max-bytes=64MiB")
        cls.browser = Browser()
        cls.url = f"http://{cls.server.operator_address()}"
        cls.pictures = os.environ.get("PC_PICTURES") or tempfile.mkdtemp()
        people = ["ada.byron", "mei.lin", "carl.gauss", "sofia.kovalevskaya", "emmy.noether"]
        for name in people * 8:
            try:
                cls.server.call("GetContext", messages.GetContextRequest(
                    identity=identity("Email", f"{name}@example.com")))
            except grpc.RpcError:
                pass  # not all of them are there
        cls.sandbox.faults({"operations": {"profile": {"errorRate": 1.0, "errorStatus": 500}}})
        for _ in range(3):
            cls.server.fails("GetProfile", messages.GetProfileRequest(
                identity=identity(), max_staleness={"seconds": 0}), grpc.StatusCode.UNAVAILABLE)
        cls.sandbox.faults({})

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.end_well()
        cls.sandbox.close()

    def show(self, size, dark, path="/"):
        self.browser.show(self.url + path, *size, dark, phone=size == PHONE)
        wait_until(lambda: self.browser.run("document.querySelector('#calls tr') !== null"), 10,
                   "the page to have its data")

    def picture(self, name):
        path = os.path.join(self.pictures, name + ".png")
        self.browser.picture(path, whole=True)
        self.assertGreater(os.path.getsize(path), 20_000)

    def test_it_is_readable_everywhere(self):
        wait_until(lambda: any(json.loads(self.server.operator("/status.json")[2])
                               ["history"]["calls"]), 10, "a point of the curve")
        for size, where in ((DESK, "desk"), (PHONE, "phone")):
            for dark, when in ((False, "day"), (True, "night")):
                with self.subTest(f"{where}, {when}"):
                    self.show(size, dark)
                    self.assertEqual(self.browser.run(CONTRASTS), [])
                    self.assertLessEqual(
                        self.browser.run("document.documentElement.scrollWidth"), size[0])
                    self.picture(f"status-{where}-{when}")
                    self.assertEqual(self.browser.complaints(), [])

    def test_it_says_what_the_server_counted(self):
        self.show(DESK, False, "/status")
        rows = self.browser.run(
            "[...document.querySelectorAll('#calls tr')].map(r => r.innerText.split('\\t'))")
        self.assertEqual((rows[0][0], rows[0][-1]), ("GetContext", "40"))
        self.assertEqual(self.browser.run("document.getElementById('state').textContent"),
                         "serving")
        self.assertIn("UNAVAILABLE",
                      self.browser.run("document.getElementById('failed').innerText"))
        self.browser.run("document.getElementById('config').open = true")
        wait_until(lambda: self.browser.run("document.querySelectorAll('#keys tr').length > 50"),
                   10, "the configuration")
        self.assertNotIn("sandbox-secret", self.browser.run("document.body.innerText"))

    def test_nothing_moves_when_the_figures_come(self):
        self.show(DESK, False)
        moved = self.browser.run("""new Promise(done => {
          let sum = 0;
          new PerformanceObserver(list => list.getEntries().forEach(e => sum += e.value))
            .observe({type: "layout-shift", buffered: true});
          setTimeout(() => done(sum), 300);
        })""")
        self.assertLess(moved, 0.1)

    def test_it_needs_nothing_from_elsewhere_and_allows_nothing_else(self):
        self.show(DESK, False)
        for url in self.browser.asked_for():
            self.assertTrue(url.startswith((self.url + "/", "data:")), url)
        _, headers, page = self.server.operator("/")
        policy = headers["Content-Security-Policy"]
        self.assertRegex(policy, r"^default-src 'none'; style-src 'sha256-[^']+'; "
                                 r"script-src 'sha256-[^']+'; connect-src 'self'")
        self.assertNotIn("unsafe", policy)
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertIsNone(re.search(r"(?:src|href)=\"https?:", page))

    def test_a_server_that_goes_is_told_as_such(self):
        with closing(Server(self.sandbox.url, "--operator-address=127.0.0.1:0")) as server:
            self.browser.show(f"http://{server.operator_address()}/", *DESK, False)
            state = "document.getElementById('state')?.textContent"
            wait_until(lambda: self.browser.run(state) == "serving", 10, "the first figures")
            server.quit()
            wait_until(lambda: self.browser.run(state) == "no answer", 15, "the page to notice")


if __name__ == "__main__":
    unittest.main(verbosity=2)
