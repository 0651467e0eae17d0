"""Which heaters the printer has, kept subscribed with its print state.

`follow` asks each time the printer is ready; it ends when cancelled.
"""

import logging

from mrk.errors import ClientError
from mrk.fanout import EventReader
from mrk.klippy.events import KlippyEvent
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.requirements import read_names, read_object

logger = logging.getLogger(__name__)


class PrinterHeaters:
    """`names` are those of the printer that was ready last."""

    def __init__(self, klippy: KlippyPort) -> None:
        self._klippy = klippy
        self.names: list[str] = []

    @property
    def connected(self) -> list[str]:
        """The heaters of a printer that is connected now."""
        return self.names if self._klippy.klippy_connected else []

    async def follow(self, ready: EventReader[KlippyEvent]) -> None:
        """Know the heaters of the printer each time it is ready; ends when cancelled."""
        if self._klippy.klippy_state == "ready":
            await self._find_heaters()
        async for _ in ready:
            await self._find_heaters()

    async def _find_heaters(self) -> None:
        try:
            answer = await self._klippy.call("objects/query", {"objects": {"heaters": None}})
            found = read_names(read_object(answer, "heaters"), "available_heaters")
            await self._klippy.subscribe(dict.fromkeys(("print_stats", *found)))
        except ClientError as exc:
            logger.info("heaters are not known: %s", exc.message)
            return
        self.names = found
