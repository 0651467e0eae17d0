"""One button: its line is watched, and its templates run, one after the other.

`serve` ends when cancelled, or with `GpioError` when the line cannot be had or is lost.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import trio

from config.settings.buttons import ButtonSettings
from config.template import AsyncTemplate
from config.template_errors import TemplateFailed
from mrk.buttons.debounce import ButtonChange, Debouncer
from mrk.gpio.gpio_protocols import GpioError, GpioLines, InputLine

logger = logging.getLogger(__name__)
TEMPLATE_S = 60.0
# Changes whose templates wait; more are dropped, the newest first.
MOST_WAITING = 8
USER_DATA_BYTES = 64 * 1024

CallMethod = Callable[..., Awaitable[Any]]


class Button:
    """`notify` broadcasts `notify_button_event`; `trouble` is for server.info, empty if none."""

    def __init__(
        self,
        settings: ButtonSettings,
        lines: GpioLines,
        call_method: CallMethod,
        notify: Callable[[dict[str, Any]], None],
    ) -> None:
        self.settings = settings
        self.trouble = ""
        self._lines = lines
        self._call_method = call_method
        self._notify = notify
        self._user_data: dict[str, Any] = {}
        self._stopping = False

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch the line. Raises `GpioError`."""
        try:
            line = self._lines.open_input(self.settings.pin, f"[button {self.settings.name}]")
        except GpioError as exc:
            self.trouble = str(exc)
            raise
        self.trouble = ""
        runs, to_run = trio.open_memory_channel[ButtonChange](MOST_WAITING)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._run_all, to_run, name="button templates")
                task_status.started()
                await self._watch(line, runs, nursery)
        finally:
            line.release()

    async def _watch(
        self,
        line: InputLine,
        runs: trio.MemorySendChannel[ButtonChange],
        nursery: trio.Nursery,
    ) -> None:
        debouncer = Debouncer(line.read(), time.monotonic(), self.settings.minimum_event_s)
        while True:
            await self._take(line, debouncer)
            with trio.move_on_after(self.settings.debounce_s):
                while True:
                    await self._take(line, debouncer)
            if debouncer.is_noisy:
                await self._give_up()
            change = debouncer.settle(line.read())
            if change is not None and not change.is_short:
                self._fire(change, runs, nursery)

    async def _take(self, line: InputLine, debouncer: Debouncer) -> None:
        for edge in await line.edges():
            debouncer.edge(edge.at_s)

    async def _give_up(self) -> None:
        """Noise would run templates at random: a restart looks at the line again."""
        pin = self.settings.pin
        self.trouble = (
            f"Button {self.settings.name}: Too Many Consecutive Errors, GPIO Event Disabled on"
            f" {pin.chip}:gpio{pin.line}"
        )
        logger.error("%s", self.trouble)
        await trio.sleep_forever()

    def _fire(
        self,
        change: ButtonChange,
        runs: trio.MemorySendChannel[ButtonChange],
        nursery: trio.Nursery,
    ) -> None:
        settings = self.settings
        if self._template(change) is None:
            return
        if settings.stops_on_press if change.pressed else settings.stops_on_release:
            # An emergency stop waits behind no other template.
            if not self._stopping:
                self._stopping = True
                nursery.start_soon(self._stop, change, name="button stop")
            return
        try:
            runs.send_nowait(change)
        except trio.WouldBlock:
            logger.warning("button %s: too many templates wait; one is dropped", settings.name)

    async def _stop(self, change: ButtonChange) -> None:
        try:
            await self._run(change)
        finally:
            self._stopping = False

    async def _run_all(self, to_run: trio.MemoryReceiveChannel[ButtonChange]) -> None:
        async for change in to_run:
            await self._run(change)

    async def _run(self, change: ButtonChange) -> None:
        settings = self.settings
        template = self._template(change)
        if template is None:
            return
        action = "on_press" if change.pressed else "on_release"
        try:
            with trio.fail_after(TEMPLATE_S):
                await self._render(template, change)
        except TemplateFailed as exc:
            logger.error("button %s: %s failed: %s", settings.name, action, exc)
        except trio.TooSlowError:
            logger.error("button %s: %s took longer than 60 s", settings.name, action)
        self._bound_user_data()

    def _template(self, change: ButtonChange) -> AsyncTemplate | None:
        return self.settings.on_press if change.pressed else self.settings.on_release

    async def _render(self, template: AsyncTemplate, change: ButtonChange) -> None:
        event = change.shown(time.monotonic())
        is_told = False

        def send_notification(aux: Any = None) -> str:
            nonlocal is_told
            if not is_told:
                is_told = True
                self._notify(
                    {"name": self.settings.name, "type": "gpio", "event": event, "aux": _plain(aux)}
                )
            return ""

        await template.render(
            event=dict(event),
            user_data=self._user_data,
            call_method=self._call_method,
            send_notification=send_notification,
        )

    def _bound_user_data(self) -> None:
        try:
            size = len(msgspec.json.encode(self._user_data, enc_hook=str))
        except (RecursionError, TypeError, ValueError):
            size = USER_DATA_BYTES + 1
        if size > USER_DATA_BYTES:
            self._user_data.clear()
            said = "button %s: user_data has more than %d bytes, and was emptied"
            logger.warning(said, self.settings.name, USER_DATA_BYTES)


def _plain(value: Any) -> Any:
    """What JSON can carry; raises ValueError, which fails the template."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except (RecursionError, TypeError, msgspec.MsgspecError) as exc:
        raise ValueError(f"send_notification: {exc}") from None
