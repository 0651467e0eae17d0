"""Makes videos and archives of linked frames, one order after the other.

`serve` does what an earlier run left, then what is ordered. An order lies on disk with its frames,
so a restart goes on with it. Results are put in place by a rename; a file of that name is never
lost.
"""

import logging
import os
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import trio

from mrk.errors import ClientError, MrkError
from mrk.timelapse.frames import frame_name
from mrk.timelapse.session import MOST_ATTEMPTS, RenderOrder
from mrk.timelapse.settings import LapseSettings
from mrk.timelapse.video import (
    frame_rate,
    free_name,
    percent,
    preview_arguments,
    video_arguments,
    video_name,
)
from nurseries.timelapse.ffmpeg import Ffmpeg, FfmpegEnd, FfmpegMissing
from nurseries.timelapse.frame_folder import FrameFolder

logger = logging.getLogger(__name__)
# Of how many prints frames may wait; each holds the disk's room until it is done.
MOST_WAITING = 2
_UNFINISHED = ".timelapse-"

Event = dict[str, Any]


class _TriedTooOften(MrkError):
    def __str__(self) -> str:
        return f"given up after {MOST_ATTEMPTS} attempts that ended with the daemon"


class RenderWork:
    """An order on its way: `result` is there once `done` is set."""

    def __init__(self, folder: Path, order: RenderOrder) -> None:
        self.folder = folder
        self.order = order
        self.done = trio.Event()
        self.result: Event = {}
        self.archived: Event = {}


class Renderer:
    """`look` gives the settings as the camera wants them; `tell` notifies clients."""

    def __init__(
        self,
        output: Path,
        frames: FrameFolder,
        ffmpeg: Ffmpeg,
        look: Callable[[], Any],
        tell: Callable[[Event], None],
    ) -> None:
        self._output = output
        self._frames = frames
        self._ffmpeg = ffmpeg
        self._look = look
        self._tell = tell
        self._waiting: list[RenderWork] = []
        self._given = trio.Event()
        self._scope: trio.CancelScope | None = None
        self.current: RenderWork | None = None
        self.progress = 0

    @property
    def is_rendering(self) -> bool:
        """Whether a video is being made, or waits for its turn."""
        return any(work.order.render for work in self._works)

    @property
    def is_full(self) -> bool:
        """Whether no more may wait."""
        return len(self._works) > MOST_WAITING

    @property
    def waiting(self) -> int:
        """How many orders wait for their turn."""
        return len(self._waiting)

    @property
    def _works(self) -> list[RenderWork]:
        return [*self._waiting, *([] if self.current is None else [self.current])]

    def put(self, folder: Path, order: RenderOrder) -> RenderWork:
        """Have an order done when its turn comes."""
        work = RenderWork(folder, order)
        self._waiting.append(work)
        self._given.set()
        return work

    def cancel(self) -> bool:
        """End what is being made; False when nothing is."""
        if self._scope is None:
            return False
        self._scope.cancel()
        return True

    async def serve(self, left: list[Path]) -> None:
        """Do orders until cancelled, first those that are left of an earlier run."""
        await trio.to_thread.run_sync(self._sweep)
        for folder in left:
            order = await trio.to_thread.run_sync(self._frames.read_order, folder)
            if order is not None:
                self._waiting.append(RenderWork(folder, order))
        try:
            while True:
                while self._waiting:
                    self.current = self._waiting.pop(0)
                    await self._do(self.current)
                    self.current = None
                self._given = trio.Event()
                await self._given.wait()
        finally:
            for work in self._works:
                work.result = _failed("mrk is ending; the video will be made after the restart")
                work.done.set()
            self._waiting.clear()
            self.current = None

    async def _do(self, work: RenderWork) -> None:
        order = work.order
        order.attempts += 1
        try:
            with trio.CancelScope() as self._scope:
                await self._noted(work)
                if order.attempts > MOST_ATTEMPTS:
                    raise _TriedTooOften
                if order.archive:
                    work.archived = await self._archive(work)
                    order.archive = False
                    await self._noted(work)
                if order.render:
                    work.result = await self._render(work)
            if self._scope.cancelled_caught:
                work.result = _failed("cancelled")
                self._tell(work.result)
        except OSError as exc:
            work.result = _failed(f"{exc.strerror or exc}: {exc.filename}")
            self._tell(work.result)
        except (_TriedTooOften, ClientError) as exc:
            work.result = _failed(str(exc))
            self._tell(work.result)
        finally:
            self._scope = None
            self.progress = 0
        # Not when the daemon ends: then the order goes on after the restart.
        await trio.to_thread.run_sync(self._frames.discard, work.folder)
        await trio.to_thread.run_sync(self._sweep)
        work.done.set()

    async def _noted(self, work: RenderWork) -> None:
        await trio.to_thread.run_sync(self._frames.note, work.folder, work.order)

    # The video

    async def _render(self, work: RenderWork) -> Event:
        order = work.order
        settings: LapseSettings = await self._look()
        frames = await trio.to_thread.run_sync(
            self._frames.repeat_last, work.folder, order.frames, settings.duplicatelastframe
        )
        about = {
            "framerate": frame_rate(settings, frames),
            "crf": settings.constant_rate_factor,
            "pixelformat": settings.pixelformat,
        }
        head = {"action": "render", "framecount": str(frames)}
        self._tell({**head, "status": "started", "settings": about})
        unfinished = self._output / f"{_UNFINISHED}{os.urandom(8).hex()}.mp4"
        arguments = video_arguments(settings, frames, str(unfinished))
        try:
            end = await self._ffmpeg.run(arguments, work.folder, partial(self._on_frame, frames))
        except FfmpegMissing as exc:
            end = FfmpegEnd(-1, str(exc))
        if end.status != 0:
            said = f"Rendering failed: {end.said or f'ffmpeg ended with {end.status}'}"
            event: Event = {**head, "status": "error", "cmd": " ".join(["ffmpeg", *arguments])}
            event.update(cmdresponse=end.said, settings=about, msg=said)
            logger.warning("time-lapse of %s: %s", order.printed, said)
            self._tell(event)
            return event
        event = {**head, "status": "success", **await self._finish(work, settings, unfinished)}
        self._tell(event)
        return event

    def _on_frame(self, frames: int, number: int) -> None:
        progress = percent(number, frames)
        if progress != self.progress:
            self.progress = progress
            self._tell({"action": "render", "status": "running", "progress": progress})

    async def _finish(self, work: RenderWork, settings: LapseSettings, unfinished: Path) -> Event:
        name = video_name(work.order.printed, settings.time_format_code, datetime.now())
        name = await trio.to_thread.run_sync(self._place, unfinished, name, ".mp4")
        event: Event = {"filename": f"{name}.mp4", "printfile": work.order.printed}
        if settings.previewimage and await self._preview(work, settings, name):
            event["previewimage"] = f"{name}.jpg"
        return {**event, "msg": f"Rendering successful: {name}.mp4"}

    async def _preview(self, work: RenderWork, settings: LapseSettings, name: str) -> bool:
        """Put a picture beside the video; the video stands without it."""
        frame = frame_name(work.order.frames)
        target = self._output / f"{name}.jpg"
        unfinished = self._output / f"{_UNFINISHED}{os.urandom(8).hex()}.jpg"
        arguments = preview_arguments(settings, frame, str(unfinished))
        try:
            if arguments is None:
                await trio.to_thread.run_sync(shutil.copyfile, work.folder / frame, unfinished)
            elif (await self._ffmpeg.run(arguments, work.folder)).status != 0:
                return False
            await trio.to_thread.run_sync(os.replace, unfinished, target)
        except (OSError, FfmpegMissing) as exc:
            logger.warning("time-lapse: no preview of %s: %s", name, exc)
            return False
        return True

    # The archive

    async def _archive(self, work: RenderWork) -> Event:
        settings: LapseSettings = await self._look()
        name = video_name(work.order.printed, settings.time_format_code, datetime.now())
        unfinished = self._output / f"{_UNFINISHED}{os.urandom(8).hex()}.zip"
        with unfinished.open("xb") as file, _new_zip(file) as archive:
            for number in range(1, work.order.frames + 1):
                # A frame at a time: a cancellation, or the end of the daemon, waits for one only.
                source = work.folder / frame_name(number)
                await trio.to_thread.run_sync(archive.write, source, source.name)
        name = await trio.to_thread.run_sync(self._place, unfinished, f"{name}_frames", ".zip")
        return {"action": "saveframes", "status": "finished", "zipfile": f"{name}.zip"}

    def _place(self, unfinished: Path, name: str, ending: str) -> str:
        """Give a finished file its name, which no other file has; blocks."""
        name = free_name(name, os.listdir(self._output))
        os.rename(unfinished, self._output / f"{name}{ending}")
        return name

    def _sweep(self) -> None:
        """Remove what was not finished; blocks. A disk that is gone says so at the next video."""
        with suppress(OSError):
            for entry in os.scandir(self._output):
                if entry.name.startswith(_UNFINISHED):
                    os.unlink(entry.path)


def _new_zip(file: BinaryIO) -> zipfile.ZipFile:
    """Takes frames of a machine whose clock stands before 1980, too."""
    return zipfile.ZipFile(file, "w", strict_timestamps=False)


def _failed(said: str) -> Event:
    return {"action": "render", "status": "error", "msg": f"Rendering failed: {said}"}
