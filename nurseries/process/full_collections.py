"""Has Python's garbage collector look at everything when nobody comes or goes.

A full collection stops the daemon for 0.5 us an object, 70 ms with a thousand websockets, and
Python begins one in the middle of what makes the number grow: a crowd that connects. So only
collections of young objects stay automatic; the process runs this beside its generations, as an
optional part. Ends when cancelled, and gives the collections back.
"""

import gc
import logging
from typing import Protocol

import trio

logger = logging.getLogger(__name__)

INTERVAL_S = 5.0
# No collection of the middle generation (7,000 more objects) within this time is quiet enough.
QUIET_S = 1.0
# From here on a full collection is due, quiet or not.
MOST_LOOKS = 60
# As Python has it: so many collections of the middle generation, and so much growth since the last.
_DUE_AFTER = 10
_GROWTH = 1.25
_NEVER = 1_000_000


class Collector(Protocol):
    """Python's garbage collector."""

    def begin(self) -> None:
        """No more full collections by itself."""
        ...

    def end(self) -> None:
        """As before `begin`."""
        ...

    def middle_collections(self) -> int:
        """How many there were since the last full one."""
        ...

    def old_objects(self) -> int:
        """How many a full collection looks at, which takes 1 ms for 100,000 to find out."""
        ...

    def collect(self) -> int:
        """Collect all that is unreachable; returns how many objects that was."""
        ...


class PythonCollector:
    """The `gc` module."""

    def __init__(self) -> None:
        self._thresholds = gc.get_threshold()

    def begin(self) -> None:
        """See `Collector`."""
        self._thresholds = gc.get_threshold()
        gc.set_threshold(*self._thresholds[:2], _NEVER)

    def end(self) -> None:
        """See `Collector`."""
        gc.set_threshold(*self._thresholds)

    def middle_collections(self) -> int:
        """See `Collector`."""
        return gc.get_count()[2]

    def old_objects(self) -> int:
        """See `Collector`."""
        return len(gc.get_objects(generation=2))

    def collect(self) -> int:
        """See `Collector`."""
        return gc.collect()


class FullCollections:
    """Full collections of `collector`, at times of its own."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._kept = 0

    async def serve(self) -> None:
        """Look every few seconds whether one is due."""
        self._collector.begin()
        try:
            while True:
                await trio.sleep(INTERVAL_S)
                if self._due():
                    await self._quiet()
                    self._collect()
        finally:
            self._collector.end()

    def _due(self) -> bool:
        if self._collector.middle_collections() < _DUE_AFTER:
            return False
        return self._collector.old_objects() > self._kept * _GROWTH

    async def _quiet(self) -> None:
        """Wait until little is made, but not for ever."""
        for _ in range(MOST_LOOKS):
            before = self._collector.middle_collections()
            await trio.sleep(QUIET_S)
            if self._collector.middle_collections() <= before:
                return

    def _collect(self) -> None:
        began = trio.current_time()
        found = self._collector.collect()
        self._kept = self._collector.old_objects()
        took_ms = (trio.current_time() - began) * 1000
        logger.debug("%d objects were unreachable, %d stay; %.0f ms", found, self._kept, took_ms)
