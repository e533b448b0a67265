"""A TCP proxy of ill will, for tests: between a server and its upstream it delays, throttles, cuts,
resets, corrupts and stalls what passes. Only the way back, from the upstream, is disturbed, but for
refused connections.

    with FaultProxy(sandbox.port, seed=7) as proxy:
        proxy.set(Fault(delay=0.2, cut_at=100))

What is drawn at random comes from the seed, for the connections in the order of their coming, so
that a run can be repeated. A setting counts for what passes after it.
"""

import asyncio
import dataclasses
import random
import socket
import struct
import threading


@dataclasses.dataclass
class Fault:
    """What happens to a connection's answers; times in seconds, places in bytes of one answer.

    An answer begins with the first byte after a request, so places count anew for each on a
    connection that is kept.
    """

    share: float = 1.0  # of the answers that are struck
    delay: float = 0.0  # before an answer's first byte
    jitter: float = 0.0  # added to it, evenly spread
    rate: float = 0.0  # bytes a second; 0: as they come
    cut_at: int = -1  # the connection closes here
    reset_at: int = -1  # it is reset
    stall_at: int = -1  # nothing more comes, and nothing closes
    corrupt_at: int = -1  # this byte and each 97th after it is another
    refuse: bool = False  # connections are closed as they come


CHUNK = 16 * 1024


class FaultProxy:
    def __init__(self, upstream_port, seed=1, host="127.0.0.1"):
        self.upstream = (host, upstream_port)
        self.dice = random.Random(seed)
        self.fault = Fault(share=0)
        self.accepted = 0
        self.struck = 0
        self.open = {}  # the task of each connection, by its writer
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024))
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def set(self, fault=None):
        """From now on; None disturbs nothing."""
        self.fault = fault or Fault(share=0)

    def drop(self):
        """Resets every connection there is."""
        async def drop():
            for writer, task in list(self.open.items()):
                self._reset(writer)
                task.cancel()

        self._run(drop())

    def connections(self):
        return len(self.open)

    def close(self):
        async def close():
            self.server.close()
            for writer in list(self.open):
                writer.transport.abort()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
            await asyncio.sleep(0)

        self._run(close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    @staticmethod
    def _reset(writer):
        raw = writer.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _serve(self, reader, writer):
        self.accepted += 1
        if self.fault.refuse and self.dice.random() < self.fault.share:
            self._reset(writer)
            return
        self.open[writer] = asyncio.current_task()
        upstream_writer = None
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(*self.upstream)
            state = {"asked": False}
            forth = asyncio.ensure_future(self._forth(reader, upstream_writer, state))
            try:
                await self._back(upstream_reader, writer, state)
            finally:
                forth.cancel()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.open.pop(writer, None)
            writer.close()
            if upstream_writer is not None:
                upstream_writer.close()

    async def _forth(self, reader, writer, state):
        try:
            while data := await reader.read(CHUNK):
                state["asked"] = True
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        # The client has gone, which the way back should know even while it waits.
        writer.close()

    async def _back(self, reader, writer, state):
        fault = Fault(share=0)
        strikes = False
        at = 0
        while data := await reader.read(CHUNK):
            if state["asked"]:
                state["asked"] = False
                at = 0
                fault = self.fault
                strikes = self.dice.random() < fault.share
                self.struck += strikes
                if strikes and (fault.delay or fault.jitter):
                    await asyncio.sleep(fault.delay + fault.jitter * self.dice.random())
            if not strikes:
                writer.write(data)
            elif not await self._strike(fault, writer, data, at):
                return
            at += len(data)
            await writer.drain()

    async def _strike(self, fault, writer, data, at):
        """Sends what of the data comes through; False when the connection has ended."""
        end = at + len(data)
        if at <= fault.corrupt_at < end:
            data = bytearray(data)
            for place in range(fault.corrupt_at - at, len(data), 97):
                data[place] ^= 0x15
            data = bytes(data)
        for place in (fault.cut_at, fault.reset_at, fault.stall_at):
            if at <= place < end:
                data = data[:place - at]
                end = place
        await self._send(writer, data, fault.rate)
        if end == fault.stall_at:
            await asyncio.sleep(3600)
        if end == fault.reset_at:
            await asyncio.sleep(0)
            self._reset(writer)
            return False
        return end != fault.cut_at

    @staticmethod
    async def _send(writer, data, rate):
        step = len(data) if rate == 0 else max(1, int(rate / 50))
        for i in range(0, len(data), step or 1):
            writer.write(data[i:i + step])
            if rate:
                await writer.drain()
                await asyncio.sleep(step / rate)
