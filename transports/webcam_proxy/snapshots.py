"""Single pictures: whoever asks within half a second of another gets the same one.

A fetch is a task of the proxy's, so it goes on when who asked first has left.
"""

from collections.abc import Awaitable, Callable

import trio

from config.settings.webcam_proxy import CameraTarget
from mrk.errors import MrkError
from mrk.webcams.snapshots import Snapshot
from transports.webcam_proxy.camera_connection import CameraAway, OpenCamera, asked

KEPT_S = 0.5
# Of one picture as a whole.
FETCH_S = 15.0
# Different pictures at once; more are passed on without being kept.
MOST_KEPT = 16


class NotSnapshot(MrkError):
    """The camera answers with something else than a picture."""


class _Kept:
    def __init__(self) -> None:
        self.done = trio.Event()
        self.snapshot: Snapshot | None = None
        self.failure: MrkError = CameraAway("the picture was not fetched")


class SharedSnapshots:
    """`start` begins a task that outlives who asks."""

    def __init__(
        self,
        open_camera: OpenCamera,
        start: Callable[[Callable[[], Awaitable[None]]], None],
        most_bytes: int,
    ) -> None:
        self._open_camera = open_camera
        self._start = start
        self._most_bytes = most_bytes
        self._kept: dict[tuple[CameraTarget, str], _Kept] = {}

    async def get(self, target: CameraTarget, key: str, request: bytes) -> Snapshot:
        """A picture of now, or of the last half second.

        Raises `CameraAway`, and `NotSnapshot` for what has to be passed on as it is.
        """
        place = (target, key)
        kept = self._kept.get(place)
        if kept is None:
            if len(self._kept) >= MOST_KEPT:
                raise NotSnapshot("too many different pictures at once")
            kept = self._kept[place] = _Kept()
            entry = kept

            async def fetch() -> None:
                await self._fetch(place, entry, request)

            try:
                self._start(fetch)
            except BaseException:
                del self._kept[place]
                raise
        await kept.done.wait()
        if kept.snapshot is None:
            raise kept.failure
        return kept.snapshot

    async def _fetch(self, place: tuple[CameraTarget, str], kept: _Kept, request: bytes) -> None:
        try:
            with trio.move_on_after(FETCH_S) as scope:
                try:
                    kept.snapshot = await self._picture(place[0], request)
                except (CameraAway, NotSnapshot) as exc:
                    kept.failure = exc
            if scope.cancelled_caught:
                kept.failure = CameraAway(f"no picture came in {FETCH_S:g} s")
            kept.done.set()
            # A failure is not kept: the next one tries again.
            if kept.snapshot is not None:
                await trio.sleep(KEPT_S)
        finally:
            kept.done.set()
            del self._kept[place]

    async def _picture(self, target: CameraTarget, request: bytes) -> Snapshot:
        async with asked(self._open_camera, target, request) as connection:
            answer = connection.answer
            kind = answer.header("content-type").partition(";")[0].strip().lower()
            if answer.status != 200 or not kind.startswith("image/") or kind == "image/svg+xml":
                raise NotSnapshot(f"the camera answered with {answer.status} and no picture")
            return Snapshot(await connection.whole(self._most_bytes), kind)
