"""When items are looked at: once at the start, at night, and when a client asks.

A look goes item by item and stops when a print begins. `keep_time` is run by the update manager.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

import msgspec
import trio

from config.settings.update_manager import UpdateManagerSettings
from mrk.updates.item import UpdateItem
from mrk.updates.schedule import in_window, is_due
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
        """Since the newest look at any item."""
        return self._clock.wall_clock() - self._stored.newest_refresh

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
        try:
            await item.refresh()
        except _ITS_OWN as exc:
            logger.warning("%s: %s", item.name, exc)
        remembered = Remembered(self._clock.wall_clock(), self._section_hash(item.name))
        await self._stored.store(item, remembered)

    async def keep_time(self, ask: Callable[[], None]) -> None:
        """Call `ask` each hour within the window, unless a print is under way."""
        if not self._settings.enable_auto_refresh:
            return
        beat = trio.current_time() + self._clock.beat_s
        while True:
            await trio.sleep_until(beat)
            window = self._settings.refresh_window
            if in_window(self._clock.local_hour(), window) and not self._is_printing():
                ask()
            beat = max(beat + self._clock.beat_s, trio.current_time())
