"""What one status push of Klipper costs each contender, for several subscribers and rates.

Each contender has a scripted Klippy of its own that sends the same pushes, spaced in time. What
the processes spend anyway with these clients connected is measured first and taken off.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence

from benchmarks.clients import Client, closing
from benchmarks.crowd import Crowd
from benchmarks.daemon import Program
from benchmarks.floor.programs import PUSH_FLOORS
from benchmarks.klippy_replay import KlippyReplay
from benchmarks.paired.comparison import Bound, Comparison
from benchmarks.paired.contenders import Contender, open_pushed, open_pushed_floor
from benchmarks.paired.moonraker import NAME as MOONRAKER
from benchmarks.paired.nine_objects import OBJECTS, changes, pushes
from benchmarks.paired.pacing import Delivery, push_spaced
from benchmarks.paired.plan import PairedPlan
from benchmarks.paired.speed import Speed
from benchmarks.process import Meter
from benchmarks.statistics import NS_PER_US, percentile

_WARM_UP_S = 1.0
_WARM_UP_RATE = 40
_FLOOR_RATIO = 1.3


class _Group:
    """One contender with its subscribers, and what was measured of it."""

    def __init__(self, contender: Contender, subscribers: int) -> None:
        assert contender.klippy is not None
        self.name = contender.name
        self.subscribers = subscribers
        self.baseline = 0.0
        self._klippy: KlippyReplay = contender.klippy
        self._pid = contender.daemon.pid
        self._pushes = pushes(changes(self._klippy.recording.deltas))
        self.clients = [_subscriber(contender.daemon.port) for _ in range(subscribers)]
        self.crowd = Crowd(self.clients)

    def push(self, rate: float, seconds: float) -> tuple[float, Delivery]:
        """Microseconds a push, and what arrived."""
        meter = Meter(self._pid)
        count = round(rate * seconds)
        delivery = push_spaced(self._push, self.crowd, self.subscribers, rate, count)
        return meter.read().us_per(count, self.baseline), delivery

    def _push(self) -> None:
        self._klippy.push(next(self._pushes))

    def meter(self) -> Meter:
        """A meter of its process from now on."""
        return Meter(self._pid)


def _subscriber(port: int) -> Client:
    client = Client.websocket(port)
    client.identify()
    client.call("printer.objects.subscribe", {"objects": dict.fromkeys(OBJECTS)})
    return client


def compare_pushes(plan: PairedPlan, programs: Sequence[Program], speed: Speed) -> list[Comparison]:
    """Microseconds of processor time a push, for each number of subscribers and each rate."""
    found: list[Comparison] = []
    with contextlib.ExitStack() as stack:
        daemons = [stack.enter_context(open_pushed(program)) for program in programs]
        floors = [
            stack.enter_context(open_pushed_floor(name, module))
            for name, module in PUSH_FLOORS.items()
        ]
        _settle([*daemons, *floors], plan.push_settle_s)
        for subscribers in plan.subscribers:
            some = floors if subscribers <= plan.floor_subscribers else []
            with _groups([*daemons, *some], subscribers) as groups:
                found += _compare(plan, groups, subscribers, speed)
    return found


def _settle(contenders: Sequence[Contender], seconds: float) -> None:
    """Each with one subscriber that answers pings: what a daemon does once, it does now."""
    with _groups(contenders, 1) as groups:
        for group in groups:
            group.push(_WARM_UP_RATE, _WARM_UP_S)
        _measure_baselines(groups, seconds)


@contextlib.contextmanager
def _groups(contenders: Sequence[Contender], subscribers: int) -> Iterator[list[_Group]]:
    with contextlib.ExitStack() as stack:
        groups = []
        for contender in contenders:
            group = _Group(contender, subscribers)
            stack.enter_context(closing(group.clients))
            stack.callback(group.crowd.close)
            groups.append(group)
        yield groups


def _compare(
    plan: PairedPlan, groups: Sequence[_Group], subscribers: int, speed: Speed
) -> list[Comparison]:
    for group in groups:
        group.push(_WARM_UP_RATE, _WARM_UP_S)
    _answer_pings(groups)
    _measure_baselines(groups, plan.baseline_s)
    found = []
    for rate in plan.rates:
        samples: dict[str, list[float]] = {group.name: [] for group in groups}
        deliveries: dict[str, list[Delivery]] = {group.name: [] for group in groups}
        for _ in range(plan.rounds):
            for group in groups:
                spent_us, delivery = group.push(rate, plan.seconds(rate))
                samples[group.name].append(spent_us)
                deliveries[group.name].append(delivery)
                _answer_pings(groups)
            speed.note()
        baselines = ", ".join(f"{group.name} {group.baseline * 100:.2f} %" for group in groups)
        found.append(_comparison(subscribers, rate, samples, deliveries, baselines))
    return found


def _answer_pings(groups: Sequence[_Group]) -> None:
    """Of those that wait for their turn: no round is as long as the time between two pings."""
    for group in groups:
        group.crowd.read(0)


def _measure_baselines(groups: Sequence[_Group], seconds: float) -> None:
    """Of all contenders at once: none of them has work."""
    meters = [group.meter() for group in groups]
    end = time.monotonic() + seconds
    while (left_s := end - time.monotonic()) > 0:
        _answer_pings(groups)
        time.sleep(min(left_s, 0.1))
    for group, meter in zip(groups, meters, strict=True):
        group.baseline = meter.read().share()


def _comparison(
    subscribers: int,
    rate: int,
    samples: dict[str, list[float]],
    deliveries: dict[str, list[Delivery]],
    baselines: str,
) -> Comparison:
    bounds = [Bound(name, _FLOOR_RATIO) for name in PUSH_FLOORS if "spliced" in name]
    ratio = _moonraker_ratio(subscribers, rate)
    if ratio is not None:
        bounds.append(Bound(MOONRAKER, ratio))
    return Comparison(
        name=f"push_{subscribers}_at_{rate}",
        what=f"push, {subscribers} subscriber{'s' if subscribers > 1 else ''} at {rate}/s: CPU",
        unit="us/push",
        samples=samples,
        bounds=tuple(bounds),
        note="; ".join(
            [
                f"taken off, of a core: {baselines}",
                *(_delivered(name, of) for name, of in deliveries.items()),
            ]
        ),
    )


def _moonraker_ratio(subscribers: int, rate: int) -> float | None:
    if subscribers >= 5:
        return 0.4
    return {200: 0.65, 20: 0.75}.get(rate)


def _delivered(name: str, deliveries: Sequence[Delivery]) -> str:
    delays_ns = [delay for delivery in deliveries for delay in delivery.delays_ns]
    merged = sum(delivery.merged for delivery in deliveries)
    parts = [f"{name}: {merged} updates merged"]
    if delays_ns:
        p50, p99 = (percentile(delays_ns, percent) / NS_PER_US for percent in (50, 99))
        parts.append(f"to the last subscriber p50 {p50:.0f} us, p99 {p99:.0f} us")
    return ", ".join(parts)
