"""Heights measured from moves."""

import pytest

from mrk.gcode.heights import extruded_heights


def test_only_extruding_travel_counts():
    text = (
        b"\nG1 Z15 F400\nG0 F600 X1 Y1 Z0.3\nG1 X2 Y1 E1\nG1 Z0.6\nG1 X3 Y1\nG1 Z0.5\n"
        b"G1 X4 E.1\nG1 E-2\nG1 Z9 F300\nG1 X0 E-1\nG1 X0 Y200\n"
    )
    assert extruded_heights(text) == (0.3, 0.5)


@pytest.mark.parametrize("move", [b"G1", b"G01", b"G2", b"G03", b"  G1"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_every_spelling_of_a_move(move, line_end):
    text = line_end + b"G0 Z.25" + line_end + move + b" X1 Y2 E3" + line_end
    assert extruded_heights(text) == (0.25, 0.25)


def test_without_extrusion_there_is_no_height():
    assert extruded_heights(b"\nG28\nG1 Z10\nG1 X10 Y10\n") is None
    assert extruded_heights(b"") is None
