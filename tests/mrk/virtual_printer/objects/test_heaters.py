"""Temperatures: inertia, control, waiting, limits."""

import pytest

AMBIENT_C = 22.0


def test_heating_takes_time_and_holds_the_target(bench):
    bench.script("M104 S200")
    bench.run(1.0)
    first = bench.status("extruder")
    assert AMBIENT_C < first["temperature"] < 40.0
    assert first["power"] == 1.0
    assert first["can_extrude"] is False
    bench.run(60.0)
    held = bench.status("extruder")
    assert held["temperature"] == pytest.approx(200.0, abs=0.5)
    assert 0.2 < held["power"] < 0.7
    assert held["can_extrude"] is True
    bench.script("TURN_OFF_HEATERS")
    bench.run(30.0)
    cooled = bench.status("extruder")
    assert (cooled["target"], cooled["power"]) == (0.0, 0.0)
    assert 60.0 < cooled["temperature"] < 150.0
    bench.run(600.0)
    assert bench.status("extruder")["temperature"] == pytest.approx(AMBIENT_C, abs=0.1)


def test_the_bed_is_switched_around_its_target(bench):
    bench.script("M140 S60")
    bench.run(30.0)
    seen = []
    for _ in range(60):
        bench.run(1.0)
        status = bench.status("heater_bed")
        assert status["power"] in (0.0, 1.0)
        seen.append(status["temperature"])
    assert 58.0 < min(seen) < max(seen) < 63.0


def test_m109_and_m190_wait_and_report_each_second(bench):
    bench.listen()
    began = bench.now
    bench.script("M190 S50")
    bed_s = bench.now - began
    assert bench.status("heater_bed")["temperature"] >= 48.5
    assert len(bench.said()) == pytest.approx(bed_s, abs=1.5)
    assert bench.said()[0] == "B:22.0 /50.0 T0:22.0 /0.0"
    bench.script("M109 S100")
    assert bench.status("extruder")["temperature"] == pytest.approx(100.0, abs=1.1)
    assert bench.script("M109 S0")["result"] == {}


def test_temperature_wait(bench):
    bench.script("SET_HEATER_TEMPERATURE HEATER=extruder TARGET=100")
    bench.script("TEMPERATURE_WAIT SENSOR=extruder MINIMUM=60")
    assert 60.0 <= bench.status("extruder")["temperature"] < 75.0
    bench.script("TURN_OFF_HEATERS\nTEMPERATURE_WAIT SENSOR=extruder MAXIMUM=50")
    assert bench.status("extruder")["temperature"] <= 50.0


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("M104 S300.1", "Requested temperature (300.1) out of range (0.0:300.0)"),
        ("M140 S131", "Requested temperature (131.0) out of range (0.0:130.0)"),
        ("M104 S-1", "Requested temperature (-1.0) out of range (0.0:300.0)"),
        ("SET_HEATER_TEMPERATURE HEATER=x", "The value 'x' is not valid for HEATER"),
        ("TEMPERATURE_WAIT SENSOR=extruder",
         "Error on 'TEMPERATURE_WAIT': missing MINIMUM or MAXIMUM temperature."),
    ],
)  # fmt: skip
def test_refusals(bench, script, message):
    assert bench.script(script)["error"]["message"] == message


@pytest.mark.parametrize("script", ["M104 S300", "M104 S0", "M140 S130"])
def test_the_edges_of_the_range(bench, script):
    assert bench.script(script)["result"] == {}


def test_the_hotend_fan_follows_the_heat(bench):
    assert bench.status("heater_fan hotend_fan")["speed"] == 0.0
    bench.script("M104 S100")
    assert bench.status("heater_fan hotend_fan")["speed"] == 1.0
    bench.run(30.0)
    bench.script("M104 S0")
    assert bench.status("heater_fan hotend_fan")["speed"] == 1.0
    bench.run(300.0)
    assert bench.status("heater_fan hotend_fan")["speed"] == 0.0


def test_heat_outlasts_a_restart(bench):
    bench.script("M109 S150")
    bench.script("RESTART")
    bench.run(0.1)
    bench.now += 2.0
    bench.begin()
    status = bench.status("extruder")
    assert status["target"] == 0.0
    assert status["temperature"] > 100.0


def test_idle_timeout_turns_everything_off(bench):
    bench.listen()
    bench.script("SET_IDLE_TIMEOUT TIMEOUT=60\nM140 S50\nG28")
    assert bench.status("idle_timeout")["state"] == "Printing"
    bench.run(5.0)
    assert bench.status("idle_timeout")["state"] == "Ready"
    bench.run(61.0)
    assert bench.status("idle_timeout")["state"] == "Idle"
    assert bench.status("heater_bed")["target"] == 0.0
    assert bench.status("toolhead")["homed_axes"] == ""
    bench.script("G28")
    assert bench.status("idle_timeout")["state"] == "Printing"
