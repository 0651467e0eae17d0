"""The owner of all GPIO lines of this process: one user a line, outputs kept over a restart.

Lives as long as the process, so that `server.restart` neither releases nor changes the line of a
power device. Owns no task; everything is called in the event loop and takes microseconds.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import trio

from mrk.definitions.pins import Pin
from mrk.gpio.gpio_protocols import Edge, GpioError, InputLine, OutputLine
from nurseries.gpio.library import GpioLibrary, gpio_error, load_gpiod

_Place = tuple[str, int]


class _Output(msgspec.Struct, eq=False):
    """A request that is kept, and the level it has."""

    request: Any
    pin: Pin
    active: bool


class _OutputLine:
    """Implements `OutputLine`."""

    def __init__(self, chips: "GpioChips", library: GpioLibrary, output: _Output) -> None:
        self._chips = chips
        self._library = library
        self._output = output
        self._released = False

    @property
    def is_active(self) -> bool:
        return self._output.active

    def set(self, active: bool) -> None:
        try:
            self._library.set(self._output.request, self._output.pin, active)
        except GpioError:
            self._chips.drop(self._output.pin)
            raise
        self._output.active = active

    def release(self) -> None:
        if not self._released:
            self._released = True
            self._chips.give_back(self._output.pin)


class _InputLine:
    """Implements `InputLine`."""

    def __init__(self, chips: "GpioChips", library: GpioLibrary, request: Any, pin: Pin) -> None:
        self._chips = chips
        self._library = library
        self._request = request
        self._pin = pin
        self._released = False

    def read(self) -> bool:
        return self._library.get(self._request, self._pin)

    async def edges(self) -> list[Edge]:
        await trio.lowlevel.wait_readable(self._request.fd)
        try:
            events = self._request.read_edge_events()
        except (OSError, ValueError) as exc:
            raise gpio_error(self._pin, exc) from exc
        return [Edge(self._library.is_rising(one), one.timestamp_ns / 1e9) for one in events]

    def release(self) -> None:
        if not self._released:
            self._released = True
            self._request.release()
            self._chips.give_back(self._pin)


class GpioChips:
    """Implements `GpioLines`. `load` imports the library when the first line is wanted."""

    def __init__(self, load: Callable[[], GpioLibrary] = load_gpiod) -> None:
        self._load = load
        self._library: GpioLibrary | None = None
        self._users: dict[_Place, str] = {}
        self._outputs: dict[_Place, _Output] = {}

    def open_output(self, pin: Pin, user: str, active: bool = False) -> OutputLine:
        """`GpioLines.open_output`."""
        library = self._loaded()
        self._check_free(pin)
        kept = self._outputs.get(_place(pin))
        if kept is not None and kept.pin.inverted != pin.inverted:
            self._let_go(kept)
            kept = None
        if kept is None:
            request = library.request_output(pin, active)
            kept = self._outputs[_place(pin)] = _Output(request, pin, active)
        self._users[_place(pin)] = user
        return _OutputLine(self, library, kept)

    def open_input(self, pin: Pin, user: str) -> InputLine:
        """`GpioLines.open_input`."""
        library = self._loaded()
        self._check_free(pin)
        kept = self._outputs.get(_place(pin))
        if kept is not None:
            self._let_go(kept)
        line = _InputLine(self, library, library.request_input(pin), pin)
        self._users[_place(pin)] = user
        return line

    def give_back(self, pin: Pin) -> None:
        """A user needs its line no more; an output stays requested, and keeps its level."""
        self._users.pop(_place(pin), None)

    def drop(self, pin: Pin) -> None:
        """An output whose chip is gone: the next user requests it anew."""
        kept = self._outputs.get(_place(pin))
        if kept is not None:
            self._let_go(kept)

    def _let_go(self, output: _Output) -> None:
        del self._outputs[_place(output.pin)]
        output.request.release()

    def _loaded(self) -> GpioLibrary:
        if self._library is None:
            self._library = self._load()
        return self._library

    def _check_free(self, pin: Pin) -> None:
        user = self._users.get(_place(pin))
        if user is not None:
            raise GpioError(f"{pin}: {user} uses this line already")


def _place(pin: Pin) -> _Place:
    return pin.chip, pin.line
