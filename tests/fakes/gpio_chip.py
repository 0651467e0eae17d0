"""The library gpiod 2.x without a kernel: a chip whose lines a test drives and reads.

Faithful where mrk leans on it: logical values by active low, the level of an output from the
request on, EBUSY for a line that is requested, edges with bias as a readable descriptor, ENODEV
once the chip is unplugged, and a buffer of 16 edges.
"""

import enum
import errno
import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

BUFFER = 16


class Direction(enum.Enum):
    AS_IS = 1
    INPUT = 2
    OUTPUT = 3


class Bias(enum.Enum):
    AS_IS = 1
    DISABLED = 3
    PULL_UP = 4
    PULL_DOWN = 5


class EdgeKind(enum.Enum):
    NONE = 1
    BOTH = 4


class Value(enum.Enum):
    INACTIVE = 0
    ACTIVE = 1


class EventType(enum.Enum):
    RISING_EDGE = 1
    FALLING_EDGE = 2


@dataclass
class LineSettings:
    direction: Direction = Direction.AS_IS
    edge_detection: EdgeKind = EdgeKind.NONE
    bias: Bias = Bias.AS_IS
    active_low: bool = False
    debounce_period: Any = None
    output_value: Value = Value.INACTIVE


@dataclass
class Event:
    event_type: EventType
    timestamp_ns: int


class LineRequest:
    def __init__(self, chip: "FakeChip", line: int, settings: LineSettings) -> None:
        self._chip, self._line, self.settings = chip, line, settings
        self.fd, self._wake = os.pipe()
        os.set_blocking(self.fd, False)
        self.events: list[Event] = []
        self.released = False
        self.looked = 0  # how often its level was asked for
        if settings.direction is Direction.OUTPUT:
            self.set_value(line, settings.output_value)

    def _check(self) -> None:
        assert not self.released, "a request is used after its release"
        if self._chip.unplugged:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    def set_value(self, line: int, value: Value) -> None:
        self._check()
        assert line == self._line
        high = (value is Value.ACTIVE) != self.settings.active_low
        self._chip.levels.setdefault(line, []).append(high)

    def get_value(self, line: int) -> Value:
        self._check()
        self.looked += 1
        high = self._chip.level(line, self.settings.bias)
        return Value.ACTIVE if high != self.settings.active_low else Value.INACTIVE

    def read_edge_events(self) -> list[Event]:
        self._check()
        os.read(self.fd, 4096)
        events, self.events = self.events, []
        return events

    def edge(self, high: bool, at_ns: int) -> None:
        if len(self.events) < BUFFER:
            rising = high != self.settings.active_low
            kind = EventType.RISING_EDGE if rising else EventType.FALLING_EDGE
            self.events.append(Event(kind, at_ns))
            os.write(self._wake, b"x")

    def wake(self) -> None:
        os.write(self._wake, b"x")

    def release(self) -> None:
        if not self.released:
            self.released = True
            os.close(self.fd)
            os.close(self._wake)
            self._chip.requests.pop(self._line, None)


@dataclass
class FakeChip:
    """`levels`: line -> what it was driven to, in order; True is high."""

    label: str = "pinctrl-fake"
    count: int = 54
    levels: dict[int, list[bool]] = field(default_factory=dict)
    driven: dict[int, bool] = field(default_factory=dict)
    busy: set[int] = field(default_factory=set)
    requests: dict[int, LineRequest] = field(default_factory=dict)
    unplugged: bool = False
    now_ns: int = 1_000_000_000

    def level(self, line: int, bias: Bias) -> bool:
        """Of an input: what drives it, or else its bias."""
        return self.driven.get(line, bias is Bias.PULL_UP)

    def drive(self, line: int, high: bool, after_s: float = 0.1) -> None:
        """From outside: an edge, if it is one."""
        request = self.requests.get(line)
        before = self.level(line, request.settings.bias if request else Bias.DISABLED)
        self.driven[line] = high
        self.now_ns += round(after_s * 1e9)
        if request is not None and before != high:
            request.edge(high, self.now_ns)

    def unplug(self) -> None:
        """Pull the USB cable of a chip; descriptors become readable."""
        self.unplugged = True
        for request in self.requests.values():
            request.wake()

    def plug(self) -> None:
        for request in list(self.requests.values()):
            request.release()
        self.unplugged = False


class FakeGpiod:
    """What `import gpiod` gives; `chips`: device -> chip."""

    LineSettings = LineSettings
    EdgeEvent = SimpleNamespace(Type=EventType)
    line = SimpleNamespace(Direction=Direction, Bias=Bias, Edge=EdgeKind, Value=Value)

    def __init__(self, chips: dict[str, FakeChip]) -> None:
        self.chips = chips

    def request_lines(self, path: str, consumer: str, config: dict[int, Any]) -> Any:
        assert consumer == "mrk"
        ((line, settings),) = config.items()
        chip = self.chips.get(path)
        if chip is None or chip.unplugged:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if line >= chip.count:
            raise ValueError("invalid offset")
        if line in chip.busy or line in chip.requests:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        chip.requests[line] = LineRequest(chip, line, settings)
        return chip.requests[line]

    def is_gpiochip_device(self, path: str) -> bool:
        return path in self.chips

    def Chip(self, path: str) -> Any:
        chip = self.chips[path]

        class Opened:
            def __enter__(self) -> "Opened":
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def get_info(self) -> Any:
                return SimpleNamespace(label=chip.label)

        return Opened()
