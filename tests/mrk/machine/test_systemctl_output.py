"""Outputs as systemctl of Debian 11 and 12 prints them."""

import pytest

from mrk.machine.machine_protocols import UnitStatus
from mrk.machine.systemctl_output import parse_show, parse_unit_files, parse_units

UNIT_FILES = b"""\
crowsnest.service   enabled  enabled
klipper.service     enabled enabled
klipper@.service    disabled enabled
moonraker.service   masked-runtime enabled
sonar.service       masked
klipper.timer       static -
"""
UNITS = b"""\
klipper.service loaded active running Klipper 3D Printer Firmware SV1
klipper@two.service loaded failed failed Klipper two
klipper_mcu.service not-found inactive dead klipper_mcu.service
KlipperScreen.service masked inactive dead KlipperScreen.service
"""
SHOW = b"""\
LoadState=loaded
ActiveState=active
SubState=running

ActiveState=failed
LoadState=loaded
SubState=failed

LoadState=not-found
ActiveState=inactive
SubState=dead
"""


def test_unit_files() -> None:
    assert parse_unit_files(UNIT_FILES) == ["crowsnest", "klipper"]


def test_units() -> None:
    assert parse_units(UNITS) == ["klipper", "klipper@two"]


def test_states_belong_to_the_names_in_order() -> None:
    assert parse_show(SHOW, ["klipper", "crowsnest", "sonar"]) == {
        "klipper": UnitStatus("active", "running"),
        "crowsnest": UnitStatus("failed", "failed"),
    }


def test_states_that_are_not_as_many_as_the_names_are_nobodys() -> None:
    assert parse_show(SHOW, ["klipper", "crowsnest"]) == {}


@pytest.mark.parametrize("junk", [b"", b"\n\n", b"\xff\x00 a b c d", b"= = =", b".service x y z"])
def test_junk(junk: bytes) -> None:
    assert parse_units(junk) in ([], [""])
    assert parse_unit_files(junk) in ([], [""])
    parse_show(junk, ["klipper"])
