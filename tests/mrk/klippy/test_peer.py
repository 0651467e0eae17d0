import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.klippy.peer import SocketPeer, parse_ucred, unit_of_cgroup


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0::/system.slice/klipper.service\n", "klipper"),
        ("0::/system.slice/system-klipper.slice/klipper@1.service", "klipper@1"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/klipper.service", "klipper"),
        ("12:cpu:/other.service\n1:name=systemd:/system.slice/klipper-2.service\n", "klipper-2"),
        ("12:cpu:/system.slice/klipper.service\n0::/\n", "klipper"),
        ("0::/init.scope", None),
        ("", None),
        ("junk", None),
    ],
)
def test_unit_of_cgroup(text: str, unit: str | None) -> None:
    assert unit_of_cgroup(text) == unit


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    unit_of_cgroup(text)


def test_credentials() -> None:
    assert parse_ucred(struct.pack("3i", 812, 1000, 1001)) == SocketPeer(812, 1000, 1001)
