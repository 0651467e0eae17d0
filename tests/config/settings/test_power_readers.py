"""What each type of `[power NAME]` is told: defaults, all options, and bounds at their edges."""

from typing import Any

import msgspec
import pytest

from config.secret import Secret


@pytest.fixture
def read(read):
    return lambda text: read(f"[mqtt]\naddress: x\nenable_moonraker_api: False\n{text}")


def plain(value: Any) -> Any:
    """Structs as their fields in order, secrets as they are, templates by their kind."""
    if isinstance(value, msgspec.Struct):
        return tuple(plain(getattr(value, name)) for name in value.__struct_fields__)
    if hasattr(value, "render"):
        return TEMPLATE
    return value.reveal() if isinstance(value, Secret) else value


def web(base: str, user: str = "", password: str = "", checks: bool = True) -> tuple[Any, ...]:
    return (base, user, password, checks)


TEMPLATE = "a template"
LOG_IN = "user: me\npassword: pw\nverify_certificate: no"
ADMIN = web("http://h", "admin")
MQTT = "command_topic: c\ncommand_payload: {command}\nstate_topic: s"
HTTP = "on_url: HTTP://x/1\noff_url: https://x/0\nstatus_url: http://x\nresponse_template: on"
URLS = ("HTTP://x/1", "https://x/0", "http://x")


@pytest.mark.parametrize(
    ("kind", "options", "driver"),
    [
        ("tplink_smartplug", "address: h", ("h", 9999, None, None)),
        ("tplink_smartplug", "address: h:98", ("h", 98, None, None)),
        ("tplink_smartplug", "address: h\nport: 97\ntimer: 1", ("h", 97, None, 1)),
        ("tplink_smartplug", "address: [fd00::1]:98\noutput_id: 255", ("fd00::1", 98, 255, None)),
        ("tasmota", "address: h", (ADMIN, 1, None)),
        ("tasmota", "address: h\noutput_id: 2\ntimer: 86400", (ADMIN, 2, 86400)),
        (
            "tasmota",
            f"address: h\nprotocol: https\n{LOG_IN}\ntimer:",
            (web("https://h", "me", "pw", False), 1, None),
        ),
        ("tplink_smartplug", "address: h\ntimer: 0", ("h", 9999, None, None)),
        ("tasmota", "address: h\ntimer: 0", (ADMIN, 1, None)),
        ("shelly", "address: h\ntimer: 0", (ADMIN, 0, None)),
        ("shelly", "address: h:65535", (web("http://h:65535", "admin"), 0, None)),
        ("shelly", "address: h\noutput_id: 1\ntimer: 5", (ADMIN, 1, 5)),
        ("homeseer", "address: h\ndevice: 42", (ADMIN, 42)),
        (
            "homeassistant",
            "address: h\ndevice: switch.p\ntoken: tok",
            (web("http://h:8123"), "tok", "switch.p", "switch", 1.0),
        ),
        (
            "homeassistant",
            "address: h\nport: 80\ndevice: light.p\ntoken: t\ndomain: light\nstatus_delay: 60",
            (web("http://h:80"), "t", "light.p", "light", 60.0),
        ),
        (
            "homeassistant",
            "address: h\nport: -1\ndevice: a\ntoken: t\nstatus_delay: 0",
            (web("http://h:8123"), "t", "a", "switch", 0.0),
        ),
        ("loxonev1", "address: h\noutput_id: a b", (web("http://h", "admin", "admin"), "a b")),
        ("smartthings", "address: h\ndevice: d-1\ntoken: t", (web("https://h:443"), "t", "d-1")),
        ("hue", "address: h\nuser: key\ndevice_id: 3", (web("http://h:80", "key"), "3", False)),
        (
            "hue",
            "address: h\nuser: key\ndevice_id: 3\ndevice_type: group",
            (web("http://h:80", "key"), "3", True),
        ),
        ("domoticz", "address: h\ndevice: 99", (web("http://h:8080"), 99)),
        ("http", HTTP, (*URLS, None, TEMPLATE, "", "", True)),
        (
            "http",
            f"{HTTP}\nrequest_template: x\n{LOG_IN}",
            (*URLS, TEMPLATE, TEMPLATE, "me", "pw", False),
        ),
        ("mqtt", MQTT, ("c", TEMPLATE, False, "s", None, 2.0, None, None, False, None)),
        (
            "mqtt",
            f"{MQTT}\nretain_command_state: yes\nstate_response_template: x\nstate_timeout: 60\n"
            "query_topic: q\nquery_payload: x\nquery_after_command: yes\nqos: 2",
            ("c", TEMPLATE, True, "s", TEMPLATE, 60.0, "q", TEMPLATE, True, 2),
        ),
        ("uhubctl", "location: 1-1.4", ("1-1.4", None)),
        ("uhubctl", "location: 1-1\nport: 255", ("1-1", 255)),
        ("uhubctl", "location: 1-1\nport: 1", ("1-1", 1)),
        (
            "klipper_device",
            "object_name: output_pin a-b.c",
            ("output_pin a-b.c", "output_pin", "a-b.c"),
        ),
        ("klipper_device", "object_name: gcode_macro X", ("gcode_macro X", "gcode_macro", "X")),
    ],
)
def test_what_a_driver_is_told(read, kind, options, driver):
    loaded = read(f"[power a]\ntype: {kind}\n{options}\n")
    assert loaded.warnings == []
    assert plain(loaded.settings.power[0].driver) == driver


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("tplink_smartplug", "address: h\noutput_id: 256", "0 to 255"),
        ("tasmota", "address: h\ntimer: -1", "0 to 86400"),
        ("tasmota", "address: h\ntimer: 86401", "0 to 86400"),
        ("tasmota", "address: /", "is not a host"),
        ("tasmota", "address: http://h", "is not a host"),
        ("tplink_smartplug", "address: h/", "is not an integer"),
        ("tasmota", "address: h\nport: 0", "1 to 65535"),
        ("tasmota", "address: h\nport: 65536", "1 to 65535"),
        ("homeassistant", "address: h\ndevice: a/b\ntoken: t", "has characters that no such name"),
        ("homeassistant", "address: h\ndevice: a\ntoken: t\nstatus_delay: 61", "0 to 60"),
        ("hue", "address: h\nuser: k\ndevice_id: 3\ndevice_type: plug", "one of light, group"),
        ("mqtt", f"{MQTT}\nqos: 3", "0 to 2"),
        ("mqtt", f"{MQTT}\nqos: -1", "0 to 2"),
        ("mqtt", f"{MQTT}\nstate_timeout: 0", "more than 0"),
        ("mqtt", f"{MQTT}\nquery_topic: a/+", "has a wildcard"),
        ("uhubctl", "location: 1-1\nport: 256", "1 to 255"),
        ("uhubctl", "location: 1-1\nport: 0", "1 to 255"),
        ("driver", "command: ''", "there is no program"),
        ("driver", "command: x\nenvironment: 1A=b", "not NAME=value"),
        ("klipper_device", "object_name: output_pin", "cannot be switched"),
        ("klipper_device", "object_name: output_pins x", "cannot be switched"),
    ],
)
def test_what_leaves_a_device_out(read, kind, options, reason):
    loaded = read(f"[power a]\ntype: {kind}\n{options}\n")
    assert loaded.settings.power == ()
    assert reason in " ".join(loaded.warnings)


def test_a_socket_in_the_address_and_beside_it(read):
    text = "[power a]\ntype: tplink_smartplug\naddress: h:98/2\noutput_id: 4\n"
    assert plain(read(text).settings.power[0].driver) == ("h", 98, 4, None)


def test_lines_of_an_environment(read):
    loaded = read(
        "[power a]\ntype: driver\ncommand: x\nenvironment:\n  A = b = c\n\n  _Token=secret-1\n"
    )
    (device,) = loaded.settings.power
    found = {name: value.reveal() for name, value in device.driver.environment.items()}
    assert found == {"A": "b = c", "_Token": "secret-1"}
    assert "secret-1" not in loaded.hidden.redact("it said secret-1")


@pytest.mark.parametrize("kind", ["gpio", "klipper_device", "rf", "mqtt", "driver"])
def test_who_is_told_is_not_polled(read, kind):
    options = {
        "gpio": "pin: gpio1",
        "rf": "pin: gpio1\non_code: 1\noff_code: 0",
        "klipper_device": "object_name: output_pin a",
        "mqtt": MQTT,
        "driver": "command: x",
    }[kind]
    timed = kind in ("gpio", "klipper_device", "rf")
    loaded = read(f"[power a]\ntype: {kind}\n{options}\npoll_interval: 5\ntimer: 60\n")
    (device,) = loaded.settings.power
    assert (device.poll_interval_s, device.timer_s) == (None, 60.0 if timed else None)
    told = " ".join(loaded.warnings)
    assert "poll_interval" in told
    assert ("'timer'" in told) is not timed
