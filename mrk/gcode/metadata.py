"""The record of one g-code file as clients get it, and the state of its scan.

Field names, units and types are Moonraker's; a value that the file does not tell is left out.
`filename`, `size`, `modified`, `uuid`, `print_start_time` and `job_id` belong to whoever stores
the record.
"""

import enum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class ThumbnailInfo(msgspec.Struct, frozen=True):
    """One image file beside the g-code file; sizes in pixels and bytes."""

    width: int
    height: int
    size: int
    relative_path: str


class Metadata(msgspec.Struct, kw_only=True):
    """Everything a slicer tells about a file; mm, s, g and degrees Celsius."""

    file_processors: list[str] = msgspec.field(default_factory=list)
    slicer: str = "Unknown"
    slicer_version: str = "?"
    gcode_start_byte: int | UnsetType = UNSET
    gcode_end_byte: int | UnsetType = UNSET
    layer_count: int | UnsetType = UNSET
    object_height: float | UnsetType = UNSET
    estimated_time: int | float | UnsetType = UNSET
    nozzle_diameter: float | UnsetType = UNSET
    layer_height: float | UnsetType = UNSET
    first_layer_height: float | UnsetType = UNSET
    first_layer_extr_temp: float | UnsetType = UNSET
    first_layer_bed_temp: float | UnsetType = UNSET
    chamber_temp: float | UnsetType = UNSET
    filament_name: str | UnsetType = UNSET
    filament_type: str | UnsetType = UNSET
    filament_colors: list[str] | UnsetType = UNSET
    extruder_colors: list[str] | UnsetType = UNSET
    filament_temps: list[int] | UnsetType = UNSET
    referenced_tools: list[int] | UnsetType = UNSET
    mmu_print: int | UnsetType = UNSET
    filament_total: float | UnsetType = UNSET
    filament_change_count: int | UnsetType = UNSET
    filament_weight_total: float | UnsetType = UNSET
    filament_weights: list[float] | UnsetType = UNSET
    printer_vendor: str | UnsetType = UNSET
    printer_model: str | UnsetType = UNSET
    printer_variant: str | UnsetType = UNSET
    profile_version: str | UnsetType = UNSET
    thumbnails: list[ThumbnailInfo] | UnsetType = UNSET

    def fields(self) -> dict[str, Any]:
        """The record as `server.files.metadata` shows it, without what is not known."""
        return dict(msgspec.to_builtins(self))


class ScanState(enum.StrEnum):
    """Where the scan of one file stands."""

    PENDING = "pending"
    OK = "ok"
    FAILED = "failed"


class ScanOutcome(msgspec.Struct, kw_only=True, frozen=True):
    """What one scan found.

    `size_bytes` and `mtime_ns` are those of the very file that was read (0 when it could not be
    opened); `reason` says why a scan failed; `notes` what was left out of one that did not.
    """

    state: ScanState
    reason: str | None = None
    metadata: Metadata | None = None
    size_bytes: int = 0
    mtime_ns: int = 0
    notes: list[str] = msgspec.field(default_factory=list)
