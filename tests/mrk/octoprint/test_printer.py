"""OctoPrint's words for Klipper's states, and temperatures of heaters that forks may have."""

import pytest

from mrk.octoprint.printer import heater_name, printer_state, state_text, temperatures


@pytest.mark.parametrize(
    ("klippy_state", "job_state", "text"),
    [
        ("disconnected", "printing", "Offline"),
        ("startup", "standby", "Offline"),
        ("shutdown", "printing", "Error"),
        ("error", "standby", "Error"),
        ("a fork's own", "standby", "Error"),
        ("ready", "standby", "Operational"),
        ("ready", "complete", "Operational"),
        ("ready", "printing", "Printing"),
        ("ready", "paused", "Paused"),
        ("ready", "cancelled", "Error"),
        ("ready", "error", "Error"),
        ("ready", "a fork's own", "Error"),
        ("ready", ["not", "text"], "Error"),
    ],
)
def test_states(klippy_state, job_state, text):
    assert state_text(klippy_state, {"state": job_state}) == text


def test_a_ready_printer_that_has_not_told_of_jobs():
    assert state_text("ready", {}) == "Operational"


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("Offline", {"closed_or_error"}),
        ("Error", {"error", "closed_or_error"}),
        ("Operational", {"operational", "ready"}),
        ("Printing", {"operational", "printing"}),
        ("Paused", {"operational", "paused"}),
    ],
)
def test_flags(text, raised):
    flags = printer_state(text).flags
    assert {name for name in flags.__struct_fields__ if getattr(flags, name)} == raised


@pytest.mark.parametrize(
    ("heater", "name"),
    [
        ("extruder", "tool0"),
        ("extruder1", "tool1"),
        ("extruder12", "tool12"),
        ("heater_bed", "bed"),
        ("heater_generic chamber", None),
        ("extruder_stepper x", None),
        ("extruder1 x", None),
        ("extruder\u0663", None),
    ],
)
def test_names(heater, name):
    assert heater_name(heater) == name


@pytest.mark.parametrize("value", [None, "warm", True, float("nan"), float("inf"), []])
def test_what_is_no_temperature_is_zero(value):
    found = temperatures(["extruder"], lambda _name: {"temperature": value, "target": value})
    assert (found["tool0"].actual, found["tool0"].target) == (0.0, 0.0)


def test_temperatures_are_rounded():
    fields = {"temperature": 21.8749, "target": 60}
    found = temperatures(["heater_bed", "heater_generic x"], lambda _name: fields)
    assert list(found) == ["bed"]
    assert (found["bed"].actual, found["bed"].target) == (21.87, 60.0)
