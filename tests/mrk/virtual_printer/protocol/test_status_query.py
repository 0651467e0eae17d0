"""Subscriptions: one per connection, changed fields only, on the beat."""

import pytest

from mrk.virtual_printer.klippy import KlippySettings


def test_only_changed_fields_are_pushed(bench):
    first = bench.subscribe({"extruder": None, "fan": None, "no_such": None})
    assert set(first["result"]["status"]) == {"extruder", "fan", "no_such"}
    assert first["result"]["status"]["no_such"] == {}
    bench.run(1.0)
    assert bench.pushes() == []
    bench.script("M106 S255\nM400")
    bench.run(0.5)
    assert bench.pushes() == [{"fan": {"speed": 1.0}}]
    bench.script("M104 S50")
    bench.run(0.25)
    assert set(bench.pushes()[-1]["extruder"]) <= {"temperature", "target", "power"}


def test_a_new_subscription_replaces_the_old_one(bench):
    bench.subscribe({"fan": None})
    bench.subscribe({"output_pin relay": ["value"]})
    bench.script("M106 S255\nSET_PIN PIN=relay VALUE=1\nM400")
    bench.run(0.5)
    assert bench.pushes() == [{"output_pin relay": {"value": 1.0}}]
    bench.subscribe({})
    bench.heard.clear()
    bench.script("SET_PIN PIN=relay VALUE=0\nM400")
    bench.run(0.5)
    assert bench.pushes() == []


def test_each_connection_has_its_own(bench):
    other = bench.klippy.connect()
    bench.subscribe({"fan": ["speed"]})
    number = bench.send(
        "objects/subscribe",
        {"objects": {"fan": ["rpm"], "display_status": None}, "response_template": {"x": 1}},
        client=other,
    )
    bench.reply(number)
    bench.heard.clear()
    bench.script("M106 S255\nM117 hello\nM400")
    bench.run(0.5)
    mine = [m["params"]["status"] for c, m in bench.heard if c == bench.client and "params" in m]
    theirs = [m for c, m in bench.heard if c == other]
    assert mine == [{"fan": {"speed": 1.0}}]
    assert [(m["x"], m["params"]["status"]) for m in theirs] == [
        (1, {"display_status": {"message": "hello"}})
    ]
    bench.klippy.disconnect(other)
    bench.script("M117 nobody hears")
    bench.run(0.5)
    assert len([m for c, m in bench.heard if c == other]) == len(theirs)


def test_a_query_beside_a_subscription_waits_for_the_beat(bench):
    first = bench.subscribe({"toolhead": ["homed_axes"]})["result"]["eventtime"]
    times = [
        bench.call("objects/query", {"objects": {"fan": None}})["result"]["eventtime"]
        for _ in range(3)
    ]
    for at in times:
        beats = (at - first) / 0.25
        assert beats == pytest.approx(round(beats), abs=0.05)
        assert at > first


def test_the_beat_can_be_set(make_bench):
    bench = make_bench(KlippySettings(status_interval_s=0.1))
    bench.subscribe({"toolhead": ["estimated_print_time"]})
    bench.run(2.0)
    assert len(bench.pushes()) == pytest.approx(20, abs=1)


def test_fields_asked_for_twice_and_unknown_ones(bench):
    reply = bench.call("objects/query", {"objects": {"fan": ["speed", "speed", "x"], "y": ["z"]}})
    assert reply["result"]["status"] == {"fan": {"speed": 0.0, "x": None}, "y": {"z": None}}


@pytest.mark.parametrize("wanted", [{"fan": "speed"}, {"fan": [1]}, {"fan": {}}, {"fan": True}])
@pytest.mark.parametrize("method", ["objects/query", "objects/subscribe"])
def test_wrong_wishes(bench, method, wanted):
    error = bench.call(method, {"objects": wanted})["error"]
    assert error == {"error": "WebRequestError", "message": "Invalid argument"}


def test_output_goes_to_its_subscribers_only(bench):
    other = bench.klippy.connect()
    bench.listen()
    bench.script("RESPOND MSG=hello")
    assert bench.said() == ["echo: hello"]
    assert not [m for c, m in bench.heard if c == other]
