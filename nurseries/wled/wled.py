"""What all WLED strips share: their endpoints, and the methods of macros.

Each strip runs as a supervised service of its own (`strip.py`); nothing runs here.
"""

import logging
from collections.abc import Sequence
from typing import Any

import trio

from mrk.api.endpoint import Endpoint
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.wled.remote import read_colour, read_state
from nurseries.wled.endpoints import WledEndpoints
from nurseries.wled.strip import LightStrip

logger = logging.getLogger(__name__)


class Wled:
    """All strips, in the order of the configuration."""

    def __init__(self, strips: Sequence[LightStrip], klippy: KlippyPort) -> None:
        self._strips = {strip.name: strip for strip in strips}
        klippy.register_remote_method("set_wled_state", self._set_state)
        klippy.register_remote_method("set_wled", self._set_colour)

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return WledEndpoints(self._strips).endpoints()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Only wait."""
        task_status.started()
        await trio.sleep_forever()

    def _set_state(
        self,
        strip: Any,
        state: Any = None,
        preset: Any = -1,
        brightness: Any = -1,
        intensity: Any = -1,
        speed: Any = -1,
    ) -> None:
        """`set_wled_state`; called in the link's reader."""
        found = self._find("set_wled_state", strip)
        if found is None:
            return
        try:
            change = read_state(state, preset, brightness, intensity, speed)
        except ValueError as exc:
            logger.warning("set_wled_state of %s: %s", found.name, exc)
            return
        if change.says_nothing:
            logger.warning("set_wled_state of %s: nothing is given", found.name)
        else:
            found.order(change)

    def _set_colour(
        self,
        strip: Any,
        red: Any = 0.0,
        green: Any = 0.0,
        blue: Any = 0.0,
        white: Any = 0.0,
        index: Any = None,
        transmit: Any = 1,
    ) -> None:
        """`set_wled`; called in the link's reader."""
        found = self._find("set_wled", strip)
        if found is None:
            return
        try:
            found.order(read_colour(red, green, blue, white, index, transmit))
        except ValueError as exc:
            logger.warning("set_wled of %s: %s", found.name, exc)

    def _find(self, method: str, name: Any) -> LightStrip | None:
        found = self._strips.get(str(name))
        if found is None:
            logger.warning("%s: there is no WLED strip %r", method, str(name)[:60])
        return found
