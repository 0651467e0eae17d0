"""Spools in the gates of multi-material units, as Spoolman keeps them, and what Klipper is told.

Spoolman holds a printer's name and a gate number in two extra fields of each spool. Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mrk import foreign_json
from mrk.errors import ClientError
from mrk.foreign_json import NotJson

PRINTER_FIELD, GATE_FIELD = "printer_name", "mmu_gate_map"
NO_GATE = -1
MOST_GATES = 1000
_TEXT_CHARS = 64
# What would end a parameter, a command or a quotation in g-code.
_UNSAFE = re.compile(r"""["'\\;*\x00-\x1f\x7f]""")
_COLOR = re.compile(r"[0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?")


class GateSpool(msgspec.Struct, frozen=True, kw_only=True):
    """A spool with its place; `gate` is -1 without one. Temperatures in degrees Celsius."""

    spool_id: int
    printer: str = ""
    gate: int = NO_GATE
    material: str = ""
    color: str = ""
    name: str = ""
    vendor: str = ""
    temp: int | None = None
    bed_temp: int | None = None
    filament_id: int | None = None
    remaining_g: float | None = None

    @property
    def is_placed(self) -> bool:
        """Whether it is in a gate of some printer."""
        return bool(self.printer) and self.gate >= 0


def spool_of(record: object) -> GateSpool | None:
    """A spool from Spoolman's record; None for one that is none. What does not fit is left out."""
    if not isinstance(record, dict) or type(record.get("id")) is not int:
        return None
    filament = _object(record.get("filament"))
    extra = _object(record.get("extra"))
    gate = _extra(extra, GATE_FIELD)
    printer = _extra(extra, PRINTER_FIELD)
    remaining = record.get("remaining_weight")
    return GateSpool(
        spool_id=record["id"],
        printer=printer if isinstance(printer, str) else "",
        gate=gate if type(gate) is int and 0 <= gate < MOST_GATES else NO_GATE,
        material=_text(filament.get("material")),
        color=_color(filament),
        name=_text(filament.get("name")),
        vendor=_text(_object(filament.get("vendor")).get("name")),
        temp=_whole(filament.get("settings_extruder_temp")),
        bed_temp=_whole(filament.get("settings_bed_temp")),
        filament_id=_whole(filament.get("id")),
        remaining_g=remaining if isinstance(remaining, int | float) else None,
    )


def gate_attributes(spool: GateSpool | None) -> dict[str, Any]:
    """What Klipper is told of a gate."""
    if spool is None:
        return {"spool_id": -1}
    told = {
        "spool_id": spool.spool_id,
        "material": spool.material,
        "color": spool.color,
        "name": spool.name,
        "temp": spool.temp,
        "bed_temp": spool.bed_temp,
        "vendor": spool.vendor,
        "filament_id": spool.filament_id,
    }
    return {name: value for name, value in told.items() if value is not None}


def gate_map_command(gates: Mapping[int, dict[str, Any]], *, replace: bool = False) -> str:
    """The command that carries a gate map, in Python's notation."""
    said = {number: gates[number] for number in sorted(gates)}
    replacing = " REPLACE=1" if replace else ""
    return f'MMU_GATE_MAP MAP="{said!r}"{replacing} FROM_SPOOLMAN=1 QUIET=1'


def message_command(text: str, *, error: bool, has_mmu: bool) -> str:
    """The command that says something on the console; without an MMU an error pauses."""
    if has_mmu:
        said = " ".join(_safe(line) for line in text.splitlines())
        return f"MMU_LOG MSG='{said}'" + (" ERROR=1" if error else "")
    lines = [f"M118 {_safe(line)}" for line in text.splitlines() if line.strip()]
    return "\n".join([*lines, "PAUSE"] if error else lines)


def placed_in(spools: Iterable[GateSpool], printer: str) -> dict[int, GateSpool]:
    """A printer's gates; of several spools in one the first."""
    found: dict[int, GateSpool] = {}
    for spool in spools:
        if spool.is_placed and spool.printer == printer:
            found.setdefault(spool.gate, spool)
    return found


def contradictions(spools: Iterable[GateSpool]) -> tuple[list[GateSpool], list[str]]:
    """Spools that cannot be where they are said to be, and why."""
    wrong: dict[int, GateSpool] = {}
    said = []
    holders: dict[tuple[str, int], list[GateSpool]] = {}
    for spool in spools:
        if spool.is_placed:
            holders.setdefault((spool.printer, spool.gate), []).append(spool)
        elif spool.printer or spool.gate >= 0:
            wrong[spool.spool_id] = spool
            said.append(f"Spool {spool.spool_id} has a printer without a gate, or the reverse")
    for (printer, gate), together in holders.items():
        if len(together) > 1:
            ids = ", ".join(str(spool.spool_id) for spool in together)
            said.append(f"Spools {ids} are all in gate {gate} of {printer}")
            wrong |= {spool.spool_id: spool for spool in together}
    return list(wrong.values()), said


def placement(printer: str, gate: int, *, location: bool) -> dict[str, Any]:
    """What Spoolman is told of a spool's place; an empty printer takes it out of all."""
    extra = {
        PRINTER_FIELD: msgspec.json.encode(printer).decode(),
        GATE_FIELD: str(gate if printer else NO_GATE),
    }
    if not location:
        return {"extra": extra}
    return {"extra": extra, "location": f"{printer} @ MMU Gate:{gate}" if printer else ""}


def gate_pairs(given: object) -> list[tuple[int, int]]:
    """(gate, spool id) as a macro gives them; raises `ClientError` for anything else."""
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > MOST_GATES:
        raise ClientError("gate_ids: a list of pairs (gate, spool id) expected")
    pairs = []
    for pair in given:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise ClientError(f"gate_ids: {str(pair)[:40]} is no pair (gate, spool id)")
        gate, spool_id = (whole_number("gate_ids", value) for value in pair)
        if not 0 <= gate < MOST_GATES:
            raise ClientError(f"gate_ids: gate {gate} is not 0 to {MOST_GATES - 1}")
        pairs.append((gate, spool_id))
    return pairs


def whole_number(name: str, value: object) -> int:
    """A whole number, or its text; raises `ClientError`."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return int(value)
        except (ValueError, OverflowError):
            pass
    raise ClientError(f"{name}: {str(value)[:40]} is no whole number")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _extra(extra: Mapping[str, Any], name: str) -> Any:
    """Spoolman keeps JSON in texts."""
    text = extra.get(name)
    try:
        return foreign_json.decode(text) if isinstance(text, str) else None
    except NotJson:
        return None


def _safe(text: str) -> str:
    return _UNSAFE.sub("", text).strip()


def _text(value: object) -> str:
    return _safe(value)[:_TEXT_CHARS] if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and abs(value) < 1e9 else None


def _color(filament: Mapping[str, Any]) -> str:
    colors = [filament.get("color_hex"), filament.get("multi_color_hexes")]
    for value in colors:
        first = value.split(",")[0].strip().lstrip("#") if isinstance(value, str) else ""
        if _COLOR.fullmatch(first):
            return first.upper()
    return ""
