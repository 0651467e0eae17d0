"""What replay costs a notification: when nobody asked for it, and when it is kept.

In this process, beside the same loop without replay, in turns; outboxes are emptied between.
"""

import time
from collections.abc import Callable

from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.statistics import NS_PER_US
from mrk.api.caller import Transport
from mrk.api.notification import notification
from mrk.clients.event_ring import EventRing
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.klippy.etx import etx_frame

_PARAMS = ["// a line of the console"]
_METHOD = "notify_gcode_response"
# Fifty times an outbox is emptied, so that none is full.
_BURST = 100
_BURSTS = 50


class _Crowd:
    """Clients that are connected; `kept` says whether somebody asked for replay."""

    def __init__(self, count: int, *, kept: bool = False) -> None:
        self.clients = Clients(EventRing("bench", time.monotonic))
        if kept:
            self.clients.events.follow()
        self.members = []
        for _ in range(count):
            outbox = Outbox(etx_frame, 4 * 1024 * 1024, lambda: None)
            client = Client(self.clients.next_id(), Transport.UNIX, outbox, authorized=True)
            self.clients.add(client)
            self.members.append(client)

    def broadcast(self) -> None:
        self.clients.broadcast(_METHOD, _PARAMS)

    def without_replay(self) -> None:
        """As `broadcast` would be."""
        message = notification(_METHOD, _PARAMS)
        with self.clients.send_batch:
            for client in self.members:
                if client.authorized:
                    client.outbox.notify(message)

    def microseconds(self, send: Callable[[], None]) -> float:
        """Processor time of one notification."""
        spent_ns = 0
        for _ in range(_BURSTS):
            began = time.process_time_ns()
            for _ in range(_BURST):
                send()
            spent_ns += time.process_time_ns() - began
            for client in self.members:
                client.outbox.take()
        return spent_ns / NS_PER_US / (_BURST * _BURSTS)


def measure_events(plan: Plan) -> list[Figure]:
    """To one client and to twenty."""
    figures = []
    for count in (1, 20):
        idle, keeping = _Crowd(count), _Crowd(count, kept=True)
        unasked, kept = [], []
        for _ in range(5 * plan.rounds):
            bare = idle.microseconds(idle.without_replay)
            unasked.append(idle.microseconds(idle.broadcast) - bare)
            kept.append(keeping.microseconds(keeping.broadcast) - bare)
        who = f"{count} client" + "s" * (count > 1)
        figures.append(_figure(f"unasked_{count}", f"replay, nobody asked, {who}", unasked, 0.5))
        figures.append(_figure(f"kept_{count}", f"replay, kept, {who}", kept, None))
    return figures


def _figure(name: str, what: str, samples: list[float], budget: float | None) -> Figure:
    return Figure.of(
        samples,
        name=name,
        what=what,
        unit="us/notification",
        budget=budget,
        note="processor time more than without replay",
    )
