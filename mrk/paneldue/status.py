"""The answer to `M408`: the printer as RepRapFirmware would describe it. Pure.

`PanelStatus` is of one connection: some members are told only when they change, and two states
depend on the one before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mrk.klippy.extruders import extruder_number
from mrk.paneldue.commands import StatusQuery
from mrk.paneldue.files import MACROS, known
from mrk.paneldue.responses import Responses
from mrk.status.numbers import finite

OFF: Mapping[str, Any] = {"status": "O"}
# A display that says nothing for so long may have been switched off meanwhile.
SILENCE_S = 10.0
_LEAST_ESTIMATE_S = 10.0
_AXES = "xyz"
Fields = Mapping[str, Any]
_NONE: Fields = {}


class PrinterLook(msgspec.Struct, frozen=True):
    """What is known of the printer: fields by object. `extruders` are sorted; `metadata` is of the
    file that is loaded. `state` is Klipper's, `time_left` what is left of a print by its plan."""

    state: str
    objects: Mapping[str, Fields] = {}
    extruders: Sequence[str] = ()
    version: str = ""
    kinematics: str = ""
    metadata: Fields | None = None
    time_left: float | None = None

    def fields(self, name: str) -> Fields:
        """Of one object; empty when it is not there."""
        return self.objects.get(name) or _NONE

    def number(self, name: str, field: str) -> float:
        """0 for what is no number."""
        return known(self.fields(name), field) or 0.0

    def numbers(self, name: str, field: str) -> list[float]:
        """Four of them, 0 for what is missing."""
        values = self.fields(name).get(field)
        listed = values if isinstance(values, list) else []
        return [finite(value) or 0.0 for value in [*listed, 0, 0, 0, 0][:4]]

    @property
    def is_known(self) -> bool:
        """Whether there is more to tell than that it is away."""
        return self.state in ("ready", "shutdown")

    @property
    def tool(self) -> str:
        """The active extruder."""
        return str(self.fields("toolhead").get("extruder") or "extruder")


class PanelStatus:
    """`labels` are those of the macros."""

    def __init__(self, machine_name: str, labels: Sequence[str], responses: Responses) -> None:
        self._machine_name = machine_name
        self._labels = labels
        self._responses = responses
        self._last = ""
        self._message: object = None
        self._asked_at: float | None = None
        self._extruded: dict[str, float] = {}

    def answer(self, query: StatusQuery, look: PrinterLook, now_s: float) -> Mapping[str, Any]:
        """What is to be sent; `now_s` is on any steady clock."""
        asked_at, self._asked_at = self._asked_at, now_s
        listed: dict[str, Any] = {}
        if asked_at is None or now_s - asked_at > SILENCE_S:
            listed = {"dir": f"/{MACROS}", "files": list(self._labels)}
        if not look.is_known:
            return {**OFF, **listed}
        self._last = self._state(look)
        answer: dict[str, Any] = {"status": self._last, **listed}
        if not look.objects:  # stopped, and nothing more is known yet
            return answer
        response = None if query.seq is None else self._responses.take()
        if response is not None and query.seq is not None:
            answer |= {"seq": query.seq + 1, "resp": response}
        if query.kind == 1:
            answer |= self._constants(look)
        answer |= _motion(look)
        if self._last in "PRDA":
            answer |= _progress(look)
        if look.fields("fan"):
            answer["fanPercent"] = [round(look.number("fan", "speed") * 100, 1)]
        answer |= _heaters(look)
        if look.extruders:
            self._extruded[look.tool] = look.numbers("motion_report", "live_position")[3]
            answer["extr"] = [round(self._extruded.get(n, 0.0), 2) for n in look.extruders]
        message = look.fields("display_status").get("message")
        if message != self._message:
            self._message = message
            answer["message"] = "" if message is None else str(message)
        return answer

    def _state(self, look: PrinterLook) -> str:
        if look.state == "shutdown":
            return "S"
        match look.fields("print_stats").get("state"):
            case "printing":
                return "R" if self._last == "A" else "P"
            case "paused":
                busy = look.fields("idle_timeout").get("state") == "Printing"
                return "D" if busy and self._last != "A" else "A"
        return "I"

    def _constants(self, look: PrinterLook) -> dict[str, Any]:
        return {
            "myName": self._machine_name,
            "firmwareName": f"Repetier | Klipper {look.version}",
            "numTools": len(look.extruders),
            "geometry": look.kinematics,
            "axes": len(_AXES),
        }


def _motion(look: PrinterLook) -> dict[str, Any]:
    live = "motion_report" if look.fields("motion_report") else "toolhead"
    place = look.numbers(live, "live_position" if live == "motion_report" else "position")
    homed = str(look.fields("toolhead").get("homed_axes") or "")
    moved: dict[str, Any] = {
        "babystep": round(look.numbers("gcode_move", "homing_origin")[2], 3),
        "pos": [round(value, 2) for value in place[:3]],
        "homed": [int(axis in homed) for axis in _AXES],
        "sfactor": round(look.number("gcode_move", "speed_factor") * 100, 2),
    }
    if look.extruders:
        factor = round(look.number("gcode_move", "extrude_factor") * 100, 2)
        moved["efactor"] = [factor] * len(look.extruders)
    return moved


def _heaters(look: PrinterLook) -> dict[str, Any]:
    bed = ["heater_bed"] if look.fields("heater_bed") else []
    names = [*bed, *look.extruders]
    targets = [round(look.number(name, "target"), 1) for name in names]
    told: dict[str, Any] = {
        "heaters": [round(look.number(name, "temperature"), 1) for name in names],
        "active": targets,
        "standby": targets,
        "hstat": [
            _heater_state(name in (*bed, look.tool), target)
            for name, target in zip(names, targets, strict=True)
        ],
    }
    if look.extruders:
        told["tool"] = extruder_number(look.tool) or 0
    return told


def _heater_state(active: bool, target: float) -> int:
    if not target:
        return 0
    return 2 if active else 1


def _progress(look: PrinterLook) -> dict[str, Any]:
    progress = look.number("virtual_sdcard", "progress")
    if progress <= 0:
        return {}
    return {"fraction_printed": round(progress, 3), "timesLeft": _times_left(look, progress)}


def _times_left(look: PrinterLook, progress: float) -> list[int]:
    """By the file's own estimate: by its bytes, filament and height; else by the time so far.

    Where Klipper's own time is known, it stands for that by bytes or by the time so far.
    """
    record = look.metadata or _NONE
    estimate = known(record, "estimated_time") or 0.0
    if estimate <= _LEAST_ESTIMATE_S:
        if look.time_left is not None:
            return [max(int(look.time_left), 0)]
        duration = look.number("print_stats", "print_duration")
        return [int(duration / progress - duration)]
    done = (
        (look.number("print_stats", "filament_used"), known(record, "filament_total")),
        (look.numbers("gcode_move", "gcode_position")[2], known(record, "object_height")),
    )
    shares = [progress, *(part / whole for part, whole in done if whole is not None and whole > 0)]
    left = [int(estimate - estimate * min(max(share, 0.0), 1.0)) for share in shares]
    return left if look.time_left is None else [max(int(look.time_left), 0), *left[1:]]
