"""The whole scan of one g-code file: window, slicer, its table, heating, positions, processors.

Pure and bounded: 16 MiB of the file at most are looked at, no pattern backtracks beyond a line's
first few hundred bytes. Run by the scan worker and by `mrk metadata`.
"""

import math
from dataclasses import dataclass

import msgspec

from mrk.gcode.binary.as_text import BinaryText
from mrk.gcode.binary.blocks import is_binary
from mrk.gcode.field_table import SlicerFields, Value, read_family
from mrk.gcode.heating import fill_temperatures
from mrk.gcode.metadata import Metadata
from mrk.gcode.positions import command_range
from mrk.gcode.processors import processors
from mrk.gcode.recognition import recognise
from mrk.gcode.slicers import (
    bambu,
    cura,
    flashprint,
    icesl,
    ideamaker,
    kirimoto,
    kisslicer,
    prusa,
    simplify3d,
    slic3r,
    unknown,
)
from mrk.gcode.source import GcodeSource, read_window
from mrk.gcode.text import GcodeText
from mrk.gcode.thumbnails import Thumbnail

FAMILIES: dict[str, SlicerFields] = {
    "bambu": bambu.FAMILY,
    "cura": cura.FAMILY,
    "flashprint": flashprint.FAMILY,
    "icesl": icesl.FAMILY,
    "ideamaker": ideamaker.FAMILY,
    "kirimoto": kirimoto.FAMILY,
    "kisslicer": kisslicer.FAMILY,
    "prusa": prusa.FAMILY,
    "simplify3d": simplify3d.FAMILY,
    "slic3r": slic3r.FAMILY,
    "slic3r_pe": slic3r.PRUSA_EDITION,
    "unknown": unknown.FAMILY,
}
_BED_BY_M109 = (b"sailfish", b"makerware")


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What stands in a file: its fields, and its images in file order, still as bytes.

    `notes` tell which images were left out, and why. `packaged`: one that came beside the g-code
    may stand in for missing ones.
    """

    metadata: Metadata
    thumbnails: list[Thumbnail]
    notes: list[str]
    packaged: bool


def scan(source: GcodeSource) -> ScanResult:
    """Read a g-code file's metadata; raises what `source` raises, and `BadStream` for a broken
    file of binary g-code.
    """
    binary = is_binary(source)
    text = GcodeText(BinaryText(source).window() if binary else read_window(source))
    slicer = recognise(text)
    family = FAMILIES[slicer.family]
    found = read_family(family, text)
    if family.command_heating:
        flavour = text.value(b"gcode_flavor") or b""
        fill_temperatures(text.header, found, bed_by_m109=flavour in _BED_BY_M109)
    if not binary and (commands := command_range(text.window)):
        found["gcode_start_byte"], found["gcode_end_byte"] = commands
    found |= {
        "slicer": slicer.name,
        "slicer_version": slicer.version,
        "file_processors": processors(text),
    }
    metadata = msgspec.convert({f: v for f, v in found.items() if _sane(v)}, Metadata)
    if not family.images:
        return ScanResult(metadata, [], [], family.packaged)
    return ScanResult(metadata, text.thumbnails, text.notes, family.packaged)


def _sane(value: Value) -> bool:
    """JSON has no word for infinity, which a file may hold as `1e999`."""
    numbers = value if isinstance(value, list) else [value]
    return all(math.isfinite(number) for number in numbers if isinstance(number, float))
