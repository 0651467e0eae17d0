import random

import pytest

from mrk.serial.lines import LineCutter
from mrk.td1.lines import MOST_BLOCKS, Td1Scan, read_count, read_scan


@pytest.mark.parametrize(
    ("line", "scan"),
    [
        ("1,0,PLA,0,4.25,F2B43A", Td1Scan(4.25, "F2B43A")),
        ("1,0,PLA,0, 4 , f2b43a ,more", Td1Scan(4.0, "f2b43a")),
        ("1,0,PLA,0,4.25", None),
        ("1,0,PLA,0,x,F2B43A", None),
        ("1,0,PLA,0,nan,F2B43A", None),
        ("1,0,PLA,0,1e999,F2B43A", None),
        ("1,0,PLA,0,4.25,F2B43", None),
        ("1,0,PLA,0,4.25,F2B43G", None),
        ("", None),
    ],
)
def test_scans(line, scan):
    assert read_scan(line) == scan


def test_counts():
    found = [read_count(text) for text in ("3", " 0 ", "9999", "99999", "-1", "x", "")]
    assert found == [3, 0, MOST_BLOCKS, None, None, None, None]


def test_noise():
    noise = random.Random(5)
    cutter = LineCutter()
    for _ in range(200):
        for line in cutter.feed(noise.randbytes(500)):
            read_scan(line)
            read_count(line)
