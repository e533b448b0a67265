"""The disk that the log is on is full: no call fails, and lines come again when there is room."""

import resource
import unittest

from case import Code, FaultCase, serving
from harness import Sandbox, closing, wait_until

CALLS = 50


class FullDisk(FaultCase):
    def test_a_log_that_cannot_be_written_fails_no_call(self):
        with closing(Sandbox()) as sandbox, serving(sandbox.url, "--log-level=info") as server:
            self.call(server)
            pid = server.popen.pid
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            # A file that may not grow fails a write as a full disk does.
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
            with self.leaks_nothing(server):
                for _ in range(CALLS):
                    self.assertEqual(self.call(server).code, Code.OK)
            self.assertLess(server.read_log().count("rpc.ended"), CALLS)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
            before = server.read_log().count("rpc.ended")
            self.assertEqual(self.call(server).code, Code.OK)
            wait_until(lambda: server.read_log().count("rpc.ended") > before, 10, "lines to come again")


if __name__ == "__main__":
    unittest.main()
