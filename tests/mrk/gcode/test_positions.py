"""Where commands begin and end in a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.definitions.limits import MIB
from mrk.gcode.positions import command_range
from mrk.gcode.source import BytesSource, Window, read_window


def range_of(data: bytes) -> tuple[int, int] | None:
    return command_range(read_window(BytesSource(data)))


@pytest.mark.parametrize(
    "data",
    [
        b"; head\n|G28\nG1 X1\n|; tail\n",
        b"|G28\n|; first line\n",
        b"; head\r\n|M104 S200\r\nG28\r\n|\r\n; tail\r\n",
        b"; head\n|START_PRINT BED=60\nG1 X1\n|",
        b"\n\n  \n; x\n\t|T0\nG28\n|",
        b"; head\n|G28\nM84|",
        b"|G28|",
        b"; ung\xfcltig \xff\n|G28\n|; \xff\xff\n",
    ],
)
def test_first_byte_of_the_first_command_and_end_of_the_last_line(data):
    start = data.index(b"|")
    end = data.index(b"|", start + 1) - 1
    assert range_of(data.replace(b"|", b"")) == (start, end)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"; only\n; comments", b"\x00\x01\x02"])
def test_without_commands_there_is_no_range(data):
    assert range_of(data) is None


def test_a_large_file_counts_from_its_own_beginning():
    data = b"; head\n" + b"G1 X1.000 Y1.000\n" * 400_000 + b"; tail\n" * 30_000
    assert range_of(data) == (7, 7 + 17 * 400_000)


def test_the_last_command_is_found_far_before_the_end():
    data = b"G28\n" + b"; tail\n" * (MIB // 8)
    assert range_of(data) == (0, 4)


def test_a_tail_of_comments_beyond_its_budget_ends_behind_the_last_known_command():
    head = b"\n; head\nG28\nG1 X1\n; tail\n"
    assert command_range(Window(head, b"\n; tail\n; tail\n", 1000, 1015)) == (7, 17)


@given(st.lists(st.sampled_from([b"; c\n", b"\n", b"G1 X1\n", b"  M84\n", b"T1\r\n", b";\n"])))
def test_everything_before_and_after_is_comment(lines):
    data = b"".join(lines)
    found = range_of(data)
    if found is None:
        assert not any(line.strip() and not line.startswith(b";") for line in lines)
        return
    start, end = found
    for rest in (data[:start], data[end:]):
        assert all(not line.strip() or line.startswith(b";") for line in rest.splitlines())
    assert data[start : start + 1] in (b"G", b"M", b"T")
    assert end == len(data) or data[end - 1 : end] == b"\n"
