import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.throttled import FLAGS, UNREADABLE, ThrottledState, parse_throttled


@pytest.mark.parametrize("reading", [b"throttled=0x50005\n", b"50005\n", b"0x50005"])
def test_vcgencmd_and_sys_say_the_same(reading: bytes) -> None:
    assert parse_throttled(reading) == ThrottledState(
        0x50005,
        [
            "Under-Voltage Detected",
            "Currently Throttled",
            "Previously Under-Volted",
            "Previously Throttled",
        ],
    )


def test_every_bit_has_its_own_flag() -> None:
    assert parse_throttled(b"f000f").flags == list(FLAGS.values())
    assert parse_throttled(b"80000").flags == ["Previously Temperature Limited"]
    assert parse_throttled(b"0\n") == ThrottledState(0, [])


def test_unknown_bits_are_carried_without_a_flag() -> None:
    assert parse_throttled(b"throttled=0x80000010") == ThrottledState(0x80000010, [])


@pytest.mark.parametrize("junk", [b"", b"error=1 error_msg=...", b"0x", b"123456789", b"1" * 99])
def test_what_is_no_reading_is_marked_so(junk: bytes) -> None:
    assert parse_throttled(junk) == UNREADABLE


@given(st.binary())
def test_junk_never_raises(data: bytes) -> None:
    assert parse_throttled(data).bits < 1 << 32
