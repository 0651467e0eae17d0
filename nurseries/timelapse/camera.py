"""Fetches one picture from a camera: its snapshot, or with ffmpeg one of its stream.

Owns no task; each attempt has a limit, so that a camera that is away costs a frame, and
nothing else.
"""

from pathlib import Path

import trio

from mrk.errors import MrkError
from mrk.http.client import FetchFailed, HttpGet
from mrk.timelapse.cameras import CameraChoice
from mrk.timelapse.frames import is_jpeg
from mrk.timelapse.video import stream_arguments
from nurseries.timelapse.ffmpeg import Ffmpeg, FfmpegMissing

SNAPSHOT_S = 3.0
# A stream has to be opened, and may begin with the next key frame only.
STREAM_S = 10.0
MOST_FRAME_BYTES = 16 * 1024 * 1024
_PICTURE = ".stream.jpg"


class CameraFailed(MrkError):
    """There is no picture; says why."""


class FrameCamera:
    """`folder` takes a picture for a moment. `any_certificate`: https is not verified."""

    def __init__(
        self, http: HttpGet, ffmpeg: Ffmpeg, folder: Path, *, any_certificate: bool
    ) -> None:
        self._http = http
        self._ffmpeg = ffmpeg
        self._picture = folder / _PICTURE
        self._any_certificate = any_certificate

    async def take(self, camera: CameraChoice) -> bytes:
        """A whole JPEG; raises `CameraFailed`."""
        if camera.snapshot_url:
            data = await self._snapshot(camera.snapshot_url)
        elif camera.stream_url:
            data = await self._of_stream(camera.stream_url)
        else:
            raise CameraFailed("there is no camera: add a webcam, or write snapshoturl")
        if not is_jpeg(data):
            raise CameraFailed("the camera gave no JPEG picture, or not all of one")
        return data

    async def _snapshot(self, url: str) -> bytes:
        if not url.lower().startswith(("http://", "https://")):
            raise CameraFailed("a snapshot needs an address with http:// or https://")
        local = self._any_certificate or url.lower().startswith("http://")
        try:
            with trio.fail_after(SNAPSHOT_S):
                got = await self._http.get(url, most_bytes=MOST_FRAME_BYTES, local=local)
        except trio.TooSlowError:
            raise CameraFailed(f"no picture within {SNAPSHOT_S:g} s") from None
        except FetchFailed as exc:
            raise CameraFailed(str(exc)) from exc
        if got.status != 200:
            raise CameraFailed(f"the camera answered with {got.status}")
        if not got.whole:
            raise CameraFailed(f"the picture is larger than {MOST_FRAME_BYTES >> 20} MiB")
        return got.body

    async def _of_stream(self, url: str) -> bytes:
        try:
            with trio.fail_after(STREAM_S):
                arguments = stream_arguments(url, self._picture.name)
                end = await self._ffmpeg.run(arguments, self._picture.parent)
            if end.status != 0:
                raise CameraFailed(f"no picture from the stream: {end.said}")
            return await trio.to_thread.run_sync(_take_file, self._picture)
        except trio.TooSlowError:
            raise CameraFailed(f"no picture from the stream within {STREAM_S:g} s") from None
        except (FfmpegMissing, OSError) as exc:
            raise CameraFailed(str(exc)) from exc


def _take_file(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MOST_FRAME_BYTES)
    path.unlink(missing_ok=True)
    return data
