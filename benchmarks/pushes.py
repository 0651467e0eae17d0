"""What one status push of Klipper costs the daemon with 1, 20 and 200 subscribers.

Recorded pushes of a print come from `klippy_replay`, each as soon as every subscriber has the
one before, so that nothing is merged; all subscribe to everything. What the daemon spends anyway
with these clients connected is measured first and taken off.
"""

import time
from collections.abc import Iterator

from benchmarks.clients import Client, closing
from benchmarks.crowd import Crowd
from benchmarks.daemon import Daemon
from benchmarks.figures import Figure
from benchmarks.klippy_replay import KlippyReplay, endless, open_replayed
from benchmarks.plan import Plan
from benchmarks.process import Meter, idle_share
from benchmarks.statistics import NS_PER_US, percentile

_WARM_UP = 40
_PUSH_BUDGET_US = {1: 70.0}
_MESSAGE_BUDGET_US = {20: 10.0}
_SUBSCRIBERS = (1, 20, 200)


def measure_pushes(plan: Plan) -> list[Figure]:
    """Processor time per push and per delivered message, and the time to the last subscriber."""
    figures: list[Figure] = []
    with open_replayed() as (daemon, klippy):
        for subscribers in _SUBSCRIBERS:
            figures += _measure(plan, daemon, klippy, subscribers)
    return figures


def _subscriber(port: int, objects: dict[str, None]) -> Client:
    client = Client.websocket(port)
    client.identify()
    client.call("printer.objects.subscribe", {"objects": objects})
    return client


def _measure(plan: Plan, daemon: Daemon, klippy: KlippyReplay, subscribers: int) -> list[Figure]:
    objects = dict.fromkeys(klippy.recording.status)
    clients = [_subscriber(daemon.port, objects) for _ in range(subscribers)]
    with closing(clients):
        crowd = Crowd(clients)
        pushes = endless(klippy.recording.pushes)
        delays_ns: list[int] = []
        _push(klippy, crowd, pushes, _WARM_UP, subscribers)
        baseline = idle_share(daemon.pid, plan.baseline_s)
        samples = []
        for _ in range(plan.push_rounds):
            meter = Meter(daemon.pid)
            delays_ns += _push(klippy, crowd, pushes, plan.pushes, subscribers)
            samples.append(meter.read().us_per(plan.pushes, baseline))
        crowd.close()
    return _figures(subscribers, samples, delays_ns, baseline)


def _push(
    klippy: KlippyReplay, crowd: Crowd, pushes: Iterator[bytes], count: int, subscribers: int
) -> list[int]:
    """Send pushes one after another; returns how long each took to reach the last, in ns."""
    delays_ns = []
    for _ in range(count):
        began_ns = time.monotonic_ns()
        klippy.push(next(pushes))
        crowd.await_statuses(crowd.statuses + subscribers)
        delays_ns.append(time.monotonic_ns() - began_ns)
    return delays_ns


def _figures(
    subscribers: int, samples: list[float], delays_ns: list[int], baseline: float
) -> list[Figure]:
    to_whom = f"{subscribers} subscriber{'s' if subscribers > 1 else ''}"
    note = f"baseline of {baseline * 100:.2f} % of a core taken off"
    figures = [
        Figure.of(
            samples,
            name=f"push_{subscribers}",
            what=f"status push to {to_whom}: CPU",
            unit="us/push",
            budget=_PUSH_BUDGET_US.get(subscribers),
            note=note,
        ),
        Figure(
            name=f"push_{subscribers}_p99",
            what=f"status push to {to_whom}: p99 to the last",
            value=percentile(delays_ns, 99) / NS_PER_US,
            unit="us",
            note="from Klipper's send until the last subscriber has it; includes the reader's time",
        ),
    ]
    if subscribers > 1:
        messages = tuple(sample / subscribers for sample in samples)
        figures.insert(
            1,
            Figure.of(
                messages,
                name=f"push_{subscribers}_message",
                what=f"status push to {to_whom}: CPU per message",
                unit="us/message",
                budget=_MESSAGE_BUDGET_US.get(subscribers),
                note=note,
            ),
        )
    return figures
