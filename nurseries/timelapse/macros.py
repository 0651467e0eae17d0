"""The macros in the printer: told how to park and what they wait for, however busy it is.

`serve` sends one command after the other. Of each kind only the newest waits, so a printer that
heats for an hour is told once. Without the macros nothing is sent, and `missing` says so.
"""

import logging
from collections.abc import Callable
from typing import Any

import trio

from mrk.errors import ClientError
from mrk.klippy.events import Disconnected, Ready
from mrk.klippy.klippy_protocols import GcodePort, KlippyPort
from mrk.klippy.requirements import read_names, read_status
from mrk.timelapse.settings import LapseSettings, hyperlapse_command, setup_command

logger = logging.getLogger(__name__)
_EVENTS = 20
_TAKE_FRAME, _RENDER = "gcode_macro TIMELAPSE_TAKE_FRAME", "gcode_macro TIMELAPSE_RENDER"
_SETUP = "gcode_macro _SET_TIMELAPSE_SETUP"
_VARIABLE = "SET_GCODE_VARIABLE MACRO={} VARIABLE={} VALUE=False"
_RELEASE = _VARIABLE.format("TIMELAPSE_TAKE_FRAME", "takingframe")
_RENDERED = _VARIABLE.format("TIMELAPSE_RENDER", "render")
_MISSING = "the macros are not in the printer's configuration: include timelapse.cfg"


class LapseMacros:
    """Commands by kind, in the order in which they were given."""

    def __init__(self, klippy: KlippyPort, gcode: GcodePort) -> None:
        self.missing = ""
        self._klippy = klippy
        self._gcode = gcode
        self._waiting: dict[str, str] = {}
        self._given = trio.Event()
        self._release_at: float | None = None
        self._release_wanted = trio.Event()

    # Commands

    def set_up(self, settings: LapseSettings) -> None:
        """How to park."""
        self._send("setup", setup_command(settings))

    def start_hyperlapse(self, settings: LapseSettings) -> None:
        """Frames by time, if they do not come too fast."""
        command = hyperlapse_command(settings)
        if command is None:
            logger.warning("time-lapse: hyperlapse_cycle is too short for park_time")
        else:
            self._send("hyperlapse", command)

    def stop_hyperlapse(self) -> None:
        """No more frames by time."""
        self._send("hyperlapse", "HYPERLAPSE ACTION=STOP")

    def release_after(self, delay_s: float) -> None:
        """The head may go back in a moment."""
        if self._release_at is None:
            self._release_at = trio.current_time() + delay_s
            self._release_wanted.set()

    def rendered(self) -> None:
        """The macro that waits for a video goes on."""
        self._send("rendered", _RENDERED)

    def _send(self, kind: str, command: str) -> None:
        if not self.missing:
            self._waiting.pop(kind, None)
            self._waiting[kind] = command
            self._given.set()

    # Life

    async def serve(self, on_ready: Callable[[], None]) -> None:
        """Send until cancelled; `on_ready` is called when the printer has become ready."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow, on_ready, name="time-lapse macros: printer")
            nursery.start_soon(self._send_all, name="time-lapse macros: commands")
            nursery.start_soon(self._release, name="time-lapse macros: release")

    async def _follow(self, on_ready: Callable[[], None]) -> None:
        kinds = (Ready, Disconnected)
        with self._klippy.open_events("time-lapse macros", _EVENTS, *kinds) as events:
            if self._klippy.klippy_state == "ready":
                await self._greet(on_ready)
            async for event in events:
                self._waiting.clear()
                if isinstance(event, Ready):
                    await self._greet(on_ready)

    async def _greet(self, on_ready: Callable[[], None]) -> None:
        try:
            objects = read_names(await self._klippy.call("objects/list"), "objects")
            self.missing = "" if _SETUP in objects else _MISSING
            waiting = await self._what_waits(objects)
        except ClientError as exc:
            logger.info("time-lapse: the macros cannot be asked: %s", exc.message)
            return
        on_ready()
        # They wait for an answer of a daemon that has ended meanwhile.
        if waiting.get(_TAKE_FRAME, {}).get("takingframe") is True:
            self._send("release", _RELEASE)
        if waiting.get(_RENDER, {}).get("render") is True:
            self.rendered()

    async def _what_waits(self, objects: list[str]) -> dict[str, Any]:
        asked = {_TAKE_FRAME: ["takingframe"], _RENDER: ["render"]}
        asked = {name: fields for name, fields in asked.items() if name in objects}
        if not asked:
            return {}
        return read_status(await self._klippy.call("objects/query", {"objects": asked}))

    async def _send_all(self) -> None:
        while True:
            await self._given.wait()
            self._given = trio.Event()
            while self._waiting:
                command = self._waiting.pop(next(iter(self._waiting)))
                try:
                    await self._gcode.run_gcode(command)
                except ClientError as exc:
                    logger.info("time-lapse: %s: %s", command.partition(" ")[0], exc.message)

    async def _release(self) -> None:
        while True:
            await self._release_wanted.wait()
            self._release_wanted = trio.Event()
            assert self._release_at is not None
            await trio.sleep_until(self._release_at)
            self._release_at = None
            self._send("release", _RELEASE)
