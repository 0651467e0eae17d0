import math

import pytest

from mrk.errors import ClientError
from mrk.timelapse.settings import (
    BOUNDS,
    DEFAULTS,
    NAMES,
    LapseSettings,
    checked,
    hyperlapse_command,
    merged,
    setup_command,
    usable,
)


def test_the_file_wins_over_the_database_and_that_over_defaults():
    settings = merged({"output_framerate": 10, "mode": "hyperlapse"}, {"output_framerate": 20})
    assert (settings.output_framerate, settings.mode, settings.targetlength) == (
        20,
        "hyperlapse",
        10,
    )


def test_every_number_has_bounds_that_hold_its_default():
    numbers = {name for name in NAMES if type(getattr(DEFAULTS, name)) in (int, float)}
    assert numbers == set(BOUNDS)
    for name in numbers:
        assert checked(name, getattr(DEFAULTS, name)) == getattr(DEFAULTS, name)


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_numbers_at_and_past_their_bounds(name):
    low, high = BOUNDS[name]
    assert checked(name, str(low)) == low
    assert checked(name, high) == high
    for beyond in (low - 1, high + 1):
        with pytest.raises(ClientError, match=f"'{name}'.*expected"):
            checked(name, beyond)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("park_time", math.nan),
        ("park_time", "inf"),
        ("enabled", "maybe"),
        ("mode", "sometimes"),
        ("parkpos", "on the moon"),
        ("output_framerate", "many"),
        ("output_framerate", None),
        ("pixelformat", "yuv420p,hflip"),
        ("extraoutputparams", "-metadata 'title"),
        ("time_format_code", "%Y\n"),
        ("camera", "x" * 1001),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name, value):
    with pytest.raises(ClientError, match=f"'{name}'.* expected"):
        checked(name, value)


def test_of_a_database_record_the_good_settings_are_used():
    found, wrong = usable({"mode": "hyperlapse", "targetlength": "x", "snapshoturl": "a", "z": 1})
    assert found == {"mode": "hyperlapse"}
    assert len(wrong) == 1
    assert "targetlength" in wrong[0]
    assert usable(["no object"]) == ({}, [])


def test_the_macros_are_told_as_python_writes_values():
    settings = LapseSettings(parkhead=True, parkpos="custom", park_custom_pos_x=1.5)
    command = setup_command(settings)
    assert command.startswith("_SET_TIMELAPSE_SETUP ENABLE=True VERBOSE=False PARK_ENABLE=True")
    assert "PARK_POS=custom" in command
    assert "CUSTOM_POS_X=1.5" in command
    assert command.endswith("FW_RETRACT=False")


def test_frames_by_time_must_not_come_faster_than_the_head_moves():
    assert hyperlapse_command(LapseSettings(hyperlapse_cycle=5, park_time=4.0)) is not None
    assert hyperlapse_command(LapseSettings(hyperlapse_cycle=5, park_time=4.1)) is None
