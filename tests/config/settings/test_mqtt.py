"""[mqtt]: defaults, bounds at their edges, files, secrets."""

import pytest

from config.settings.mqtt import MqttSettings


def one(read, option):
    return read(f"[mqtt]\naddress: broker\n{option}\n").settings.mqtt


def test_none_without_the_section(read):
    assert read("").settings.mqtt is None


def test_defaults(read):
    loaded = read("[mqtt]\naddress: broker\n")
    assert loaded.settings.mqtt == MqttSettings(address="broker")
    assert loaded.failures == ()


def test_options_that_are_left_empty(read):
    empty = "address: x\nenable_moonraker_api: False\n"
    names = [
        "username",
        "password",
        "client_id",
        "instance_name",
        "tls_ca_path",
        "homeassistant_prefix",
    ]
    loaded = read(f"[mqtt]\n{empty}" + "".join(f"{name}:\n" for name in names))
    assert loaded.warnings == []
    assert loaded.settings.mqtt == read(f"[mqtt]\n{empty}").settings.mqtt


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("port: 1", "port", 1),
        ("port: 65535", "port", 65535),
        ("mqtt_protocol: v3.1", "mqtt_protocol", "v3.1"),
        ("mqtt_protocol: v5", "mqtt_protocol", "v5"),
        ("enable_moonraker_api: True", "enable_moonraker_api", True),
        ("mqtt_role: admin", "mqtt_role", "admin"),
        ("instance_name: home/voron", "instance_name", "home/voron"),
        ("status_interval: 0.26", "status_interval_s", 0.26),
        ("default_qos: 2", "api_qos", 2),
        ("default_qos: 2\napi_qos: 0", "api_qos", 0),
        ("enable_homeassistant_discovery: True", "keepalive_s", 3),
        ("enable_homeassistant_discovery: True\nkeepalive: 60", "keepalive_s", 60),
        (
            "status_objects:\n  toolhead=position, print_time\n  webhooks\n  fan=",
            "status_objects",
            {"toolhead": ("position", "print_time"), "webhooks": None, "fan": None},
        ),
    ],
)
def test_good_values(read, option, field, value):
    assert getattr(one(read, option), field) == value


@pytest.mark.parametrize(
    "option",
    [
        "port: 0",
        "port: 65536",
        "mqtt_protocol: v4",
        "mqtt_role: root",
        "instance_name: a+b",
        "instance_name: a#",
        "homeassistant_prefix: ha/#",
        "status_interval: 0.25",
        "status_interval: 0",
        "default_qos: 3",
        "api_qos: -1",
        "keepalive: 0",
        "password: x",
        "tls_ca_path: /nowhere/ca.pem",
        "tls_key_path: /dev/null",
        "address: two words",
        f"client_id: {'ü' * 500}x",
        "client_id: a\0b",
        f"instance_name: {'ü' * 500}x",
    ],
)
def test_bad_values(failed, option):
    address = "" if option.startswith("address") else "address: broker\n"
    assert f"[mqtt] {option.partition(':')[0]}: " in failed("mqtt", f"[mqtt]\n{address}{option}\n")


def test_the_address_is_required(failed):
    assert '"address: 192.168.1.5"' in failed("mqtt", "[mqtt]\nport: 1\n")


def test_an_api_that_is_off_by_default_is_told(read):
    loaded = read("[mqtt]\naddress: broker\n")
    (warning,) = loaded.warnings
    assert "the API is not offered over MQTT" in warning
    assert '"enable_moonraker_api: True"' in warning
    assert not loaded.settings.mqtt.enable_moonraker_api
    assert loaded.clean
    for value in ("True", "False"):
        text = f"[mqtt]\naddress: broker\nenable_moonraker_api: {value}\n"
        assert read(text).warnings == []


def test_user_and_password(read):
    settings = one(read, "username: mrk\npassword: qwertz")
    assert settings.username.reveal() == "mrk"
    assert settings.password.reveal() == "qwertz"
    assert "qwertz" not in repr(settings)


def test_a_password_file_is_read_with_a_warning_and_password_wins(read, tmp_path):
    (tmp_path / "password").write_text("from file\n")
    text = f"[mqtt]\naddress: b\nusername: u\npassword_file: {tmp_path / 'password'}\n"
    loaded = read(text)
    assert loaded.settings.mqtt.password.reveal() == "from file"
    assert any("password_file" in warning for warning in loaded.warnings)
    assert read(text + "password: y\n").settings.mqtt.password.reveal() == "y"


def test_a_password_file_that_is_missing_is_a_mistake(failed):
    text = "[mqtt]\naddress: b\nusername: u\npassword_file: /nowhere/x\n"
    assert "password_file: " in failed("mqtt", text)


def test_tls_files(read, tmp_path):
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text("x")
    settings = one(
        read,
        f"enable_tls: yes\ntls_ca_path: {tmp_path}/ca\n"
        f"tls_cert_path: {tmp_path}/cert\ntls_key_path: {tmp_path}/key",
    )
    assert settings.enable_tls
    assert settings.tls_key_path == tmp_path / "key"
    assert settings.tls_cert_path == tmp_path / "cert"


def test_a_key_needs_its_certificate(failed, tmp_path):
    (tmp_path / "key").write_text("x")
    text = f"[mqtt]\naddress: b\ntls_key_path: {tmp_path}/key\n"
    assert "a key needs its certificate in tls_cert_path" in failed("mqtt", text)


def test_the_longest_names(read):
    longest = "ü" * 500
    settings = one(read, f"client_id: {longest}\ninstance_name: {longest}")
    assert (settings.client_id, settings.instance_name) == (longest, longest)
