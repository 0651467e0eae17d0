"""Collects the frames of a print: one after the other, within the budget, and remembers whose.

`serve` takes a frame for each call; calls come from the link's reader and never wait. A camera or
a disk that fails costs frames, and `trouble` says why.
"""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from mrk.errors import ClientError, Transient
from mrk.log.throttle import LogThrottle
from mrk.timelapse.cameras import CameraChoice
from mrk.timelapse.frames import FrameSet, frame_name
from mrk.timelapse.session import LapseSession, RenderOrder, Stage
from mrk.timelapse.settings import LapseSettings
from nurseries.timelapse.camera import CameraFailed, FrameCamera
from nurseries.timelapse.frame_folder import FrameFolder, NoSpace

logger = logging.getLogger(__name__)
# Layers of a small print may come faster than a camera; what waits longer shows another layer.
_CALLS = 2
# The last layer's frame may still be on its way when the print is done.
SETTLE_S = 15.0
Look = Callable[[], Awaitable[tuple[LapseSettings, CameraChoice]]]


class FramesAway(Transient):
    """The folder of the frames cannot be used now; says why."""


class Recorder:
    """`look` gives the settings and the camera as they are now; `tell` notifies clients."""

    def __init__(
        self,
        folder: FrameFolder,
        camera: FrameCamera,
        look: Look,
        tell: Callable[[dict[str, Any]], None],
        budget_bytes: int,
    ) -> None:
        self.frames = FrameSet()
        self.session = LapseSession()
        self.trouble = ""
        self._folder = folder
        self._camera = camera
        self._look = look
        self._tell = tell
        self._budget_bytes = budget_bytes
        # Guards the frames on disk: one is stored, all are linked, or all deleted.
        self._lock = trio.Lock()
        self._throttle = LogThrottle()
        self._pending = 0
        self._settled = trio.Event()
        self._settled.set()
        self._send, self._receive = trio.open_memory_channel[bool](_CALLS)

    @property
    def last_name(self) -> str:
        """The newest frame's name; empty without any."""
        return frame_name(self.frames.last) if self.frames.last else ""

    async def open(self) -> list[Path]:
        """Read what is on disk; returns orders of an earlier run. Raises `FramesAway`."""
        try:
            found = await trio.to_thread.run_sync(self._folder.open)
        except OSError as exc:
            self.trouble = f"frames cannot be kept in {self._folder.path}: {exc.strerror}"
            raise FramesAway(self.trouble) from exc
        self.frames, self.session, orders = found
        return orders

    async def begin(self, printed: str) -> None:
        """A print begins: the frames of the last one go."""
        async with self._lock:
            self.frames = FrameSet()
            self.session = LapseSession(printed, Stage.COLLECTING)
            await self._note(self._folder.clear)
            await self._note(self._remember)

    async def end(self) -> None:
        """The print is over; its frames stay until the next one begins."""
        async with self._lock:
            self.session.stage = Stage.KEPT
            await self._note(self._remember)

    async def order(self, printed: str, *, archive: bool, render: bool) -> tuple[Path, RenderOrder]:
        """Link the frames for what is to be made of them; there must be some. Raises OSError."""
        async with self._lock:
            order = RenderOrder(printed, self.frames.count, archive, render)
            numbers = list(self.frames.sizes)
            return await trio.to_thread.run_sync(self._folder.link, numbers, order), order

    def call(self, *, timed: bool) -> None:
        """Have a frame taken; one too many is left out."""
        try:
            self._send.send_nowait(timed)
        except trio.WouldBlock:
            logger.debug("time-lapse: the camera is slower than the calls")
            return
        self._pending += 1
        self._settled = trio.Event()

    async def serve(self) -> None:
        """Take frames until cancelled."""
        while True:
            timed = await self._receive.receive()
            try:
                settings, camera = await self._look()
                if settings.enabled and timed == (settings.mode == "hyperlapse"):
                    await self._take(settings, camera)
            except ClientError as exc:
                self._failed(f"the webcams cannot be read: {exc.message}")
            finally:
                self._pending -= 1
                if not self._pending:
                    self._settled.set()

    async def settle(self) -> None:
        """Return when the frames that were called for are there, or have failed."""
        with trio.move_on_after(SETTLE_S):
            await self._settled.wait()

    async def _take(self, settings: LapseSettings, camera: CameraChoice) -> None:
        if not self.frames.is_due():
            return
        await trio.sleep(settings.stream_delay_compensation)
        session = self.session
        try:
            data = await self._camera.take(camera)
            async with self._lock:
                if session is not self.session:
                    return  # another print has begun meanwhile
                await self._store(data)
        except (CameraFailed, NoSpace, OSError) as exc:
            self._failed(str(exc))
            return
        self.trouble = ""
        event = {"frame": str(self.frames.last), "framefile": self.last_name}
        self._tell({"action": "newframe", **event, "status": "success"})

    async def _store(self, data: bytes) -> None:
        number = self.frames.last + 1
        await trio.to_thread.run_sync(self._folder.store, number, data)
        self.frames.add(number, len(data))
        gone = self.frames.thin_out(self._budget_bytes)
        if gone:
            await trio.to_thread.run_sync(self._folder.delete, gone)
            logger.info("time-lapse: the budget is full: every second frame goes")
        self.session.calls = self.frames.calls
        self.session.stride = self.frames.stride
        await trio.to_thread.run_sync(self._remember)

    def _failed(self, reason: str) -> None:
        self.trouble = reason
        self._throttle.log(logger, f"time-lapse: no frame: {reason}", trio.current_time())
        # Front ends read the number on errors too.
        event = {"frame": str(self.frames.last), "framefile": self.last_name, "msg": reason}
        self._tell({"action": "newframe", "status": "error", **event})

    async def _note(self, change: Callable[[], None]) -> None:
        """Bring the disk up to what is known here; one that is full or read-only keeps the old."""
        try:
            await trio.to_thread.run_sync(change)
        except OSError as exc:
            self.trouble = f"{self._folder.path} cannot be written: {exc.strerror}"
            self._throttle.log(logger, f"time-lapse: {self.trouble}", trio.current_time())

    def _remember(self) -> None:
        self._folder.remember(self.session)
