"""[wled NAME]: defaults, both links, and sections that are left out."""

import pytest

from config.settings.wled import WledHttpSettings, WledSerialSettings


def test_defaults(read):
    loaded = read("[wled the case]\naddress: 192.168.1.3\n")
    assert loaded.warnings == []
    (strip,) = loaded.settings.wled
    assert strip.name == "the case"
    assert strip.link == WledHttpSettings("http://192.168.1.3:80/json", 2.0)
    assert (strip.chain_count, strip.initial_preset) == (1, -1)
    assert strip.initial_colour == (0.5, 0.5, 0.5, 0.5)


def test_a_serial_strip(read):
    loaded = read("[wled a]\ntype: SERIAL\nserial: /dev/ttyUSB0\nbaud: 9600\ncolor_order: RGB\n")
    (strip,) = loaded.settings.wled
    assert isinstance(strip.link, WledSerialSettings)
    assert (str(strip.link.path), strip.link.baud) == ("/dev/ttyUSB0", 9600)
    assert "WLED knows the order" in " ".join(loaded.warnings)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("type: udp", "expected one of http, serial"),
        ("", "address"),
        ("address: http://x", "is not a host"),
        ('address: "192.168.1.3"', "is not a host"),
        ("address: x\nchain_count: 0", "1 to 2000"),
        ("address: x\nchain_count: 2001", "1 to 2000"),
        ("type: serial", "serial"),
    ],
)
def test_what_is_left_out(read, options, reason):
    loaded = read(f"[wled a]\n{options}\n[wled b]\naddress: x\n")
    assert [strip.name for strip in loaded.settings.wled] == ["b"]
    assert reason in " ".join(loaded.warnings)


def test_colours_are_clamped(read):
    loaded = read("[wled a]\naddress: x\ninitial_red: 2\n")
    assert loaded.settings.wled[0].initial_colour[0] == 1.0


@pytest.mark.parametrize(
    ("option", "written", "used"),
    [
        ("timeout", "0.01", 0.1),
        ("timeout", "10", 5.0),
        ("initial_preset", "-5", -1),
        ("initial_preset", "300", 250),
    ],
)
def test_what_is_clamped(read, option, written, used):
    loaded = read(f"[wled a]\naddress: x\n{option}: {written}\n")
    (strip,) = loaded.settings.wled
    assert used == (strip.link.timeout_s if option == "timeout" else strip.initial_preset)
    assert f"{used:g} is used" in " ".join(loaded.warnings)


def test_too_many(read):
    loaded = read("".join(f"[wled s{n}]\naddress: x\n" for n in range(33)))
    assert len(loaded.settings.wled) == 32
    assert "more than 32" in " ".join(loaded.warnings)
