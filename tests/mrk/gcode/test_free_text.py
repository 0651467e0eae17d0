"""Text of the user's own (notes, objects' names) that looks like a line of the slicer."""

import re
from pathlib import Path

import pytest

from mrk.definitions.limits import MIB
from mrk.gcode.scan import scan
from mrk.gcode.source import BytesSource
from mrk.gcode.zones import split
from tests.mrk.gcode.test_families import BODY, fields

DATA = Path(__file__).parents[2] / "data" / "gcode"
FILES = sorted(
    path.name
    for path in DATA.glob("*.gcode")
    # These declare next to nothing: what stands in them is all there is.
    if not any(word in path.name for word in ("stripped", "mandoline", "rawcli", "um2", "wasm"))
)
FAKE = (
    b"; estimated printing time (normal mode) = 99d\n; filament used [mm] = 9.9\n"
    b"; filament used [g] = 9.9\n; total filament used [g] = 9.9\n; filament used = 9.9mm (1cm3)\n"
    b"; layer_height = 9.9\n; nozzle_diameter = 9.9\n; filament_type = FAKE\n"
    b"; first_layer_height = 9.9\n; temperature = 9\n; first_layer_temperature = 9\n"
    b"; first_layer_bed_temperature = 9\n; total toolchanges = 9\n; filament_colour = #999999\n"
    b"; printer_model = FAKE\n; filament_settings_id = FAKE\n; total layers count = 99\n"
    b";TIME:99999\n;Filament used: 9.9m\n;Layer height: 9.9\n;MINZ:9.9\n;MAXZ:9.9\n"
    b"; total estimated time: 99d\n; filament cost = 9; total filament used [g] = 9.9\n"
)
LABELS = (b"; printing object a\n", b"M486 Aa\n", b"EXCLUDE_OBJECT_DEFINE NAME=a\n", b";MESH:a\n")


def record(data: bytes) -> dict:
    found = scan(BytesSource(data)).metadata.fields()
    return {key: value for key, value in found.items() if "_byte" not in key and key[:5] != "layer"}


def declared_by(name: str) -> tuple[bytes, dict]:
    data = (DATA / name).read_bytes()
    return data, record(data)


def fake_for(found: dict) -> bytes:
    """Fakes of what the file declares: what it does not, nobody can tell from a line of its own."""
    lines = FAKE.splitlines(keepends=True)
    if found["slicer"] == "Slic3r":
        lines = [line for line in lines if b"[g]" not in line]
    declared = {
        b"total layers count": "layer_count", b"total toolchanges": "filament_change_count",
        b"printer_model": "printer_model", b"filament_settings_id": "filament_name",
        b"estimated printing": "estimated_time", b"total estimated": "estimated_time",
        b"[g]": "filament_weights", b"[mm]": "filament_total", b"filament_type": "filament_type",
        b"nozzle_diameter": "nozzle_diameter", b"filament_colour": "filament_colors",
    }  # fmt: skip
    return b"".join(
        line
        for line in lines
        if all(found.get(field) for word, field in declared.items() if word in line)
    )


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("name", FILES)
def test_in_an_objects_name_at_the_top(name: str, label: bytes) -> None:
    data, expected = declared_by(name)
    if label.startswith(b";MESH") or not name.startswith("cura"):
        first, rest = data.split(b"\n", 1)
        assert record(first + b"\n" + label + fake_for(expected) + rest) == expected


@pytest.mark.parametrize("name", FILES)
def test_in_an_objects_name_among_the_commands(name: str) -> None:
    data, expected = declared_by(name)
    body = split(b"\n" + data, None, latest=True).body.piece
    middle = data.index(body) + body.index(b"\n", len(body) // 3) + 1
    fake = LABELS[0] + fake_for(expected)
    assert record(data[:middle] + fake + data[middle:]) == expected


# Slic3r sums over its lines, and sorts its settings in two runs; it writes notes on one line.
SORTED = [name for name in FILES if not name.startswith("slic3r")]


@pytest.mark.parametrize("name", SORTED)
@pytest.mark.parametrize("notes", [b"; notes = x", b"; filament_notes = x", b"; printer_notes = "])
def test_in_notes_before_the_real_lines(name: str, notes: bytes) -> None:
    data, expected = declared_by(name)
    zones = split(b"\n" + data, None, latest=True)
    for zone in (zones.leading, zones.trailing, zones.config):
        if len(zone.piece.strip()) > 1000:
            changed = b"\n" + notes + b"\n" + fake_for(expected) + zone.piece[1:]
            assert record((b"\n" + data).replace(zone.piece, changed)[1:]) == expected


@pytest.mark.parametrize("name", [name for name in SORTED if name.startswith("prusa")])
def test_in_the_notes_of_the_settings(name: str) -> None:
    data, expected = declared_by(name)
    fake = fake_for(expected)
    notes = re.findall(rb"\n; \w*notes =[^\n]*\n", data)
    assert notes
    for line in notes:
        assert record(data.replace(line, line + fake, 1)) == expected
    for line in notes:
        data = data.replace(line, line + fake, 1)
    assert record(data) == expected


@pytest.mark.parametrize("name", FILES)
def test_in_notes_on_one_line(name: str) -> None:
    data, expected = declared_by(name)
    line = b"; notes = x" + FAKE.rstrip().replace(b"\n", b"\\n") + b"\n"
    assert record(line + data) == expected
    assert record(data + line) == expected


def test_as_it_was_found() -> None:
    real = b"; estimated printing time (normal mode) = 1h 2s\n"
    fake = b"; estimated printing time (normal mode) = 99d\n"
    name = b"; generated by PrusaSlicer 2.9.0 on 2026-01-01 at 10:00:00 UTC\n"
    for data in (
        name + BODY + b"; notes = x\n" + fake + real,
        name + b"; notes = x\n" + fake + BODY + real,
        name + b"; printing object a\n" + fake + BODY + real,
        b"; printing object a\n" + fake + name + BODY + real,
        name + BODY + real + b"; prusaslicer_config = begin\n" + fake +
        b"; prusaslicer_config = end\n",
        name + BODY + b"; prusaslicer_config = begin\n; notes = x\n" + fake +
        b"; prusaslicer_config = end\n" + real,
        name + BODY + b"; printing object a\n" + fake + BODY + real + b"APPENDED_MACRO A=1\n",
        name + BODY * (MIB // 20) + b"; notes = x\n" + fake + real,
    ):  # fmt: skip
        assert fields(data)["estimated_time"] == 3602


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            b"; G-Code generated by Simplify3D(R) Version 5.1\n;   profileName,x\n"
            b"; Build Time: 99 hours\n;   layerHeight,0.2\n" + BODY
            + b"; Build Summary\n;   Build Time: 1 hour 1 minute\n",
            3660,
        ),
        (
            b";Generated with Cura_SteamEngine 5.9.1\n;TIME:60\n" + BODY
            + b";MESH:a\n;TIME:99999\n",
            60,
        ),
        (
            b"; HEADER_BLOCK_START\n; BambuStudio 02.03\n"
            b"; model printing time: 1m; total estimated time: 2m 1s\n; HEADER_BLOCK_END\n"
            b"; CONFIG_BLOCK_START\n; filament_notes = x\n; total estimated time: 99d\n"
            b"; CONFIG_BLOCK_END\n" + BODY,
            121,
        ),
    ],
)  # fmt: skip
def test_in_other_families(data: bytes, expected: float) -> None:
    assert fields(data)["estimated_time"] == expected


@pytest.mark.parametrize(
    "label",
    [b"; printing object Slic3r 9.9 on x", b"; notes = OrcaSlicer 9.9 on x", b";MESH:<IceSL 9>"],
)
def test_a_slicers_name_in_a_text(label: bytes) -> None:
    name = b"; generated by PrusaSlicer 2.9.0 on 2026-01-01 at 10:00:00 UTC\n"
    for data in (label + b"\n" + name + BODY, name + label + b"\n" + BODY):
        found = fields(data)
        assert (found["slicer"], found["slicer_version"]) == ("PrusaSlicer", "2.9.0")
