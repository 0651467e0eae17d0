"""Limits out of Klipper's settings."""

import pytest

from mrk.estimate.klipper_settings import LimitsUnknown, limits_of
from mrk.estimate.printer_limits import PrinterLimits, Retraction, Slowdown

PRINTER = {"max_velocity": 300.0, "max_accel": 3000.0}


def test_klippers_defaults_fill_what_is_not_configured():
    limits = limits_of({"printer": PRINTER})
    assert limits == PrinterLimits(extruders=limits.extruders)
    assert limits.extruders[0].max_velocity == pytest.approx(79.825, abs=1e-3)
    assert limits.extruders[0].max_accel == pytest.approx(798.25, abs=1e-2)
    assert limits.arc_mm is None


def test_what_a_running_klipper_shows():
    limits = limits_of(
        {
            "printer": {
                **PRINTER,
                "kinematics": "corexz",
                "minimum_cruise_ratio": 0.0,
                "square_corner_velocity": 8.0,
                "max_z_velocity": 15.0,
                "max_z_accel": 100.0,
            },
            "extruder": {"nozzle_diameter": 0.6, "filament_diameter": 2.85},
            "extruder1": {"max_extrude_only_velocity": 50.0, "instantaneous_corner_velocity": 2.0},
            "extruder3": {},
            "gcode_arcs": {"resolution": 0.5},
            "firmware_retraction": {"retract_length": 0.8, "retract_speed": 35.0},
        }
    )
    assert (limits.minimum_cruise_ratio, limits.square_corner_velocity) == (0.0, 8.0)
    assert (limits.max_z_velocity, limits.max_z_accel, limits.arc_mm) == (15.0, 100.0, 0.5)
    assert limits.retraction == Retraction(0.8, 35.0, 0.0, 10.0)
    assert [one.instant_corner_velocity for one in limits.extruders] == [1.0, 2.0]
    assert limits.extruders[1].max_velocity == 50.0
    assert limits.fingerprint() != PrinterLimits().fingerprint()


def test_older_versions_say_max_accel_to_decel():
    assert limits_of({"printer": {**PRINTER, "max_accel_to_decel": 600}}).minimum_cruise_ratio == (
        pytest.approx(0.8)
    )


def test_single_kinematics():
    delta = limits_of(
        {
            "printer": {**PRINTER, "kinematics": "delta", "delta_radius": 174.75},
            "stepper_a": {"arm_length": 333.0, "rotation_distance": 40, "microsteps": 16},
        }
    )
    assert delta.slowdown is not None
    # Klipper logs: moves slowed past 141.17mm and 153.72mm.
    assert delta.slowdown.first**0.5 == pytest.approx(141.17, abs=0.05)
    assert delta.slowdown.second**0.5 == pytest.approx(153.72, abs=0.05)
    unclear = {"printer": {**PRINTER, "kinematics": "delta", "delta_radius": 174.75}}
    assert limits_of(unclear).slowdown is None
    polar = {"printer": {**PRINTER, "kinematics": "polar", "max_angular_velocity": 2.0}}
    assert limits_of(polar).slowdown == Slowdown("turn", 2.0)
    assert limits_of({"printer": {**PRINTER, "kinematics": "polar"}}).slowdown is None
    assert not limits_of({"printer": {**PRINTER, "kinematics": "rotary_delta"}}).z_ratio
    assert limits_of({"printer": {**PRINTER, "kinematics": "none"}}).max_z_velocity == 1e9
    side = {"arm_length": 240.0, "arm_x_length": 100.0}
    wide = limits_of(
        {
            "printer": {**PRINTER, "kinematics": "deltesian"},
            "stepper_left": side,
            "stepper_right": side,
        }
    )
    assert wide.slowdown is not None
    assert wide.slowdown.kind == "x"
    assert wide.slowdown.first < wide.slowdown.second


@pytest.mark.parametrize(
    ("printer", "reason"),
    [
        ({"max_velocity": 300}, "[printer] max_accel is missing"),
        ({**PRINTER, "max_velocity": None}, "[printer] max_velocity is missing"),
        ({**PRINTER, "max_accel": "nan"}, "max_accel: nan (a number from"),
        ({**PRINTER, "max_accel": [1]}, "max_accel: [1] (a number expected)"),
        ({**PRINTER, "minimum_cruise_ratio": 1}, "minimum_cruise_ratio: 1.0 (a number below 1"),
        ({**PRINTER, "square_corner_velocity": -1}, "square_corner_velocity: -1"),
    ],
)
def test_settings_that_no_plan_can_be_made_with_are_named(printer, reason):
    with pytest.raises(LimitsUnknown) as error:
        limits_of({"printer": printer})
    assert reason in str(error.value)
