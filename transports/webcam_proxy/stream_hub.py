"""One stream of a camera and all who watch it: each gets the newest picture, none waits.

`run` is a task of the proxy's: begun for the first viewer, ended behind the last. It connects again
by itself, ever more rarely.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator

import trio

from config.settings.webcam_proxy import CameraTarget
from mrk.errors import MrkError
from mrk.log.throttle import LogThrottle
from mrk.webcams.mjpeg import BadMjpeg, MjpegSplitter, boundary_of
from transports.webcam_proxy.camera_connection import CameraAway, OpenCamera, asked

logger = logging.getLogger(__name__)

FIRST_RETRY_S = 0.5
LAST_RETRY_S = 10.0
BOUNDARY = "mrkpicture"
CONTENT_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
# Behind each picture, because browsers show it once they see the next boundary.
SEPARATOR = f"\r\n--{BOUNDARY}\r\n".encode()
OPENING = SEPARATOR[2:]


class NoStream(MrkError):
    """There is nothing to see; the text says why."""


class NotMjpeg(MrkError):
    """The camera answers with something else."""


class Viewer:
    """One who watches. The newest picture waits for it; one that it did not take is skipped."""

    __slots__ = ("_came", "_failure", "_part", "skipped")

    def __init__(self) -> None:
        self.skipped = 0
        self._part: bytes | None = None
        self._failure: MrkError | None = None
        self._came = trio.Event()

    def offer(self, part: bytes) -> None:
        """Have a picture sent, in the place of one that still waits."""
        if self._part is not None:
            self.skipped += 1
        self._part = part
        self._came.set()

    def fail(self, failure: MrkError) -> None:
        """There will be no more pictures."""
        if self._failure is None:
            self._failure = failure
        self._came.set()

    async def next(self) -> bytes:
        """The newest picture, framed, once there is one; raises `NoStream` and `NotMjpeg`."""
        while True:
            await self._came.wait()
            self._came = trio.Event()
            part, self._part = self._part, None
            if part is not None:
                return part
            if self._failure is not None:
                raise self._failure


class StreamHub:
    """`request` is what the camera is asked; `emptied` is called once, when it ends.

    `throttle` is that of all streams: a page that asks for a dead camera again and again makes a
    new one each time.
    """

    def __init__(
        self,
        open_camera: OpenCamera,
        target: CameraTarget,
        request: bytes,
        frame_bytes: int,
        emptied: Callable[["StreamHub"], None],
        throttle: LogThrottle,
    ) -> None:
        self.connected = False
        self.pictures = 0
        self.skipped = 0
        self._open_camera = open_camera
        self._target = target
        self._request = request
        self._frame_bytes = frame_bytes
        self._emptied = emptied
        self._viewers: set[Viewer] = set()
        self._new: set[Viewer] = set()  # without a picture yet
        self._closed = False
        self._scope = trio.CancelScope()
        self._throttle = throttle

    def __len__(self) -> int:
        return len(self._viewers)

    @contextlib.contextmanager
    def watched(self) -> Iterator[Viewer]:
        """Be a viewer while inside."""
        viewer = Viewer()
        self._viewers.add(viewer)
        self._new.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            self._new.discard(viewer)
            self.skipped += viewer.skipped
            if not self._viewers:
                self._close()
                self._scope.cancel()

    def _close(self) -> None:
        """Nobody finds it any more."""
        if not self._closed:
            self._closed = True
            self._emptied(self)

    async def run(self) -> None:
        """Fetch pictures until the last viewer has left, or the camera sends something else."""
        try:
            with self._scope:
                await self._stay_connected()
        finally:
            self._close()
            self._fail(self._viewers, NoStream("the camera's stream has ended"))

    async def _stay_connected(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            before = self.pictures
            try:
                await self._fetch()
                reason = "the camera ended its stream"
            except NotMjpeg as exc:
                self._fail(self._viewers, exc)
                return
            except (CameraAway, BadMjpeg) as exc:
                reason = str(exc)
            finally:
                self.connected = False
            text = f"webcam_proxy: {self._target.host} port {self._target.port}: {reason}"
            self._throttle.log(logger, text, trio.current_time(), after="; retrying")
            # Who sees something already waits for more; the others learn what is wrong.
            self._fail(self._new, NoStream(reason))
            retry_s = FIRST_RETRY_S if self.pictures > before else min(retry_s * 2, LAST_RETRY_S)
            await trio.sleep(retry_s)

    async def _fetch(self) -> None:
        async with asked(self._open_camera, self._target, self._request) as connection:
            answer = connection.answer
            boundary = boundary_of(answer.header("content-type"))
            if answer.status != 200 or boundary is None:
                raise NotMjpeg(f"the camera answered with {answer.status}, and no MJPEG stream")
            self.connected = True
            splitter = MjpegSplitter(boundary, self._frame_bytes)
            while data := await connection.receive():
                pictures = splitter.feed(data)
                if pictures:
                    self.pictures += len(pictures)
                    self._publish(pictures[-1])

    def _publish(self, picture: bytes) -> None:
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n".encode()
        part = b"".join((head, picture, SEPARATOR))
        self._new.clear()
        for viewer in self._viewers:
            viewer.offer(part)

    @staticmethod
    def _fail(viewers: set[Viewer], failure: MrkError) -> None:
        for viewer in list(viewers):
            viewer.fail(failure)
