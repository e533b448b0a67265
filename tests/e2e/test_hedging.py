"""Slow reads that are sent a second time: what it brings, and what it costs."""

import time
import unittest

from harness import Sandbox, Server, closing, identity, messages

COUNT = 200
SLOW = 0.6
# The sandbox draws from a seed of its own, so that the runs are alike.
FAULTS = {"operations": {"profile": {"slowRate": 0.03, "slowMs": SLOW * 1000}}}


def measure(*arguments):
    """The times of many calls, one after the other, what each cost, and what the sandbox has seen."""
    times, costs = [], []
    with closing(Sandbox()) as sandbox, closing(Server(sandbox.url, *arguments)) as server:
        sandbox.faults(FAULTS)
        for _ in range(COUNT):
            begin = time.monotonic()
            _, trailers = server.call_with_cost(
                "GetProfile", messages.GetProfileRequest(identity=identity()))
            times.append(time.monotonic() - begin)
            costs.append(int(trailers["upstream-calls"]))
        sandbox.recent()
        seen = sandbox.stats()["operations"]["profile"]["requests"]
        server.quit()
    return times, costs, seen


def p99(times):
    return sorted(times)[len(times) * 99 // 100 - 1]


class Hedging(unittest.TestCase):
    def test_slow_answers_get_rare_for_some_more_calls(self):
        times, costs, seen = measure()
        self.assertGreaterEqual(p99(times), SLOW)
        self.assertEqual(set(costs), {1})
        self.assertEqual(seen, COUNT)

        hedged, costs, seen = measure("--upstream-hedge-after=100ms", "--upstream-hedge-percent=50")
        self.assertLess(p99(hedged), SLOW)
        self.assertEqual(set(costs), {1, 2})
        self.assertLess(costs.count(2), COUNT // 10)
        self.assertEqual(seen, sum(costs))
        for took, cost in zip(hedged, costs):
            self.assertTrue(cost == 2 or took < SLOW, f"{took} s and one call")
            self.assertTrue(cost == 1 or took >= 0.1, f"{took} s and two calls")
        print(f"p99 {p99(times) * 1000:.0f} ms for {COUNT} calls, "
              f"{p99(hedged) * 1000:.0f} ms for {seen}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
