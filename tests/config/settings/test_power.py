"""[power NAME]: defaults, every type, and sections that are left out."""

import json

import pytest

from config.settings import power_drivers as types
from mrk.definitions.pins import Pin

TYPES = {
    "gpio": "pin: gpio26",
    "rf": "pin: gpio17\non_code: 0110\noff_code: 1001",
    "klipper_device": "object_name: output_pin light",
    "tplink_smartplug": "address: plug.local",
    "tasmota": "address: plug.local",
    "shelly": "address: plug.local",
    "homeseer": "address: hs.local\ndevice: 42",
    "homeassistant": "address: ha.local\ndevice: switch.p\ntoken: t-o-k-e-n",
    "loxonev1": "address: lox.local\noutput_id: Printer",
    "smartthings": "address: api.smartthings.com\ndevice: abc-1\ntoken: t-o-k-e-n",
    "hue": "address: hue.local\nuser: key\ndevice_id: 3",
    "domoticz": "address: dom.local\ndevice: 99",
    "http": "on_url: http://x/1\noff_url: http://x/0\nstatus_url: http://x\nresponse_template: on",
    "uhubctl": "location: 1-1",
    "driver": "command: /bin/plug --host 1",
    "mqtt": "command_topic: c\ncommand_payload: {command}\nstate_topic: s",
}


@pytest.fixture
def read(read):
    return lambda text: read(f"[mqtt]\naddress: x\nenable_moonraker_api: False\n{text}")


def one(read, options):
    loaded = read(f"[power the lamp]\n{options}\n")
    assert loaded.warnings == []
    return loaded.settings.power[0]


def left_out(read, options):
    """Why; the other device is used."""
    loaded = read(f"[power a]\n{options}\n[power b]\ntype: gpio\npin: gpio1\n")
    assert [device.name for device in loaded.settings.power] == ["b"]
    assert not loaded.failures
    return " ".join(loaded.warnings)


def test_none_by_default(read):
    assert read("").settings.power == ()


@pytest.mark.parametrize("kind", TYPES)
def test_defaults(read, kind):
    device = one(read, f"type: {kind}\n{TYPES[kind]}")
    assert (device.name, device.type) == ("the lamp", kind)
    assert (device.initial_state, device.poll_interval_s, device.timer_s) == (None, None, None)
    assert (device.locked_while_printing, device.locked_while_paused) == (False, True)
    assert (device.restrict_action_processing, device.timeout_s) == (True, 5.0)
    assert (device.off_when_shutdown, device.on_when_job_queued) == (False, False)


def test_common_options(read):
    device = one(
        read,
        "type: gpio\npin: !gpiochip1/gpio4\ninitial_state: on\noff_when_shutdown: True\n"
        "off_when_shutdown_delay: 30\non_when_job_queued: True\nlocked_while_printing: True\n"
        "locked_while_paused: False\nrestart_klipper_when_powered: True\nrestart_delay: 2\n"
        "bound_services:\n  klipper.service\n  other\nbound_service: klipper\n"
        "restrict_action_processing: False\ntimer: 60\ntimeout: 3\n",
    )
    assert device.driver == types.GpioSettings(Pin("gpiochip1", 4, inverted=True))
    assert device.initial_state is True
    assert (device.off_when_shutdown, device.off_when_shutdown_delay_s) == (True, 30.0)
    assert (device.on_when_job_queued, device.locked_while_printing) == (True, True)
    assert not device.locked_while_paused
    assert (device.restart_klipper_when_powered, device.restart_delay_s) == (True, 2.0)
    assert device.bound_services == ("klipper", "other")
    assert not device.restrict_action_processing
    assert (device.timer_s, device.timeout_s) == (60.0, 3.0)


@pytest.mark.parametrize(
    ("options", "base"),
    [
        ("address: plug.local", "http://plug.local"),
        ("address: plug.local\nport: 81", "http://plug.local:81"),
        ("address: plug.local\nport: -1", "http://plug.local"),
        ("address: 192.168.1.2:8080", "http://192.168.1.2:8080"),
        ("address: 192.168.1.2:81\nport: 81", "http://192.168.1.2:81"),
        ("address: fe80::1\nprotocol: https", "https://[fe80::1]"),
        ("address: [::1]:81", "http://[::1]:81"),
        ("address: 192.168.1.2/", "http://192.168.1.2"),
        ("address: 192.168.1.2/\nport: 81", "http://192.168.1.2:81"),
        ("address: proxy.local/first floor/plug/", "http://proxy.local/first%20floor/plug"),
        ("address: proxy.local:81/plug", "http://proxy.local:81/plug"),
        ("address: plug.local\nprotocol: HTTPS", "https://plug.local"),
    ],
)
def test_addresses(read, options, base):
    assert one(read, f"type: tasmota\n{options}").driver.web.base == base


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("homeassistant", "http://ha.local:8123"),
        ("smartthings", "https://api.smartthings.com:443"),
        ("hue", "http://hue.local:80"),
        ("domoticz", "http://dom.local:8080"),
        ("loxonev1", "http://lox.local"),
    ],
)
def test_default_ports(read, kind, base):
    assert one(read, f"type: {kind}\n{TYPES[kind]}").driver.web.base == base


def test_secrets_are_not_shown(read):
    loaded = read("[power a]\ntype: tasmota\naddress: x\npassword: hunter2-long\n")
    assert loaded.settings.power[0].driver.web.password.reveal() == "hunter2-long"
    assert "hunter2" not in json.dumps(loaded.config)
    assert "hunter2" not in repr(loaded.settings)


def test_an_environment(read):
    device = one(
        read, f"type: driver\n{TYPES['driver']}\nenvironment:\n  A=b c\n  API_TOKEN=xyz123"
    )
    assert device.driver.command == ("/bin/plug", "--host", "1")
    found = {name: value.reveal() for name, value in device.driver.environment.items()}
    assert found == {"A": "b c", "API_TOKEN": "xyz123"}


def test_codes_are_padded(read):
    driver = one(read, f"type: rf\n{TYPES['rf']}").driver
    assert driver.on_code == "0" * 20 + "0110"
    longest = one(read, f"type: rf\npin: gpio17\non_code: {'1' * 128}\noff_code: 0 1-1\n").driver
    assert (longest.on_code, longest.off_code) == ("1" * 128, "0" * 22 + "11")


def test_the_old_ways(read):
    loaded = read("[power a]\ntype: tplink_smartplug\naddress: plug/2\non_when_upload_queued: True")
    (device,) = loaded.settings.power
    assert (device.driver.host, device.driver.output_id) == ("plug", 2)
    assert device.on_when_job_queued
    assert "write output_id" in " ".join(loaded.warnings)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("type: toaster", '"toaster" is not known (expected one of gpio'),
        ("", "type"),
        ("type: gpio\npin: ^gpio1", "is for inputs"),
        ("type: gpio", "pin: this option is required"),
        ("type: klipper_device\nobject_name: fan x", "cannot be switched (expected output_pin"),
        ("type: klipper_device\nobject_name: output_pin a;M112", "cannot be switched"),
        (
            "type: klipper_device\nobject_name: output_pin a\noff_when_shutdown: True",
            "does not go with type klipper_device",
        ),
        ("type: tasmota\naddress: http://x", "the scheme belongs in the option protocol"),
        ('type: tplink_smartplug\naddress: "192.168.1.3"', "is not a host"),
        ("type: tasmota\naddress: x:81\nport: 82", "contradicts the port 81"),
        ("type: tasmota\naddress: x\npoll_interval: 0.5", "0.5"),
        ("type: tasmota\naddress: x\ntimeout: 100", "100"),
        ("type: tasmota\naddress: x\ntimer: 1.5", "is not an integer"),
        ("type: tasmota\naddress: x\nprotocol: ftp", "expected one of http, https"),
        ("type: http\non_url: x", "on_url"),
        ("type: rf\npin: gpio1\non_code: xyz\noff_code: 1", "is not a code"),
        ("type: uhubctl\nlocation: x;rm", "is not a hub's location"),
        ("type: uhubctl\nlocation:", "location: this option is required"),
        ("type: driver\ncommand: 'x", "No closing quotation"),
        ("type: driver\ncommand: x\nenvironment: A", "not NAME=value"),
        ("type: mqtt\ncommand_topic: a/#\ncommand_payload: x\nstate_topic: b", "has a wildcard"),
        (f"type: rf\npin: gpio1\non_code: {'1' * 129}\noff_code: 1", "is not a code"),
        ("type: tasmota\naddress: x\ntimeout: 0.4", "0.5 to 60"),
        ("type: gpio\npin: gpio1\noff_when_shutdown: yes\noff_when_shutdown_delay: -1", "0 to"),
        (
            "type: gpio\npin: gpio1\nrestart_klipper_when_powered: yes\nrestart_delay: 0",
            "more than 0",
        ),
        (
            "type: klipper_device\nobject_name: gcode_macro a\nrestart_klipper_when_powered: yes",
            "does not go with type klipper_device",
        ),
    ],
)
def test_what_is_left_out(read, options, reason):
    assert reason in left_out(read, options)


def test_a_poll_interval_where_nothing_is_polled(read):
    loaded = read("[power a]\ntype: gpio\npin: gpio1\npoll_interval: 5\n")
    assert len(loaded.settings.power) == 1
    assert "poll_interval" in " ".join(loaded.warnings)


def test_mqtt_devices_need_mqtt(tmp_path):
    from config.load import load
    from config.paths import Paths

    file = tmp_path / "x.conf"
    mqtt, gpio = TYPES["mqtt"], TYPES["gpio"]
    file.write_text(
        f"[server]\n[authorization]\n[power a]\ntype: mqtt\n{mqtt}\n[power b]\ntype: gpio\n{gpio}\n"
    )
    loaded = load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file))
    assert [device.name for device in loaded.settings.power] == ["b"]
    assert "the section [mqtt] is missing" in " ".join(loaded.warnings)


def test_too_many(read):
    text = "".join(f"[power d{n}]\ntype: gpio\npin: gpio{n}\n" for n in range(101))
    loaded = read(text)
    assert len(loaded.settings.power) == 100
    assert "more than 100" in " ".join(loaded.warnings)
