"""What each HTTP device is asked, byte for byte, and what of its answers counts."""

import pytest

from mrk.power.dialects import (
    Domoticz,
    Homeassistant,
    Homeseer,
    Hue,
    Loxone,
    Smartthings,
    Tasmota,
)
from mrk.power.http_exchange import basic, decoded, member, on_or_off
from mrk.power.shelly import ShellyOne, ShellyTwo, generation
from mrk.power.states import DriverFailed, PowerState

ON, OFF = PowerState.ON, PowerState.OFF

TASMOTA = Tasmota("u", "p w", 1)
TIMED = Tasmota("u", "p", 2, delay_s=5)
HOME_ASSISTANT = Homeassistant("TOK", "switch.x", "switch")
LIGHT, GROUP = Hue("key", "3"), Hue("key", "3", is_group=True)
SEER = Homeseer("U", "P", 42)


@pytest.mark.parametrize(
    ("ask", "verb", "target", "body"),
    [
        (TASMOTA.status(), "GET", "/cm?user=u&password=p%20w&cmnd=Power1", None),
        (TASMOTA.switch(True), "GET", "/cm?user=u&password=p%20w&cmnd=Power1%20on", None),
        (TASMOTA.switch(False), "GET", "/cm?user=u&password=p%20w&cmnd=Power1%20off", None),
        (
            TIMED.switch(False),
            "GET",
            "/cm?user=u&password=p&cmnd=Backlog%20Delay%2050%3B%20Power2%20off",
            None,
        ),
        (TIMED.switch(True), "GET", "/cm?user=u&password=p&cmnd=Power2%20on", None),
        (ShellyOne(0).status(), "GET", "/relay/0", None),
        (ShellyOne(1).switch(True), "GET", "/relay/1?turn=on", None),
        (ShellyOne(1).switch(False), "GET", "/relay/1?turn=off", None),
        (ShellyOne(0, 5).switch(False), "GET", "/relay/0?turn=on&timer=5", None),
        (ShellyOne(0, 5).switch(True), "GET", "/relay/0?turn=on", None),
        (ShellyTwo(0).status(), "GET", "/rpc/Switch.GetStatus?id=0", None),
        (ShellyTwo(0).switch(False), "GET", "/rpc/Switch.Set?id=0&on=false", None),
        (ShellyTwo(1, 5).switch(True), "GET", "/rpc/Switch.Set?id=1&on=true", None),
        (ShellyTwo(1, 5).switch(False), "GET", "/rpc/Switch.Set?id=1&on=true&toggle_after=5", None),
        (SEER.status(), "GET", "/JSON?user=U&pass=P&request=getstatus&ref=42", None),
        (
            SEER.switch(True),
            "GET",
            "/JSON?user=U&pass=P&request=controldevicebylabel&ref=42&label=On",
            None,
        ),
        (
            SEER.switch(False),
            "GET",
            "/JSON?user=U&pass=P&request=controldevicebylabel&ref=42&label=Off",
            None,
        ),
        (HOME_ASSISTANT.status(), "GET", "/api/states/switch.x", None),
        (
            HOME_ASSISTANT.switch(True),
            "POST",
            "/api/services/switch/turn_on",
            b'{"entity_id":"switch.x"}',
        ),
        (
            Homeassistant("T", "light.x/y", "light").switch(False),
            "POST",
            "/api/services/light/turn_off",
            b'{"entity_id":"light.x/y"}',
        ),
        (Loxone("My Lamp").status(), "GET", "/jdev/sps/io/My%20Lamp", None),
        (Loxone("a/b").switch(False), "GET", "/jdev/sps/io/a%2Fb/off", None),
        (Loxone("a").switch(True), "GET", "/jdev/sps/io/a/on", None),
        (
            Smartthings("T", "d1").status(),
            "GET",
            "/v1/devices/d1/components/main/capabilities/switch/status",
            None,
        ),
        (
            Smartthings("T", "d1").switch(True),
            "POST",
            "/v1/devices/d1/commands",
            b'[{"component":"main","capability":"switch","command":"on"}]',
        ),
        (
            Smartthings("T", "d1").switch(False),
            "POST",
            "/v1/devices/d1/commands",
            b'[{"component":"main","capability":"switch","command":"off"}]',
        ),
        (LIGHT.status(), "GET", "/api/key/lights/3", None),
        (LIGHT.switch(True), "PUT", "/api/key/lights/3/state", b'{"on":true}'),
        (LIGHT.switch(False), "PUT", "/api/key/lights/3/state", b'{"on":false}'),
        (GROUP.status(), "GET", "/api/key/groups/3", None),
        (GROUP.switch(False), "PUT", "/api/key/groups/3/action", b'{"on":false}'),
        (Domoticz(9).status(), "GET", "/json.htm?type=command&param=getdevices&rid=9", None),
        (
            Domoticz(9).switch(True),
            "GET",
            "/json.htm?type=command&param=switchlight&idx=9&switchcmd=On",
            None,
        ),
        (
            Domoticz(9).switch(False),
            "GET",
            "/json.htm?type=command&param=switchlight&idx=9&switchcmd=Off",
            None,
        ),
    ],
)
def test_what_is_asked(ask, verb, target, body):
    assert (ask.verb, ask.target, ask.body) == (verb, target, body)


def test_headers():
    assert HOME_ASSISTANT.status().headers == {"Authorization": "Bearer TOK"}
    assert Smartthings("T", "d").status().headers == {"Authorization": "Bearer T"}
    assert basic("u", "pä:") == {"Authorization": "Basic dTpww6Q6"}
    assert basic("u", "") == basic("", "p") == {}
    switch = HOME_ASSISTANT.switch(True).headers
    assert switch == {"Authorization": "Bearer TOK", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("dialect", "answer", "state"),
    [
        (TASMOTA, {"POWER": "ON"}, ON),
        (TASMOTA, {"POWER1": "off"}, OFF),
        (TIMED, {"POWER2": "ON"}, ON),
        (ShellyOne(0), {"ison": True}, ON),
        (ShellyOne(0, 5), {"ison": True, "timer_remaining": 3}, OFF),
        (ShellyOne(0, 5), {"ison": True, "timer_remaining": 0}, ON),
        (ShellyOne(0), {"ison": True, "timer_remaining": 3}, ON),
        (ShellyTwo(0), {"output": False}, OFF),
        (ShellyTwo(0), {"output": True, "timer_started_at": 1.0}, ON),
        (ShellyTwo(0, 5), {"output": True}, ON),
        (ShellyTwo(0, 5), {"output": True, "timer_started_at": 1.0, "timer_duration": 5}, OFF),
        (SEER, {"Devices": [{"status": "On"}]}, ON),
        (HOME_ASSISTANT, {"state": "off"}, OFF),
        (Loxone("x"), {"LL": {"value": "1"}}, ON),
        (Loxone("x"), {"LL": {"value": 0}}, OFF),
        (Smartthings("t", "d"), {"switch": {"value": "on"}}, ON),
        (LIGHT, {"state": {"on": True}}, ON),
        (GROUP, {"state": {"all_on": False, "any_on": True}}, OFF),
        (Domoticz(1), {"result": [{"Status": "Off"}]}, OFF),
    ],
)
def test_states(dialect, answer, state):
    assert dialect.read_status(answer) is state


@pytest.mark.parametrize(
    ("dialect", "on", "answer", "state"),
    [
        (TASMOTA, True, {"POWER": "ON"}, ON),
        (TASMOTA, False, {"POWER": "ON"}, ON),
        (TIMED, True, {"POWER2": "ON"}, ON),
        (TIMED, False, {}, OFF),
        (ShellyTwo(0), True, {"was_on": False}, ON),
        (ShellyTwo(0, 5), False, {"was_on": True}, OFF),
        (SEER, False, {}, OFF),
        (HOME_ASSISTANT, True, [], None),
        (Loxone("x"), True, {"LL": {"value": "1"}}, ON),
        (Smartthings("t", "d"), True, {"results": [{"status": "ACCEPTED"}]}, ON),
        (LIGHT, True, [{"success": {"/lights/3/state/on": True}}], ON),
        (GROUP, False, [{"success": {"/groups/3/action/on": False}}], OFF),
        (Domoticz(1), True, {"status": "OK"}, ON),
    ],
)
def test_answers_to_a_switch(dialect, on, answer, state):
    assert dialect.read_switch(on, answer) is state


@pytest.mark.parametrize(
    ("dialect", "answer", "reason"),
    [
        (ShellyOne(0, 5), [], "no ison"),
        (ShellyTwo(0, 5), [], "no output"),
        (TASMOTA, {"Command": "Unknown"}, "its answer has no POWER"),
        (TASMOTA, [], "its answer has no POWER1"),
        (TIMED, {"POWER": "ON"}, "its answer has no POWER2"),
        (HOME_ASSISTANT, {"state": "unavailable"}, "the state of switch.x is 'unavailable'"),
        (SEER, {"Devices": []}, "its answer has no Devices.0"),
        (LIGHT, [{"error": {"description": "unauthorized user"}}], "unauthorized user"),
        (GROUP, {"state": {}}, "no state.all_on"),
        *((LIGHT, answer, "its answer has no state") for answer in ([], [1], [None], ["error"])),
        (Loxone("x"), None, "no LL"),
    ],
)
def test_answers_that_are_none(dialect, answer, reason):
    with pytest.raises(DriverFailed, match=reason):
        dialect.read_status(answer)


def test_refused_commands():
    with pytest.raises(DriverFailed, match="FAILED"):
        Smartthings("t", "d").read_switch(True, {"results": [{"status": "FAILED"}]})
    with pytest.raises(DriverFailed, match="the bridge says: not here"):
        GROUP.read_switch(True, [{"error": {"description": "not here"}}])
    with pytest.raises(DriverFailed, match=r"no 0\.success"):
        LIGHT.read_switch(True, [{}])
    with pytest.raises(DriverFailed, match="Domoticz says"):
        Domoticz(1).read_switch(True, {"status": "ERR"})


def test_generations_of_shelly():
    assert generation({"type": "SHSW-1", "auth": False}) == 1
    assert generation({"id": "shellyplus1", "gen": 2, "auth_en": True}) == 2
    assert generation({"gen": 4}) == 4
    for other in ({"hello": 1}, [], None, {"gen": "2"}):
        with pytest.raises(DriverFailed, match="no type"):
            generation(other)
    with pytest.raises(DriverFailed, match="no was_on"):
        ShellyTwo(0).read_switch(True, {"code": -103})


@pytest.mark.parametrize(
    ("body", "whole", "reason"),
    [
        (b"<html>", True, "its answer is not JSON"),
        (b'{"a": ', True, "its answer is not JSON"),
        (b"", True, "its answer is not JSON"),
        (b"\xff\xfe", True, "its answer is not JSON"),
        (b"[" * 10_000, True, "its answer is not JSON"),
        (b"{}", False, "longer than 256 KiB"),
    ],
)
def test_bodies_that_are_none(body, whole, reason):
    with pytest.raises(DriverFailed, match=reason):
        decoded(body, whole=whole)


def test_members():
    assert member({"a": [{"b": 1}]}, "a", 0, "b") == 1
    for value in (None, 1, "abc", [1], {"a": {}}):
        with pytest.raises(DriverFailed, match="its answer has no a"):
            member(value, "a", "b")


@pytest.mark.parametrize("value", [None, "", "maybe", 2, {}])
def test_values_that_are_no_state(value):
    with pytest.raises(DriverFailed, match="expected on or off"):
        on_or_off(value, "it")
