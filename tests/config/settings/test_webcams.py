"""[webcam NAME]: defaults, bounds at their edges, names."""

import pytest

from config.settings.webcams import WebcamSettings


def one(read, option):
    return read(f"[webcam bed]\nstream_url: /x\n{option}\n").settings.webcams[0]


def test_defaults_and_names(read):
    loaded = read("[webcam bed]\nstream_url: /x\n[webcam  on the nozzle]\nstream_url: /y\n")
    assert loaded.settings.webcams == (
        WebcamSettings(name="bed", stream_url="/x"),
        WebcamSettings(name="on the nozzle", stream_url="/y"),
    )
    assert loaded.warnings == []
    assert loaded.config["webcam bed"]["target_fps"] == 15


def test_none_by_default(read):
    assert read("").settings.webcams == ()


def test_the_later_of_two_sections_for_one_camera(read):
    loaded = read("[webcam bed]\nstream_url: /x\n[webcam  bed]\nstream_url: /y\n")
    assert loaded.settings.webcams == (WebcamSettings(name="bed", stream_url="/y"),)


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        *((f"rotation: {turn}", "rotation", turn) for turn in (0, 90, 180, 270)),
        ("aspect_ratio: 16:9", "aspect_ratio", "16:9"),
        ("target_fps: 0", "target_fps", 0),
        ("target_fps_idle: 1000000", "target_fps_idle", 1_000_000),
        ("enabled: no", "enabled", False),
        ("snapshot_url: http://cam.lan/x#y", "snapshot_url", "http://cam.lan/x#y"),
    ],
)
def test_good_values(read, option, field, value):
    assert getattr(one(read, option), field) == value


@pytest.mark.parametrize(
    "option",
    [
        "rotation: 45",
        "rotation: 360",
        "aspect_ratio: wide",
        "aspect_ratio: 16:9:1",
        "target_fps: -1",
        "target_fps_idle: 1000001",
        "flip_vertical: perhaps",
    ],
)
def test_a_camera_with_a_mistake_is_left_out(read, option):
    loaded = read(f"[webcam bed]\nstream_url: /x\n{option}\n[webcam lid]\nstream_url: /y\n")
    assert [webcam.name for webcam in loaded.settings.webcams] == ["lid"]
    (warning,) = loaded.warnings
    assert warning.startswith(f"x.conf: [webcam bed] {option.partition(':')[0]}: ")
    assert warning.endswith("[webcam bed] is not used until that is mended.")


def test_a_camera_needs_a_stream(read):
    (warning,) = read("[webcam bed]\ntarget_fps: 1\n").warnings
    assert '"stream_url: /webcam/?action=stream"' in warning


def test_a_section_without_a_name_is_no_camera(read):
    loaded = read("[webcam]\n")
    assert (loaded.warnings, loaded.settings.webcams) == ([], ())
