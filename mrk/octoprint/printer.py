"""The printer as OctoPrint's API describes it (docs.octoprint.org, "Printer operations").

Made of Klipper's objects, which are read with care: a fork may say anything.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from mrk.status.numbers import finite

OFFLINE, ERROR, OPERATIONAL = "Offline", "Error", "Operational"
PRINTING, PAUSED = "Printing", "Paused"
# `print_stats.state` of a ready printer; a print that failed or was cancelled counts as an error.
_JOB_STATES = {
    "standby": OPERATIONAL,
    "complete": OPERATIONAL,
    "printing": PRINTING,
    "paused": PAUSED,
}
_EXTRUDER = re.compile(r"extruder([0-9]{0,3})")
_DIGITS = 2


class Temperature(msgspec.Struct, frozen=True):
    """Degrees Celsius."""

    actual: float
    offset: int
    target: float


class Flags(msgspec.Struct, frozen=True):
    """`cancelling` and `pausing` are states that Klipper does not tell."""

    operational: bool
    paused: bool
    printing: bool
    cancelling: bool
    pausing: bool
    error: bool
    ready: bool
    closed_or_error: bool = msgspec.field(name="closedOrError")


class PrinterState(msgspec.Struct, frozen=True):
    """`text` is one of the five words above."""

    text: str
    flags: Flags


class PrinterAnswer(msgspec.Struct, frozen=True):
    """GET /api/printer; temperatures by tool0, tool1, ..., bed."""

    temperature: dict[str, Temperature]
    state: PrinterState


def state_text(klippy_state: str, print_stats: Mapping[str, Any]) -> str:
    """The state in OctoPrint's words."""
    if klippy_state in ("disconnected", "startup"):
        return OFFLINE
    if klippy_state != "ready":
        return ERROR
    job_state = print_stats.get("state", "standby")
    return _JOB_STATES.get(job_state, ERROR) if isinstance(job_state, str) else ERROR


def printer_state(text: str) -> PrinterState:
    """The state with the flags that belong to it."""
    broken = text in (OFFLINE, ERROR)
    flags = Flags(
        operational=not broken,
        paused=text == PAUSED,
        printing=text == PRINTING,
        cancelling=False,
        pausing=False,
        error=text == ERROR,
        ready=text == OPERATIONAL,
        closed_or_error=broken,
    )
    return PrinterState(text, flags)


def heater_name(name: str) -> str | None:
    """OctoPrint's name of a heater: tool0 for `extruder`, bed for `heater_bed`; None for others."""
    if name == "heater_bed":
        return "bed"
    found = _EXTRUDER.fullmatch(name)
    return None if found is None else f"tool{int(found[1] or 0)}"


def temperatures(
    heaters: Iterable[str], status: Callable[[str], Mapping[str, Any]]
) -> dict[str, Temperature]:
    """Of the heaters that OctoPrint has names for; `status` gives an object's known fields."""
    found = {}
    for heater in heaters:
        name = heater_name(heater)
        if name is not None:
            fields = status(heater)
            actual, target = _degrees(fields.get("temperature")), _degrees(fields.get("target"))
            found[name] = Temperature(round(actual, _DIGITS), 0, target)
    return found


def _degrees(value: object) -> float:
    """A number as it is; what is none, or cannot be written as JSON, is 0."""
    return finite(value) or 0.0
