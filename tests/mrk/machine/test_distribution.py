import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.distribution import distribution, parse_os_release

RASPBIAN = b"""PRETTY_NAME="Raspbian GNU/Linux 10 (buster)"
NAME="Raspbian GNU/Linux"
VERSION_ID="10"
VERSION="10 (buster)"
ID=raspbian
ID_LIKE=debian
"""


def test_raspbian() -> None:
    assert msgspec.to_builtins(distribution(RASPBIAN, "5.10.17-v7+")) == {
        "name": "Raspbian GNU/Linux 10 (buster)",
        "id": "raspbian",
        "version": "10",
        "version_parts": {"major": "10", "minor": "", "build_number": ""},
        "like": "debian",
        "codename": "buster",
        "release_info": {
            "name": "Raspbian GNU/Linux",
            "version_id": "10",
            "id": "raspbian",
            "codename": "buster",
        },
        "kernel_version": "5.10.17-v7+",
    }


def test_a_long_version_is_cut_into_its_parts() -> None:
    parts = distribution(b'VERSION_ID="22.04.1.9"', "").version_parts
    assert (parts.major, parts.minor, parts.build_number) == ("22", "04", "1")


def test_quotes_escapes_comments_and_junk() -> None:
    data = b'# note\nA=\'single\'\nB="a \\"word\\""\nC="open\nlower=1\nD=\nE=two words\n\xff\xfe=\n'
    assert parse_os_release(data) == {"A": "single", "B": 'a "word"', "D": ""}


def test_no_file() -> None:
    assert distribution(None, "6.6").name == ""


@given(st.binary(max_size=400))
def test_no_file_is_too_strange(data: bytes) -> None:
    msgspec.json.encode(distribution(data, "6.6"))
