"""[sensor NAME]: defaults, fields of the history, and sections that are left out."""

import pytest

from config.load import load
from config.paths import Paths
from config.settings.sensors import HistoryFieldSettings

PLAIN = "type: mqtt\nstate_topic: a/b\nstate_response_template: {set_result('x', payload|float)}\n"


@pytest.fixture
def read(read):
    return lambda text: read(f"[mqtt]\naddress: localhost\nenable_moonraker_api: False\n{text}")


def one(read, options):
    loaded = read(f"[sensor a b]\n{PLAIN}{options}\n")
    assert loaded.warnings == []
    return loaded.settings.sensors[0]


def test_none_by_default(read):
    assert read("").settings.sensors == ()


def test_defaults(read):
    sensor = one(read, "")
    assert (sensor.id, sensor.name, sensor.type) == ("a b", "a b", "mqtt")
    assert (sensor.qos, sensor.store_size, sensor.state_topic) == (None, 1200, "a/b")
    assert (sensor.parameters, sensor.history_fields) == ({}, ())
    found = {}
    sensor.state_response_template.render(payload="3.5", set_result=found.__setitem__)
    assert found == {"x": 3.5}


def test_parameters_and_fields(read):
    sensor = one(
        read,
        "name: Energy meter\nqos: 0\nsensor_store_size: 300\n"
        "parameter_power:\n  units=W\n"
        "history_field_energy_used:\n  parameter=energy\n  desc=Energy used\n  strategy=delta\n"
        "  units=kWh\n  precision=4\n  report_total=True\n  init_tracker=yes\n"
        "  exclude_paused=true\n"
        "history_field_peak:\n  parameter=power\n",
    )
    assert (sensor.name, sensor.qos, sensor.store_size) == ("Energy meter", 0, 300)
    assert sensor.parameters == {"power": {"units": "W"}}
    assert sensor.history_fields == (
        HistoryFieldSettings(
            name="energy_used",
            parameter="energy",
            description="Energy used",
            strategy="delta",
            units="kWh",
            exclude_paused=True,
            report_total=True,
            precision=4,
        ),
        HistoryFieldSettings(name="peak", parameter="power", description="power tracker"),
    )


def test_the_type_stays_as_written(read):
    loaded = read(f"[sensor a]\n{PLAIN.replace('mqtt', 'MQTT')}")
    assert loaded.settings.sensors[0].type == "MQTT"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (PLAIN.replace("type: mqtt", ""), "type: this option is required"),
        (PLAIN.replace("mqtt", "zigbee"), '"zigbee" is not known (expected one of mqtt)'),
        (PLAIN.replace("a/b", "a/#"), "has a wildcard"),
        (PLAIN.replace("a/b", "+/b"), "has a wildcard"),
        (PLAIN.replace("{set", "{% set"), "of the template"),
        (PLAIN + "qos: 3\n", "expected 0 to 2"),
        (PLAIN + "parameter_x: units\n", 'lacks "="'),
        (PLAIN + "history_field_x: strategy=basic\n", "parameter=... is missing"),
        (PLAIN + "history_field_x:\n  parameter=x\n  strategy=guess\n", '"guess" is not known'),
        (PLAIN + "history_field_x:\n  parameter=x\n  precision=1.5\n", "not an integer"),
        (PLAIN + "history_field_x:\n  parameter=x\n  precision=99\n", "expected 0 to 15"),
    ],
)
def test_a_broken_sensor_is_left_out(read, options, said):
    loaded = read(f"[sensor bad]\n{options}[sensor good]\n{PLAIN}")
    assert [sensor.id for sensor in loaded.settings.sensors] == ["good"]
    (warning,) = loaded.warnings
    assert warning.startswith("x.conf: [sensor bad] ")
    assert said in warning
    assert warning.endswith("[sensor bad] is not used until that is mended.")


@pytest.mark.parametrize(("written", "used"), [("0", 1), ("86400", 14400)])
def test_a_store_that_is_too_large_costs_no_sensor(read, written, used):
    loaded = read(f"[sensor a]\n{PLAIN}sensor_store_size: {written}\n")
    assert loaded.settings.sensors[0].store_size == used
    (warning,) = loaded.warnings
    assert f'"{written}" is out of range (expected 1 to 14400); {used} is used' in warning


def test_a_misspelt_line_of_a_history_field(read):
    field = "history_field_x:\n  parameter=p\n  prescision=2\n  Units=W\n"
    loaded = read(f"[sensor a]\n{PLAIN}{field}")
    assert len(loaded.settings.sensors[0].history_fields) == 1
    first, second = loaded.warnings
    assert first.startswith(
        "[sensor a]: option 'history_field_x' has the line \"Units\", which has"
    )
    assert '"prescision"' in second
    assert "report_total, strategy, units)" in second


def test_without_a_broker(tmp_path):
    file = tmp_path / "x.conf"
    file.write_text(f"[server]\n[authorization]\n[sensor a]\n{PLAIN}")
    loaded = load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file))
    assert loaded.settings.sensors == ()
    assert loaded.warnings == ["[sensor]: the section [mqtt] is missing; no sensor is used"]
    assert [failure.component for failure in loaded.failures] == ["sensor"]


def test_the_later_of_two_sections_for_one_sensor(read):
    loaded = read(f"[sensor a]\n{PLAIN}[sensor  a]\n{PLAIN}name: B\n")
    assert [sensor.name for sensor in loaded.settings.sensors] == ["B"]
