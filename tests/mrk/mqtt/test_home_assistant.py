"""Home Assistant's documents and the state they read from, as its documentation describes them."""

import json

import jinja2
import pytest

from mrk.mqtt.home_assistant import (
    MOST_SENSORS,
    Announcement,
    Camera,
    Device,
    Presence,
    home_state,
    temperature_objects,
)
from mrk.mqtt.topics import Topics

DEVICE = Device("mrk_1", "Voron", "v1")
SENSORS = ("extruder", "heater_bed", "temperature_sensor mcu_temp", "temperature_sensor it's")
STATUS = {
    "webhooks": {"state": "ready"},
    "virtual_sdcard": {"progress": 0.25},
    "print_stats": {
        "state": "printing",
        "filename": "a.gcode",
        "print_duration": 100.9,
        "total_duration": 120.0,
        "filament_used": 17.25,
    },
    "extruder": {"temperature": 199.96, "target": 200.0},
    "heater_bed": {"temperature": None, "target": 0.0},
    "temperature_sensor mcu_temp": {"temperature": 40.04},
    "temperature_sensor it's": {"temperature": 1},
}


def announced(**presence):
    announcement = Announcement("homeassistant", Topics("shop"), DEVICE, 1)
    messages = announcement.messages(Presence(**presence))
    return {topic: json.loads(document) for topic, document in messages.items()}


def everything():
    return announced(
        sensors=SENSORS,
        with_target=frozenset({"extruder", "heater_bed"}),
        cameras=(Camera("12-ab", "Nozzle", "http://x/"),),
        buttons=True,
    )


def test_one_device_with_unique_entities_under_the_prefix():
    documents = everything()
    assert all(topic.startswith("homeassistant/") for topic in documents)
    assert all(topic.endswith("/config") for topic in documents)
    assert {json.dumps(d["device"]) for d in documents.values()} == {json.dumps(DEVICE.document)}
    ids = [document["unique_id"] for document in documents.values()]
    assert len(set(ids)) == len(ids)
    kinds = [topic.split("/")[1] for topic in documents]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "sensor": 13,
        "binary_sensor": 2,
        "camera": 1,
        "button": 4,
    }


def test_all_go_with_mrk_and_all_but_one_with_the_printer():
    for topic, document in everything().items():
        topics = [one["topic"] for one in document["availability"]]
        assert topics[0] == "shop/moonraker/status"
        assert document["availability_mode"] == "all"
        assert len(topics) == (1 if topic.endswith("/klippy/config") else 2)


def test_buttons_only_where_requests_are_run():
    assert not [t for t in announced() if "/button/" in t]
    pause = everything()["homeassistant/button/mrk_1/pause/config"]
    assert pause["command_topic"] == "shop/moonraker/api/request"
    assert json.loads(pause["payload_press"]) == {
        "jsonrpc": "2.0",
        "method": "printer.print.pause",
    }


def shown(document, state):
    """As Home Assistant renders it."""
    template = jinja2.Template(document["value_template"], undefined=jinja2.StrictUndefined)
    return template.render(value_json=state)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", "printing"),
        ("file", "a.gcode"),
        ("progress", "25.0"),
        ("print_duration", "100"),
        ("total_duration", "120"),
        ("time_left", "302"),
        ("filament_used", "17"),
        ("temperature_extruder", "200.0"),
        ("temperature_extruder_target", "200.0"),
        ("temperature_heater_bed", "None"),
        ("temperature_temperature_sensor_mcu_temp", "40.0"),
        ("temperature_temperature_sensor_it_s", "1"),
    ],
)
def test_sensors_read_the_state(key, value):
    state = json.loads(json.dumps(home_state(STATUS, SENSORS)))
    document = everything()[f"homeassistant/sensor/mrk_1/{key}/config"]
    assert document["state_topic"] == "shop/homeassistant/state"
    assert shown(document, state) == value


ABSENT = [{}, {"temperatures": {}}, {"temperatures": {"extruder": {}}}, [], 7, None]


@pytest.mark.parametrize("state", ABSENT, ids=str)
def test_templates_tolerate_what_is_absent(state):
    """Home Assistant takes `None` as unknown; an undefined value's attribute is an error there."""
    for document in everything().values():
        if "value_template" in document:
            assert shown(document, state) == "None"
        for one in document["availability"]:
            if "value_template" in one:
                assert shown(one, state) == "offline"


def test_availability():
    (document, *_) = everything().values()
    (server, *_) = document["availability"]
    assert shown(server, {"server": "online"}) == "online"


def test_a_printer_without_print_stats_is_ready():
    assert home_state({"webhooks": {"state": "ready"}}, ())["state"] == "ready"


def test_printing():
    document = everything()["homeassistant/binary_sensor/mrk_1/printing/config"]
    assert shown(document, home_state(STATUS, ())) == "ON"
    paused = {**STATUS, "print_stats": {"state": "paused"}}
    assert shown(document, home_state(paused, ())) == "OFF"


def test_state_of_a_printer_that_says_nothing_or_junk():
    assert home_state({}, ["extruder"])["temperatures"] == {"extruder": {"temperature": None}}
    junk = {
        "webhooks": {"state": "shutdown"},
        "virtual_sdcard": {"progress": "x"},
        "print_stats": {"state": 7, "print_duration": True},
    }
    state = home_state(junk, ())
    assert (state["state"], state["progress"], state["print_duration"]) == ("shutdown", None, None)


@pytest.mark.parametrize(("progress", "left"), [(0.0, None), (0.009, None), (0.5, 100), (1.0, 0)])
def test_time_left(progress, left):
    status = {**STATUS, "virtual_sdcard": {"progress": progress}}
    status["print_stats"] = {"state": "printing", "print_duration": 100.0}
    assert home_state(status, ())["time_left"] == left


def test_time_left_is_the_plans_where_there_is_one():
    status = {**STATUS, "virtual_sdcard": {"progress": 0.5, "file_position": 700}}
    status["print_stats"] = {"state": "printing", "print_duration": 100.0, "filename": "a.gcode"}
    asked = []

    def planned(filename, position):
        asked.append((filename, position))
        return 1234.9

    assert home_state(status, (), planned)["time_left"] == 1234
    assert asked == [("a.gcode", 700)]
    assert home_state(status, (), lambda *_: None)["time_left"] == 100
    status["print_stats"]["state"] = "complete"
    assert home_state(status, (), planned)["time_left"] is None


def test_time_left_is_unknown_while_the_printer_heats_up():
    status = {**STATUS, "virtual_sdcard": {"progress": 0.02}}
    status["print_stats"] = {"state": "printing", "print_duration": 0.0}
    assert home_state(status, ())["time_left"] is None


def test_a_null_is_no_target():
    status = {"temperature_sensor host": {"temperature": 40.0, "target": None}}
    shown = home_state(status, ["temperature_sensor host"])["temperatures"]
    assert shown == {"temperature_sensor host": {"temperature": 40.0}}


def test_names_that_look_alike_are_told_apart():
    documents = announced(sensors=("temperature_fan a b", "temperature_fan a_b"))
    assert "homeassistant/sensor/mrk_1/temperature_temperature_fan_a_b/config" in documents
    assert "homeassistant/sensor/mrk_1/temperature_temperature_fan_a_b_2/config" in documents


def test_temperatures_are_listed_once_and_bounded():
    heaters = {"available_heaters": ["a", "b"], "available_sensors": ["b", "c", 7]}
    assert temperature_objects(heaters) == ["a", "b", "c"]
    assert temperature_objects({"available_sensors": "x"}) == []
    many = {"available_sensors": [f"s{n}" for n in range(200)]}
    assert len(temperature_objects(many)) == MOST_SENSORS
