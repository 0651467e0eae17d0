import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.memory import parse_meminfo, parse_statm

MEMINFO = b"""MemTotal:        3884340 kB
MemFree:         1000000 kB
MemAvailable:    3100200 kB
Buffers:           45444 kB
HugePages_Total:       0
"""


def test_used_is_what_is_not_available() -> None:
    assert parse_meminfo(MEMINFO) == {"total": 3884340, "available": 3100200, "used": 784140}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MemTotal: 5 kB\n",
        b"MemTotal: 5 kB\nMemAvailable: x kB\n",
        b"MemTotal: 5 MB\nMemAvailable: 4 MB\n",
        b"MemTotal: 5 kB\nMemAvailable: 6 kB\n",
        b"\x00\xff" * 40000,
    ],
)
def test_missing_facts_give_an_empty_object(data: bytes) -> None:
    assert parse_meminfo(data) == {}


def test_resident_pages_become_kilobytes() -> None:
    assert parse_statm(b"30000 10303 2000 1 0 9000 0\n", 4096) == 41212
    assert parse_statm(b"30000 100 2000 1 0 9000 0\n", 16384) == 1600


@pytest.mark.parametrize("data", [b"", b"30000", b"30000 x 1", b"1 " + b"9" * 5000])
def test_an_unreadable_statm_is_none(data: bytes) -> None:
    assert parse_statm(data, 4096) is None


@given(st.binary())
def test_junk_never_raises(data: bytes) -> None:
    parse_meminfo(b"MemTotal:" + data)
    parse_meminfo(data)
    parse_statm(data, 4096)
