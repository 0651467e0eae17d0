"""When items are looked at: at the start, at night, and when a client asks.

A look goes item by item and stops when a print begins. One that could not ask for new versions does
not count: the item stays due. `keep_time` is run by the update manager.
"""

import logging
import math
from collections.abc import Callable, Iterable, Sequence

import msgspec
import trio

from config.settings.update_manager import UpdateManagerSettings
from mrk.updates.item import UpdateItem
from mrk.updates.schedule import AGAIN_S, in_window, is_due
from mrk.updates.update_errors import UpdateFailed
from nurseries.update_manager.stored_items import Remembered, StoredItems

logger = logging.getLogger(__name__)
# What an item, or its place on the disk, is to blame for: the others are looked at all the same.
_ITS_OWN = (UpdateFailed, OSError)


class UpdateClock(msgspec.Struct, frozen=True):
    """For tests: how time goes; `wall_clock` is Unix time."""

    wall_clock: Callable[[], float]
    local_hour: Callable[[], int]
    beat_s: float
    again_s: Sequence[float] = AGAIN_S


class Refresher:
    """`section_hash` and `interval_s` are an item's, by name."""

    def __init__(
        self,
        settings: UpdateManagerSettings,
        stored: StoredItems,
        is_printing: Callable[[], bool],
        section_hash: Callable[[str], str],
        interval_s: Callable[[str], float],
        clock: UpdateClock,
    ) -> None:
        self._settings = settings
        self._stored = stored
        self._is_printing = is_printing
        self._section_hash = section_hash
        self._interval_s = interval_s
        self._clock = clock
        self._tried = -math.inf

    def due(self, items: Iterable[UpdateItem]) -> list[UpdateItem]:
        """Those whose time has come, or whose section changed."""
        now = self._clock.wall_clock()
        return [item for item in items if self._is_due(item.name, now)]

    def _is_due(self, name: str, now: float) -> bool:
        known = self._stored.remembered(name)
        return is_due(
            known.last_refresh_time,
            self._interval_s(name),
            now,
            known.last_config_hash,
            self._section_hash(name),
        )

    @property
    def age_s(self) -> float:
        """Since the newest look at any item, failed or not; one of days to come is none."""
        now = self._clock.wall_clock()
        return min(abs(now - self._tried), abs(now - self._stored.newest_refresh))

    async def refresh(self, items: Sequence[UpdateItem]) -> None:
        """Look at items, one after the other; a print that begins ends it."""
        for item in items:
            if self._is_printing():
                logger.info("not looking for updates of %s: a print is under way", item.name)
                return
            await self.refresh_one(item)

    async def reread(self, items: Sequence[UpdateItem]) -> None:
        """Look at what is installed, as far as it is on this machine."""
        for item in items:
            if self._is_printing():
                return
            try:
                await item.reread()
            except _ITS_OWN as exc:
                logger.warning("%s: %s", item.name, exc)

    async def refresh_one(self, item: UpdateItem) -> None:
        """Look at one item and remember what was found."""
        done = False
        try:
            done = await item.refresh()
        except _ITS_OWN as exc:
            logger.warning("%s: %s", item.name, exc)
        self._tried = self._clock.wall_clock()
        remembered = Remembered(self._tried, self._section_hash(item.name)) if done else None
        await self._stored.store(item, remembered)

    async def keep_time(self, ask: Callable[[], None]) -> None:
        """Call `ask` some times within the first hour, then each hour within the window, unless a
        print is under way."""
        for wait_s in self._clock.again_s:
            await trio.sleep(wait_s)
            if not self._is_printing():
                ask()
        if not self._settings.enable_auto_refresh:
            return
        beat = trio.current_time() + self._clock.beat_s
        while True:
            await trio.sleep_until(beat)
            window = self._settings.refresh_window
            if in_window(self._clock.local_hour(), window) and not self._is_printing():
                ask()
            beat = max(beat + self._clock.beat_s, trio.current_time())
