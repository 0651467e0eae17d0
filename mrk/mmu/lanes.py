"""Lanes as OrcaSlicer reads them from the database: what is in each gate. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mrk.mmu.gates import GateSpool

LANE_NAMESPACE = "lane_data"
_EMPTY: dict[str, Any] = dict.fromkeys(
    (
        "vendor_name",
        "name",
        "color",
        "material",
        "bed_temp",
        "nozzle_temp",
        "scan_time",
        "td",
        "spool_id",
        "filament_id",
    )
)


def lane_name(gate: int) -> str:
    """The key of a gate."""
    return f"lane{gate}"


def lane_record(
    gate: int, spool_id: int, mmu: Mapping[str, Any], spool: GateSpool | None, now: str
) -> dict[str, Any]:
    """One lane, from Klipper's `mmu` object and what is known of the spool."""
    lane = {**_EMPTY, "lane": str(gate)}
    if spool_id == -1 or _at(mmu, "gate_status", gate) in (-1, 0):
        return lane
    return {
        **lane,
        "vendor_name": spool.vendor if spool else None,
        "name": _at(mmu, "gate_filament_name", gate) or (spool.name if spool else None),
        "color": _at(mmu, "gate_color", gate) or (spool.color if spool else None),
        "material": _at(mmu, "gate_material", gate) or (spool.material if spool else None),
        "bed_temp": spool.bed_temp if spool else None,
        "nozzle_temp": _at(mmu, "gate_temperature", gate) or (spool.temp if spool else None),
        "scan_time": now,
        "spool_id": spool_id if spool_id > 0 else None,
        "filament_id": spool.filament_id if spool else None,
    }


def beyond(names: Iterable[str], gates: int) -> list[str]:
    """Names of lanes from a number on."""
    numbers = {name: name.removeprefix("lane") for name in names if name.startswith("lane")}
    return [
        name
        for name, number in numbers.items()
        if number.isdecimal() and len(number) < 10 and int(number) >= gates
    ]


def _at(mmu: Mapping[str, Any], name: str, gate: int) -> Any:
    values = mmu.get(name)
    inside = isinstance(values, Sequence) and not isinstance(values, str) and gate < len(values)
    return values[gate] if inside and values is not None else None
