"""One WLED strip: orders become bodies for its JSON interface, and a report once they were sent.

The report is what was ordered: nothing is read back. Pure; `nurseries/wled/strip.py` sends.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

# Red, green, blue, white, 0 to 255.
Pixel = tuple[int, int, int, int]
Colour = tuple[float, float, float, float]
FULL = 255


class StripAnswer(msgspec.Struct, frozen=True):
    """What clients are told of one strip that they named."""


class StripMissing(StripAnswer, frozen=True):
    """For a strip that is not configured."""

    error: str = "strip_not_found"


class StripReport(StripAnswer, frozen=True):
    """What clients see; -1 stands for what is not known, or not active."""

    strip: str
    status: str
    chain_count: int
    preset: int = -1
    brightness: int = -1
    intensity: int = -1
    speed: int = -1
    error: str | None = None


class ColourChange(msgspec.Struct, frozen=True):
    """`set_wled`: `index` counts from 1, None for all; without `transmit` it waits for the next."""

    colour: Colour
    index: int | None = None
    transmit: bool = True


class Order(msgspec.Struct, frozen=True):
    """Bodies to send, one after the other, and what then is so.

    `pixels` are all colours afterwards; `known` says that the strip shows them.
    """

    bodies: list[dict[str, Any]]
    report: StripReport
    pixels: list[Pixel]
    known: bool


def pixel(colour: Colour) -> Pixel:
    """Shares of 0 to 1 as bytes; beyond that, the nearest."""
    red, green, blue, white = (min(max(int(share * 255 + 0.5), 0), 255) for share in colour)
    return red, green, blue, white


class Strip:
    """`report` is what was sent last; make an order, send it, then `take` it."""

    def __init__(self, name: str, count: int, preset: int, colour: Colour) -> None:
        self._preset = preset
        self._first = pixel(colour)
        self.report = StripReport(name, "off", count)
        self._pixels = [self._first] * count
        self._known = False

    @property
    def is_on(self) -> bool:
        """As it was ordered."""
        return self.report.status == "on"

    def take(self, order: Order) -> None:
        """It was sent."""
        self.report = msgspec.structs.replace(order.report, error=None)
        self._pixels, self._known = order.pixels, order.known

    def failed(self, reason: str) -> None:
        """It was not sent: only the reason is reported."""
        self.report = msgspec.structs.replace(self.report, error=reason)

    def on(self, preset: int = -1) -> Order:
        """With a preset, the initial preset, or the initial colour."""
        preset = preset if preset >= 0 else self._preset
        if preset >= 0:
            body: dict[str, Any] = {"on": True, "ps": preset}
            return self._order([body], status="on", preset=preset, brightness=-1)
        count = self.report.chain_count
        segment = {"bri": FULL, "i": [0, count, list(self._first)]}
        body = {"on": True, "tt": 0, "bri": FULL, "seg": segment}
        return self._order(
            [body], pixels=[self._first] * count, known=True, status="on", brightness=FULL
        )

    def off(self) -> Order:
        """The rest of the report stays."""
        report = msgspec.structs.replace(self.report, status="off")
        return Order([{"on": False}], report, self._pixels, False)

    def toggle(self, preset: int = -1) -> Order:
        """The other one."""
        return self.off() if self.is_on else self.on(preset)

    def control(self, brightness: int, intensity: int, speed: int) -> Order | None:
        """None where there is nothing to do: it is off, or no value is within its range.

        Intensity and speed are a preset's.
        """
        if not self.is_on:
            return None
        segment: dict[str, int] = {}
        changes: dict[str, int] = {}
        if 0 < brightness <= 255:
            changes["brightness"] = segment["bri"] = brightness
        if self.report.preset >= 0:
            for name, key, value in (("intensity", "ix", intensity), ("speed", "sx", speed)):
                if 0 <= value <= 255:
                    changes[name] = segment[key] = value
        if not changes:
            return None
        body: dict[str, Any] = {"tt": 0}
        if self.report.preset >= 0:
            body["seg"] = segment
        if "brightness" in changes:
            body["bri"] = brightness
        report = msgspec.structs.replace(self.report, **changes)
        return Order([body], report, self._pixels, self._known)

    def colours(self, changes: Sequence[ColourChange]) -> Order | None:
        """Several at once become one body; None when none of them is to be sent yet.

        Raises ValueError for a pixel that the strip does not have; then nothing is changed.
        """
        pixels, count = list(self._pixels), self.report.chain_count
        for change in changes:
            if change.index is None:
                pixels = [pixel(change.colour)] * count
            elif 1 <= change.index <= count:
                pixels[change.index - 1] = pixel(change.colour)
            else:
                raise ValueError(f"index {change.index} is not 1 to {count}")
        if not any(change.transmit for change in changes):
            self._pixels, self._known = pixels, False
            return None
        brightness = self.report.brightness if self.report.brightness > 0 else FULL
        segment = {"bri": brightness, "i": self._painted(changes, pixels)}
        body = {"on": True, "tt": 0, "bri": brightness, "seg": segment}
        # One that was off forgets a colour that comes with on.
        bodies = [body] if self.is_on else [body, body]
        report = msgspec.structs.replace(
            self.report, status="on", preset=-1, brightness=brightness, intensity=-1, speed=-1
        )
        return Order(bodies, report, pixels, True)

    def _painted(self, changes: Sequence[ColourChange], pixels: list[Pixel]) -> list[Any]:
        """The shortest that says it; ranges end before their second number."""
        if changes[-1].index is None:
            return [0, len(pixels), list(pixels[0])]
        if self._known and self.is_on and len(changes) == 1:
            first = changes[-1].index - 1
            return [first, list(pixels[first])]
        return [list(one) for one in pixels]

    def _order(
        self,
        bodies: list[dict[str, Any]],
        *,
        status: str,
        brightness: int,
        preset: int = -1,
        pixels: list[Pixel] | None = None,
        known: bool = False,
    ) -> Order:
        report = StripReport(self.report.strip, status, self.report.chain_count, preset, brightness)
        return Order(bodies, report, self._pixels if pixels is None else pixels, known)
