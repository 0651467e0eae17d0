"""[webcam_proxy]: nothing without the section, the usual cameras, own ones, and mistakes."""

import pytest

from config.settings.webcam_proxy import CameraTarget, camera_target


def settings(read, text):
    return read(f"[webcam_proxy]\n{text}").settings.webcam_proxy


def test_without_the_section_nothing_is_passed_on(read):
    assert read("").settings.webcam_proxy is None


def test_the_usual_cameras(read):
    found = settings(read, "")
    assert {one.name: one.target.port for one in found.cameras} == {
        "webcam": 8080, "webcam2": 8081, "webcam3": 8082, "webcam4": 8083,
    }  # fmt: skip
    assert {one.target.host for one in found.cameras} == {"127.0.0.1"}
    assert (found.viewers, found.viewers_per_address, found.frame_bytes) == (20, 10, 4194304)


def test_cameras_of_ones_own(read):
    text = (
        "cameras:\n  bed 8085\n  far http://cam.lan/a/b\n  six http://[::1]:80/\nmax_viewers: 3\n"
    )
    found = settings(read, text + "max_viewers_per_address: 2\nmax_frame_size: 64\n")
    assert [(one.name, one.target) for one in found.cameras] == [
        ("bed", CameraTarget("127.0.0.1", 8085)),
        ("far", CameraTarget("cam.lan", 80, "/a/b/")),
        ("six", CameraTarget("::1", 80)),
    ]
    assert (found.viewers, found.viewers_per_address, found.frame_bytes) == (3, 2, 65536)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("server 8080", '"server" cannot be a path'),
        ("WebCams 8080", '"WebCams" cannot be a path'),
        ("../x 8080", '"../x" cannot be a path'),
        ("a", '"" is not an address'),
        ("a 0", "0 is not a port"),
        ("a 70000", '"http://127.0.0.1:70000/" is not an address'),
        ("a https://h/", '"https://h/" is not an address'),
        ("a http://me:pw@h/", "an address with a user or a fragment cannot be passed on"),
        ("a http://me@h/", "an address with a user or a fragment cannot be passed on"),
        ("a http://h/#x", "an address with a user or a fragment cannot be passed on"),
        ("a http:///x", '"http:///x" is not an address'),
        ("a http://h$/", '"http://h$/" is not an address'),
        ("a http://h/?x=1", "has a query"),
        ("a http://h/?\x7f", "has characters that an address cannot have"),
        ("a http://h/\x7f", "has characters that an address cannot have"),
        ("a 1\n  a 2", '"a" is there twice'),
    ],
)
def test_mistakes(failed, line, reason):
    assert reason in failed("webcam_proxy", f"[webcam_proxy]\ncameras:\n  {line}\n")


@pytest.mark.parametrize(
    ("option", "field", "low", "high", "unit"),
    [
        ("max_viewers", "viewers", 1, 1000, 1),
        ("max_viewers_per_address", "viewers_per_address", 1, 1000, 1),
        ("max_frame_size", "frame_bytes", 64, 65536, 1024),
    ],
)
def test_bounds(read, option, field, low, high, unit):
    for written, used in ((low - 1, low), (low, low), (high, high), (high + 1, high)):
        loaded = read(f"[webcam_proxy]\n{option}: {written}\n")
        assert getattr(loaded.settings.webcam_proxy, field) == used * unit
        assert bool(loaded.warnings) is (written != used)


def test_as_many_as_may_be(read):
    lines = "".join(f"  c{number}   {8000 + number}\n" for number in range(20))
    found = settings(read, f"cameras:\n{lines}")
    assert [one.target.port for one in found.cameras] == list(range(8000, 8020))


def test_how_a_target_is_written():
    assert CameraTarget("cam.lan", 80, "/x").url == "http://cam.lan/x"
    assert CameraTarget("cam.lan", 81, "/x", "a=b").url == "http://cam.lan:81/x"
    assert CameraTarget("fe80::1", 80).url == "http://[fe80::1]/"


def test_too_many(failed):
    lines = "".join(f"  c{number} {8000 + number}\n" for number in range(21))
    text = failed("webcam_proxy", f"[webcam_proxy]\ncameras:\n{lines}")
    assert "21 cameras (at most 20)" in text


def test_an_address_of_a_webcam_may_have_a_query():
    assert camera_target("http://127.0.0.1:8080/?action=stream") == CameraTarget(
        "127.0.0.1", 8080, "/", "action=stream"
    )
