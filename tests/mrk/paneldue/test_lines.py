import random

import pytest

from mrk.paneldue.lines import BadChecksum, Stop, checksum, read_line


def numbered(number: int, command: str) -> str:
    line = f"N{number} {command}"
    return f"{line}*{checksum(line)}"


def test_the_sum_of_an_example():
    assert checksum("N12 M408 S1 R3") == 31
    assert read_line("N12 M408 S1 R3*31", checked=True) == "M408 S1 R3"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (numbered(0, "M32 a*b.gcode"), "M32 a*b.gcode"),
        (numbered(7, "M32 ünï.gcode"), "M32 ünï.gcode"),
        (numbered(9, "M408 S0") + " ", "M408 S0"),
        ("N12 M408 S1 R3*32", BadChecksum("12")),
        ("N12 M408 S1 R3", BadChecksum("12")),
        ("N12 M408 S1 R3*", BadChecksum("12")),
        ("N12 M408 S1 R3*x", BadChecksum("12")),
        ("M408 S1", BadChecksum("unknown")),
        ("N12*" + str(checksum("N12")), BadChecksum("12")),
        (numbered(12, " "), None),
        ("", None),
        (" \t", None),
        ("m112", Stop()),
        ("\x00N1 xxM112*9", Stop()),
    ],
)
def test_checked_lines(line, found):
    assert read_line(line, checked=True) == found


def test_what_the_display_shows_of_a_bad_sum():
    assert BadChecksum("12").response == "!! Invalid Checksum Line Number: 12"


def test_line_numbers_may_begin_anew_and_repeat():
    numbers = (1, 2, 3, 0, 1, 1, 4_000_000_000)
    assert {read_line(numbered(n, "M408"), checked=True) for n in numbers} == {"M408"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("M408 S1", "M408 S1"),
        ("N12 M408 S1*99", "M408 S1"),
        ("G1 X1*2", "G1 X1*2"),
        ("N12 M408", "N12 M408"),
        ("m112", Stop()),
        (" ", None),
    ],
)
def test_lines_that_need_no_sum(line, found):
    assert read_line(line, checked=False) == found


def test_noise_is_never_a_command():
    noise = random.Random(7)
    for _ in range(2000):
        text = noise.randbytes(40).decode(errors="ignore").replace("\n", "")
        found = read_line(text, checked=True)
        assert found is None or isinstance(found, BadChecksum)
        read_line(text, checked=False)
