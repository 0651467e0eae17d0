"""Nodes on python-can's virtual bus that answer the uuid query, each from a thread of its own.

All of them meet at a barrier before they answer, so they do it at the same instant.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import can

QUERY_ID, ANSWER_ID = 0x3F0, 0x3F1
KLIPPER, KATAPULT = 0x01, 0x11


def answer(uuid: str, *told: int) -> can.Message:
    data = bytes([0x20, *bytes.fromhex(uuid), *told])
    return can.Message(arbitration_id=ANSWER_ID, data=data, is_extended_id=False)


class CanNodes:
    """Nodes on `channel`; each is the list of frames it answers with."""

    def __init__(self, channel: str, nodes: list[list[can.Message]]) -> None:
        self.channel = channel
        self.queries = 0
        self._nodes = nodes
        self._buses = [can.Bus(channel, interface="virtual") for _ in nodes]
        self._ended = threading.Event()
        self._together = threading.Barrier(len(nodes) or 1)

    @contextmanager
    def running(self) -> Iterator["CanNodes"]:
        pairs = zip(self._buses, self._nodes, strict=True)
        threads = [threading.Thread(target=self._run, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._together.abort()
            for thread in threads:
                thread.join()
            for bus in self._buses:
                bus.shutdown()

    def _run(self, bus: can.BusABC, frames: list[can.Message]) -> None:
        while not self._ended.is_set():
            heard = bus.recv(0.02)
            if heard is None or heard.arbitration_id != QUERY_ID or heard.data != b"\0":
                continue
            try:
                if self._together.wait() == 0:
                    self.queries += 1
            except threading.BrokenBarrierError:
                return
            for frame in frames:
                bus.send(frame)
