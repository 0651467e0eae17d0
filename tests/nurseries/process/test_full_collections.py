"""When everything is collected: on a clock that jumps, with numbers instead of objects."""

import gc
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from nurseries.process.full_collections import (
    INTERVAL_S,
    MOST_LOOKS,
    QUIET_S,
    FullCollections,
    PythonCollector,
)


class FakeCollector:
    """`busy_until` is when the last young objects come, by the clock."""

    def __init__(self, objects: int, busy_until: float) -> None:
        self.objects = objects
        self.busy_until = busy_until
        self.since = 0.0
        self.collected: list[float] = []
        self.automatic = True

    def begin(self) -> None:
        self.automatic = False

    def end(self) -> None:
        self.automatic = True

    def middle_collections(self) -> int:
        """Ten a second."""
        return round(10 * (min(trio.current_time() - self.started, self.busy_until) - self.since))

    def old_objects(self) -> int:
        return self.objects

    def collect(self) -> int:
        self.since = min(trio.current_time() - self.started, self.busy_until)
        self.collected.append(trio.current_time() - self.started)
        return 0

    async def watched(self, for_s: float) -> list[float]:
        self.started = trio.current_time()
        with trio.move_on_after(for_s):
            await FullCollections(self).serve()
        assert self.automatic
        return self.collected


@pytest.mark.parametrize(
    ("busy_s", "collected_at"),
    [
        (0.0, []),
        (0.9, []),
        (1.0, [INTERVAL_S + QUIET_S]),
        (INTERVAL_S + 7.5, [INTERVAL_S + 9 * QUIET_S]),
        (1000.0, [INTERVAL_S + MOST_LOOKS * QUIET_S]),
    ],
)
async def test_collected_when_it_is_due_and_quiet(
    busy_s: float, collected_at: list[float], autojump_clock: trio.testing.MockClock
) -> None:
    collector = FakeCollector(100_000, busy_s)
    assert await collector.watched(100.0) == pytest.approx(collected_at, abs=1e-6)


async def test_again_only_when_there_is_a_quarter_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    collector = FakeCollector(100_000, 1.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collector.watched, 1000.0)
        await trio.sleep(100)
        assert len(collector.collected) == 1
        collector.busy_until = 200.0
        await trio.sleep(200)
        assert len(collector.collected) == 1
        collector.objects = 125_001
        await trio.sleep(100)
        assert len(collector.collected) == 2
        nursery.cancel_scope.cancel()


@pytest.fixture
def thresholds() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)


async def test_pythons_own_come_back_at_the_end(thresholds: tuple[int, int, int]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(FullCollections(PythonCollector()).serve)
        await trio.testing.wait_all_tasks_blocked()
        # The younger generations stay as they are: most garbage is young.
        assert gc.get_threshold()[:2] == thresholds[:2]
        assert gc.get_threshold()[2] > 1000 * thresholds[2]
        nursery.cancel_scope.cancel()
    assert gc.get_threshold() == thresholds


def test_what_the_collector_says() -> None:
    collector = PythonCollector()
    kept: list[object] = []
    kept.append(kept)
    collector.collect()
    assert collector.middle_collections() == 0
    assert collector.old_objects() > 1000
    gc.collect(1)
    assert collector.middle_collections() == 1
    kept = []
    assert collector.collect() >= 1
