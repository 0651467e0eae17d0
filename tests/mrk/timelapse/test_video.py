from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.timelapse.settings import LapseSettings
from mrk.timelapse.video import (
    frame_rate,
    frames_done,
    free_name,
    percent,
    picture_filter,
    preview_arguments,
    video_arguments,
    video_name,
)

WHEN = datetime(2026, 8, 1, 13, 5)


@pytest.mark.parametrize(
    ("frames", "rate"), [(0, 5), (49, 5), (60, 6), (125, 12), (600, 60), (9000, 60)]
)
def test_a_variable_rate_makes_the_wanted_length(frames, rate):
    assert frame_rate(LapseSettings(variable_fps=True), frames) == rate


def test_a_fixed_rate_and_bounds_the_wrong_way_round():
    assert frame_rate(LapseSettings(), 1000) == 30
    wrong = LapseSettings(variable_fps=True, variable_fps_min=50, variable_fps_max=10)
    assert frame_rate(wrong, 1000) == 50


@pytest.mark.parametrize(
    ("rotation", "flip_x", "flip_y", "expected"),
    [
        (0, False, False, None),
        (0, True, False, "hflip"),
        (0, True, True, "hflip,vflip"),
        (90, False, False, "transpose=1"),
        (90, True, False, "transpose=1,hflip"),
        (180, False, False, "hflip,vflip"),
        (270, False, True, "transpose=2,vflip"),
        (45, False, False, "rotate=45*PI/180"),
    ],
)
def test_turned_and_flipped(rotation, flip_x, flip_y, expected):
    settings = LapseSettings(rotation=rotation, flip_x=flip_x, flip_y=flip_y)
    assert picture_filter(settings) == expected
    preview = preview_arguments(settings, "frame000001.jpg", "x.jpg")
    assert (preview is None) == (expected is None)


def test_extra_arguments_come_after_ours_and_a_quote_is_no_matter():
    settings = LapseSettings(extraoutputparams="-preset fast -metadata title=\"it is 'mine'\"")
    arguments = video_arguments(settings, 10, "out.mp4")
    assert arguments[arguments.index("-preset", arguments.index("-an")) + 1] == "fast"
    assert "title=it is 'mine'" in arguments
    assert arguments[-2:] == ["out.mp4", "-y"]


@pytest.mark.parametrize(
    ("printed", "code", "expected"),
    [
        ("part.gcode", "%Y%m%d_%H%M", "timelapse_part.gcode_20260801_1305"),
        ("folder/it's.gcode", "%Y", "timelapse_it's.gcode_2026"),
        ("", "%Y", "timelapse_print_2026"),
        ("a", "../%Y/\n", "timelapse_a_..-2026-"),
    ],
)
def test_names(printed, code, expected):
    assert video_name(printed, code, WHEN) == expected


@given(st.text(max_size=300), st.text(max_size=200))
def test_every_name_is_one_file_of_a_folder(printed, code):
    name = video_name(printed, code, WHEN)
    assert "/" not in name
    assert "\0" not in name
    assert len((free_name(name, [name + ".mp4"]) + "_frames.zip").encode()) <= 255


def test_a_name_that_is_taken_gets_a_number():
    assert free_name("a", ["b.mp4"]) == "a"
    assert free_name("a", ["a.jpg"]) == "a_2"
    assert free_name("a", ["a.mp4", "a_2.mp4", "a_3.jpg"]) == "a_4"


def test_progress():
    assert frames_done(b"frame=12") == 12
    assert frames_done(b"frame= 7\r") == 7
    others = (b"fps=3", b"frame=", b"frame=x", b"frame=" + b"9" * 99)
    assert [frames_done(line) for line in others] == [None] * 4
    assert percent(5, 10) == 50
    assert percent(11, 10) == 100
    assert percent(1, 0) == 100
