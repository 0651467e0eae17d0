import pytest

from mrk.machine import attribute


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"xHCI Host Controller\n", "xHCI Host Controller"),
        (b"Raspberry Pi 4 Model B Rev 1.4\0", "Raspberry Pi 4 Model B Rev 1.4"),
        ("Caméra\n".encode(), "Caméra"),
        (b"", None),
        (b"\n", None),
        (None, None),
        (b"\xff\xfe\x00\x01", None),
        (b"two\nlines\n", None),
        (b"bell\x07\n", None),
        (b"x" * 4097, None),
    ],
)
def test_text(data: bytes | None, expected: str | None) -> None:
    assert attribute.text(data) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"62333952\n", 62333952),
        (b"0\n", 0),
        (b"-1\n", None),
        (b"0x10\n", None),
        (b"9" * 5000, None),
        (b"", None),
        (None, None),
        ("²".encode(), None),
    ],
)
def test_number(data: bytes | None, expected: int | None) -> None:
    assert attribute.number(data) == expected


@pytest.mark.parametrize(
    ("data", "length", "expected"),
    [
        (b"1D6B\n", 4, "1d6b"),
        (b"0x5344\n", 4, "5344"),
        (b"1d6\n", 4, None),
        (b"zzzz\n", 4, None),
        (None, 4, None),
        (b"ef\n", 2, "ef"),
    ],
)
def test_hex_digits(data: bytes | None, length: int, expected: str | None) -> None:
    assert attribute.hex_digits(data, length) == expected
