"""Arguments of `set_wled_state` and `set_wled`, as macros give them. Pure."""

from typing import Any

import msgspec

from mrk.wled.strip import ColourChange

_WORDS = {"true": True, "on": True, "false": False, "off": False}


class StateChange(msgspec.Struct, frozen=True):
    """`set_wled_state`; `on` None leaves that."""

    on: bool | None
    preset: int
    brightness: int
    intensity: int
    speed: int

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to do."""
        values = (self.preset, self.brightness, self.intensity, self.speed)
        return self.on is None and all(value < 0 for value in values)


def read_state(state: Any, preset: Any, brightness: Any, intensity: Any, speed: Any) -> StateChange:
    """Raises ValueError."""
    on = None
    if state is not None:
        on = _WORDS.get(str(state).strip().lower())
        if on is None:
            raise ValueError(f"state {str(state)[:40]!r} is not known (expected on or off)")
    numbers = [
        _integer("preset", preset),
        _integer("brightness", brightness),
        _integer("intensity", intensity),
        _integer("speed", speed),
    ]
    return StateChange(on, *numbers)


def read_colour(
    red: Any, green: Any, blue: Any, white: Any, index: Any, transmit: Any
) -> ColourChange:
    """Raises ValueError."""
    shares = (("red", red), ("green", green), ("blue", blue), ("white", white))
    first, second, third, fourth = (_number(name, value) for name, value in shares)
    place = None if index is None else _integer("index", index)
    return ColourChange(
        (first, second, third, fourth),
        None if place is None or place < 0 else place,
        _integer("transmit", transmit) == 1,
    )


def _integer(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} {str(value)[:40]!r} is not an integer") from None


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} {str(value)[:40]!r} is not a number") from None
    if not -1e6 < number < 1e6:
        raise ValueError(f"{name} {str(value)[:40]!r} is out of range (expected 0 to 1)")
    return number
