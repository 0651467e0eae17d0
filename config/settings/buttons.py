"""`[button <name>]`: a GPIO input, and the templates that run when it changes.

Read by `read_buttons`; a section with a mistake is left out with a warning, and so is one whose
name, the last word of its title, another one behind it has.
"""

import re
from functools import partial

import msgspec

from config.paths import Paths
from config.reader import ConfigReader
from config.section import Required, Section
from config.template import AsyncTemplate
from config.values import Bounds
from mrk.definitions.pins import Pin, read_pin

_DEBOUNCE_S = Bounds(low=0.01, high=10)
_MINIMUM_S = Bounds(low=0, high=60)
_STOP = re.compile(
    r"""\{%?-?\s*(?:do\s+)?call_method\(\s*["']printer\.emergency_stop["']\s*\)\s*-?%?\}"""
)


class ButtonSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One button; times in seconds. `stops_*`: the template does nothing but stop the printer."""

    name: str
    pin: Pin
    debounce_s: float = 0.05
    minimum_event_s: float = 0.0
    on_press: AsyncTemplate | None = None
    on_release: AsyncTemplate | None = None
    stops_on_press: bool = False
    stops_on_release: bool = False


def read_buttons(reader: ConfigReader, paths: Paths) -> tuple[ButtonSettings, ...]:
    """Read every `[button <name>]`; mistakes become warnings."""
    found: dict[str, tuple[str, ButtonSettings]] = {}
    for title, one in reader.entries("button", partial(_button, reader)):
        earlier, _ = found.pop(one.name, (None, None))
        if earlier is not None:
            text = f"[{earlier}] is not used: [{title}] is the button '{one.name}', too"
            reader.warn(text, reader.place(earlier))
        found[one.name] = title, one
    return tuple(one for _, one in found.values())


def _button(reader: ConfigReader, title: str) -> tuple[str, ButtonSettings]:
    section = reader.section(title)
    section.choice("type", ("gpio",), "gpio")
    pin = section.custom("pin", Required("^!gpiochip0/gpio17"), _pin)
    templates = {name: section.async_template(name, None) for name in ("on_press", "on_release")}
    if not any(section.written(name) for name in templates):
        section.problem("on_press", "this option or on_release is required")
    return title, ButtonSettings(
        name=title.split()[-1],
        pin=pin,
        debounce_s=section.number("debounce_period", 0.05, _DEBOUNCE_S),
        minimum_event_s=section.number("minimum_event_time", 0.0, _MINIMUM_S),
        on_press=templates["on_press"],
        on_release=templates["on_release"],
        stops_on_press=_stops(reader, section, "on_press"),
        stops_on_release=_stops(reader, section, "on_release"),
    )


def _pin(text: str) -> Pin:
    return read_pin(text, bias_allowed=True)


def _stops(reader: ConfigReader, section: Section, option: str) -> bool:
    written = reader.source.options(section.name).get(option)
    return written is not None and _STOP.fullmatch(written.value.strip()) is not None
