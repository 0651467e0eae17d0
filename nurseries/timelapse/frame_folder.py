"""The folder of frames on disk: frames, the session beside them, and frames linked for a render.

Everything here blocks, and is called in threads. What an earlier run left unfinished is swept.
"""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from config.whole_file import write_whole
from mrk import foreign_json
from mrk.errors import MrkError
from mrk.files.disk_space import fits
from mrk.foreign_json import NotJson
from mrk.timelapse.frames import FrameSet, frame_name, frame_number
from mrk.timelapse.session import LapseSession, RenderOrder

_SESSION = ".session.json"
_ORDER = "order.json"
_ORDER_FOLDER = ".render-"
_UNFINISHED = ".unfinished"


class NoSpace(MrkError):
    """There is no room for a frame; says so."""


class FrameFolder:
    """Frames in `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> tuple[FrameSet, LapseSession, list[Path]]:
        """What is there: frames, their session, and orders that were not finished."""
        self.path.mkdir(parents=True, exist_ok=True)
        session = LapseSession()
        with contextlib.suppress(OSError, NotJson):
            session = foreign_json.decode((self.path / _SESSION).read_bytes(), LapseSession)
        orders, frames = [], []
        for entry in os.scandir(self.path):
            if entry.name.startswith(_ORDER_FOLDER):
                if (self.path / entry.name / _ORDER).is_file():
                    orders.append(self.path / entry.name)
                else:
                    shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name == _UNFINISHED:
                os.unlink(entry.path)
            elif frame_number(entry.name) is not None and entry.is_file(follow_symlinks=False):
                size_bytes = entry.stat(follow_symlinks=False).st_size
                if size_bytes:
                    frames.append((entry.name, size_bytes))
                else:
                    # Of a power cut; ffmpeg would end the video there.
                    os.unlink(entry.path)
        found = FrameSet.found(frames, max(session.stride, 1))
        found.calls = session.calls
        return found, session, sorted(orders, key=lambda path: path.stat().st_mtime)

    def remember(self, session: LapseSession) -> None:
        """Keep the session."""
        _write(self.path / _SESSION, msgspec.json.encode(session))

    def store(self, number: int, data: bytes) -> None:
        """A frame, whole or not at all; raises `NoSpace`, or OSError."""
        if not fits(len(data), os.statvfs(self.path)):
            raise NoSpace(f"the disk of {self.path} is full")
        unfinished = self.path / _UNFINISHED
        unfinished.write_bytes(data)
        os.replace(unfinished, self.path / frame_name(number))

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete frames; one that is gone already is no error."""
        for number in numbers:
            (self.path / frame_name(number)).unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete all frames."""
        for entry in os.scandir(self.path):
            if frame_number(entry.name) is not None:
                os.unlink(entry.path)

    # Frames that are to become something

    def link(self, numbers: Sequence[int], order: RenderOrder) -> Path:
        """Frames under continuous numbers in a folder of their own, which the next print leaves."""
        folder = self.path / (_ORDER_FOLDER + os.urandom(8).hex())
        folder.mkdir()
        try:
            for place, number in enumerate(numbers, 1):
                _link(self.path / frame_name(number), folder / frame_name(place))
            self.note(folder, order)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def note(self, folder: Path, order: RenderOrder) -> None:
        """Keep an order with its frames, after a power cut too."""
        write_whole(folder / _ORDER, msgspec.json.encode(order))

    def read_order(self, folder: Path) -> RenderOrder | None:
        """The order of a folder; None, and the folder is gone, when it cannot be read."""
        try:
            return foreign_json.decode((folder / _ORDER).read_bytes(), RenderOrder)
        except (OSError, NotJson):
            self.discard(folder)
            return None

    def repeat_last(self, folder: Path, frames: int, times: int) -> int:
        """Copies of the last frame behind it; how many frames there are then."""
        for place in range(frames + 1, frames + times + 1):
            target = folder / frame_name(place)
            if not target.exists():
                _link(folder / frame_name(frames), target)
        return frames + times

    def discard(self, folder: Path) -> None:
        """An order is done with."""
        shutil.rmtree(folder, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    """A second name, which takes no room; a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_bytes(data)
    os.replace(temporary, path)
