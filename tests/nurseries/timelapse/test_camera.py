import pytest

from mrk.http.client import Fetched
from mrk.timelapse.cameras import CameraChoice
from nurseries.timelapse.camera import CameraFailed, FrameCamera
from nurseries.timelapse.ffmpeg import Ffmpeg
from tests.fakes.http_get import FakeHttp

URL = "http://127.0.0.1/snapshot"
JPEG = b"\xff\xd8picture\xff\xd9"


def camera_with(http, tmp_path):
    return FrameCamera(http, Ffmpeg(tmp_path / "no-ffmpeg"), tmp_path, any_certificate=False)


async def test_a_picture(tmp_path):
    http = FakeHttp()
    http.put(URL, JPEG)
    assert await camera_with(http, tmp_path).take(CameraChoice("a", URL)) == JPEG


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Fetched(404, {}, b"no", True), "answered with 404"),
        (Fetched(200, {}, JPEG[:-2], True), "not all of one"),
        (Fetched(200, {}, b"<html>", True), "no JPEG"),
        (Fetched(200, {}, b"x" * (17 << 20), True), "larger than 16 MiB"),
        (None, "within 3 s"),
    ],
)
async def test_what_is_no_picture_says_why(tmp_path, autojump_clock, answer, said):
    http = FakeHttp()
    http.answers[URL] = answer
    with pytest.raises(CameraFailed, match=said):
        await camera_with(http, tmp_path).take(CameraChoice("a", URL))


async def test_a_camera_that_is_away(tmp_path):
    with pytest.raises(CameraFailed, match="no route"):
        await camera_with(FakeHttp(), tmp_path).take(CameraChoice("a", URL))


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        (CameraChoice("", ""), "there is no camera"),
        (CameraChoice("a", "file:///etc/passwd"), "http:// or https://"),
    ],
)
async def test_addresses_that_are_none(tmp_path, camera, said):
    with pytest.raises(CameraFailed, match=said):
        await camera_with(FakeHttp(), tmp_path).take(camera)


async def test_a_stream_needs_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CameraFailed, match="there is no ffmpeg"):
        await camera_with(FakeHttp(), tmp_path).take(CameraChoice("a", "", "rtsp://x/"))
