"""Puts a folder that was made beside another one into its place, in one step, and back.

What is needed lies in `.<name>.update` beside the folder: the new one, afterwards the old one, and
a note. Both folders change places at once (renameat2(2)), so that whenever the power fails one of
the two is there whole; `resume` puts the rest right. Blocking functions, called in threads.
"""

import contextlib
import os
import shutil
from pathlib import Path

import msgspec

from config.change_places import change_places
from config.whole_file import sync, sync_file_system, write_whole
from mrk import foreign_json
from mrk.foreign_json import NotJson

_NOTE = "note.json"
_OLD = "old"


class _Note(msgspec.Struct):
    """Device and inode of the new folder: whether it is in place is seen from the folder itself."""

    device: int
    inode: int


class FolderSwitch:
    """`path` is the folder; a link to one is followed."""

    def __init__(self, path: Path, label: str = "update") -> None:
        self._given = path
        self._label = label

    @property
    def path(self) -> Path:
        """The folder itself."""
        # `Path.resolve` raises for a link that leads to itself.
        return Path(os.path.realpath(self._given))

    @property
    def staging(self) -> Path:
        """Where the new one is made."""
        return self.path.parent / f".{self.path.name}.{self._label}"

    @property
    def new(self) -> Path:
        """The new folder; once it is in place, the old one."""
        return self.staging / "new"

    def begin(self) -> None:
        """Make an empty staging folder; leftovers go. Raises OSError."""
        self.resume()
        self.staging.mkdir(mode=0o700)

    def put(self) -> None:
        """Put the new folder in place; raises OSError, and then the old one is there."""
        status = self.new.stat()
        # What lies on the disk only in part would be in place after a power cut.
        sync_file_system(self.new)
        write_whole(self.staging / _NOTE, msgspec.json.encode(_Note(status.st_dev, status.st_ino)))
        if self.path.exists():
            _change_places(self.new, self.path)
        else:
            self.new.rename(self.path)
            sync(self.path.parent)

    @property
    def is_put(self) -> bool:
        """Whether the new folder is in place, and the old one still there."""
        note = self._note()
        return note is not None and _identity(self.path) == note

    def take_back(self) -> None:
        """Put the old folder in place again, and forget the new one."""
        self.settle()
        if self.is_put:
            _change_places(self.new, self.path)
        self.finish()

    def finish(self) -> None:
        """Forget the folder that is not in place."""
        self.settle()
        if self.staging.exists():
            # A note without its folder would be read wrongly: it goes first.
            (self.staging / _NOTE).unlink(missing_ok=True)
            _remove(self.staging)

    def resume(self) -> str | None:
        """After an interruption: what was done, None if there was nothing to do."""
        if not self.staging.exists():
            return None
        self.settle()
        put = self.is_put
        self.finish()
        return "the new version is in place" if put else "the version before stays in place"

    def settle(self) -> None:
        """Where two renames stand for one step: an interruption between them is put right.

        Without that the old folder would be forgotten as if it were not in its place.
        """
        old = self.staging / _OLD
        place = self.new if self.path.exists() else self.path
        if old.exists() and not place.exists():
            old.rename(place)

    def _note(self) -> tuple[int, int] | None:
        try:
            note = foreign_json.decode((self.staging / _NOTE).read_bytes(), _Note)
        except (OSError, NotJson):
            return None
        return note.device, note.inode


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _change_places(one: Path, other: Path) -> None:
    change_places(one, other, one.parent / _OLD)
    sync(other.parent)


def _remove(path: Path) -> None:
    """What cannot be removed is tried again with the next update."""
    with contextlib.suppress(OSError):
        shutil.rmtree(path)
