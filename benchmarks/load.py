"""The load generator: keeps a fixed number of requests in flight and times each answer.

One loop over epoll in this process; every answer that comes is followed by a new request, those
of one chunk together in one send, as a busy client's would be. Answers are taken in order.
"""

import itertools
import select
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.clients import Client, Lost
from benchmarks.process import Meter
from benchmarks.statistics import NS_PER_S, NS_PER_US, Spent, percentile

_SILENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Round:
    """One round of load: how many requests, what they cost the server, how long each took."""

    requests: int
    spent: Spent
    latencies_ns: Sequence[int]

    def cpu_us(self) -> float:
        """Server's processor time per request."""
        return self.spent.us_per(self.requests)

    def per_second(self) -> float:
        """Requests answered per second of wall time."""
        return self.requests * NS_PER_S / self.spent.wall_ns

    def latency_us(self, percent: float) -> float:
        """Time from send to answer that `percent` of the requests do not exceed."""
        return percentile(self.latencies_ns, percent) / NS_PER_US


class _Lane:
    """One client with its requests in flight."""

    def __init__(self, client: Client, requests: Sequence[bytes]) -> None:
        self.client = client
        self._requests: Iterator[bytes] = itertools.cycle(requests)
        self._sent_at_ns: deque[int] = deque()

    def send(self, count: int) -> None:
        data = b"".join(itertools.islice(self._requests, count))
        self._sent_at_ns.extend([time.monotonic_ns()] * count)
        if self.client.socket.send(data) != len(data):
            raise Lost("the daemon does not read")

    def receive(self, latencies_ns: list[int]) -> int:
        """Take what has come; returns how many answers that was."""
        try:
            answers = self.client.receive()
        except BlockingIOError:
            return 0
        now_ns = time.monotonic_ns()
        count = 0
        for answer in answers:
            if b'"notify_' in answer[:60]:
                continue
            if b'"error"' in answer[:60]:
                raise Lost(answer.decode(errors="replace"))
            latencies_ns.append(now_ns - self._sent_at_ns.popleft())
            count += 1
        return count


def run_round(
    pid: int, clients: Sequence[Client], requests: Sequence[bytes], in_flight: int, total: int
) -> Round:
    """Have `total` requests answered, `in_flight` at once on each client, and meter `pid`."""
    lanes = {client.socket.fileno(): _Lane(client, requests) for client in clients}
    latencies_ns: list[int] = []
    with select.epoll() as poll:
        for descriptor, lane in lanes.items():
            lane.client.socket.setblocking(False)
            poll.register(descriptor, select.EPOLLIN)
        meter = Meter(pid)
        left = total
        for lane in lanes.values():
            first = min(in_flight, left)
            left -= first
            lane.send(first)
        while len(latencies_ns) < total:
            events = poll.poll(_SILENCE_S)
            if not events:
                raise Lost(f"no answer within {_SILENCE_S:.0f} s")
            for descriptor, _ in events:
                lane = lanes[descriptor]
                more = min(lane.receive(latencies_ns), left)
                left -= more
                if more:
                    lane.send(more)
        spent = meter.read()
    return Round(total, spent, latencies_ns)
