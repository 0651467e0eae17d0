"""Which object a line belongs to, in the marks of each slicer."""

import pytest

from mrk.gcode.object_marks import NAME_LIMIT, OBJECTS_LIMIT, Marks, Style, mark_style

# Each line, whether it is a mark, and the object from there on.
LINES = {
    Style.PRINTING_OBJECT: [
        (b"G1 X1", False, None),
        (b"; printing object a b.stl id:0 copy 0", True, "a_b.stl_id_0_copy_0"),
        (b"G1 X1", False, "a_b.stl_id_0_copy_0"),
        (b"; printing objects", False, "a_b.stl_id_0_copy_0"),
        (b"; stop printing object a b.stl id:0 copy 0", True, None),
        (b"; printing object a b.stl id:0 copy 1", True, "a_b.stl_id_0_copy_1"),
        (b"; printing object a b.stl id:0 copy 0", True, "a_b.stl_id_0_copy_0"),
    ],
    Style.MESH: [
        (b";MESH:NONMESH", True, None),
        (b";MESH:a b.stl", True, "a_b.stl"),
        (b";TYPE:SKIN", False, "a_b.stl"),
        (b";MESH:NONMESH", True, None),
        (b";MESH:a b.stl(1)", True, "a_b.stl_1"),
        (b";TIME_ELAPSED:12.5", True, None),
        (b";LAYER:1", False, None),
    ],
    Style.PRINTING: [
        (b";PRINTING_ID: -1", True, None),
        (b";PRINTING: part.stl", True, None),
        (b";PRINTING_ID: 3", True, "part.stl_id_3"),
        (b";TYPE:FILL", False, "part.stl_id_3"),
        (b";PRINTING: other.stl", True, None),
        (b";PRINTING_ID: 4", True, "other.stl_id_4"),
        (b";PRINTING_ID: -1", True, None),
        (b";PRINTING_ID: 4", True, "other.stl_id_4"),
        (b";REMAINING_TIME: 12", True, None),
        (b";PRINTING_TIME: 12", False, None),
    ],
    Style.M486: [
        (b"M486 T2", True, None),
        (b'M486 S0 A"bar S5"', True, "object_0"),
        (b"G1 X1", False, "object_0"),
        (b"M48 S1", False, "object_0"),
        (b"M486 S-1", True, None),
        (b"M486 S12", True, "object_12"),
        (b"M486 Anut", True, "object_12"),
    ],
}


@pytest.mark.parametrize("style", LINES)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_lines_of_each_style(style: Style, line_end: bytes) -> None:
    marks = Marks(style)
    lines = LINES[style]
    assert [(marks.feed(line + line_end), marks.active) for line, *_ in lines] == [
        (is_mark, active) for _, is_mark, active in lines
    ]
    assert mark_style(b"\n" + b"\n".join(line for line, *_ in lines)) is style


def active(marks: Marks, name: bytes) -> str | None:
    marks.feed(b"; printing object " + name + b"\n")
    return marks.active


def test_names_that_klipper_takes() -> None:
    marks = Marks(Style.PRINTING_OBJECT)
    names = [b"B\xc3\xa4r (1)", b"b_r_1", b'"', b"__", b"x" * 90, b"x" * 91]
    assert [active(marks, name) for name in names] == [
        "B_r_1", "b_r_1_2", "object", "object_2", "x" * NAME_LIMIT, "x" * NAME_LIMIT + "_2",
    ]  # fmt: skip


def test_more_objects_than_anybody_prints_have_no_name() -> None:
    marks = Marks(Style.PRINTING_OBJECT)
    for number in range(OBJECTS_LIMIT):
        assert active(marks, b"o%d" % number) == f"o{number}"
    assert active(marks, b"one more") is None
    assert active(marks, b"o5") == "o5"
