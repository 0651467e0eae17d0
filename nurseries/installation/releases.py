"""The folder of releases: which there are, which is current, and changing that.

`<base>/releases/<version>` are environments of their own; the rest is described with the launcher
(`mrk/installation/launcher_text.py`). Everything that decides is a rename.
"""

import contextlib
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from config.whole_file import write_whole
from mrk.errors import MrkError
from mrk.installation.launcher_text import launcher_text

_COMPLETE = ".complete"


class Releases:
    """One base folder."""

    def __init__(self, base: Path) -> None:
        self.base = base

    @classmethod
    def of_this_process(cls) -> "Releases | None":
        """Those that this Python belongs to; None when mrk was installed otherwise."""
        folder = Path(sys.prefix)
        is_release = folder.parent.name == "releases" and (folder / _COMPLETE).exists()
        return cls(folder.parent.parent) if is_release else None

    @property
    def launcher(self) -> Path:
        """What services start."""
        return self.base / "bin" / "mrk"

    @property
    def is_pending(self) -> bool:
        """Whether the current release has yet to prove itself."""
        return (self.base / "pending").exists()

    def folder(self, version: str) -> Path:
        """Where a version is, or will be."""
        return self.base / "releases" / version

    def current(self) -> str:
        """The version that is started; empty when there is none."""
        return self._target("current")

    def previous(self) -> str:
        """The version that `mrk rollback` goes back to; empty when there is none."""
        found = self._target("previous")
        return found if found and self.is_complete(found) else ""

    def is_complete(self, version: str) -> bool:
        """Whether its installation went to the end."""
        return (self.folder(version) / _COMPLETE).exists()

    def complete(self, version: str) -> None:
        """Mark it as whole."""
        (self.folder(version) / _COMPLETE).touch()

    def write_launcher(self) -> None:
        """Only where there is none: it is never updated together with a release."""
        if self.launcher.exists():
            return
        self.launcher.parent.mkdir(parents=True, exist_ok=True)
        # On the disk too: an empty one that a power cut left would stay for ever.
        write_whole(self.launcher, launcher_text().encode(), mode=0o755)

    def switch(self, version: str) -> None:
        """Start `version` from now on; the launcher turns back unless it proves itself."""
        if not self.is_complete(version):
            raise MrkError(f"{version} is not installed completely")
        before = self.current()
        if not before:
            self._link("current", version)
            return
        starts = self.base / "starts"
        starts.mkdir(exist_ok=True)
        for name in ("1", "2"):
            (starts / name).touch()
        self._link("back", before)
        (self.base / "pending").touch()
        self._link("previous", before)
        self._link("current", version)

    def prove(self) -> None:
        """The current release is good: nothing turns back from it."""
        (self.base / "pending").unlink(missing_ok=True)
        (self.base / "back").unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock of this folder, in which one at a time works. Raises `MrkError`."""
        self.base.mkdir(parents=True, exist_ok=True)
        with (self.base / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise MrkError("another update of mrk is under way") from None
            yield

    def tidy(self) -> None:
        """Remove all but the current and the previous release; `alone`, as another may be built."""
        kept = {self.current(), self.previous()}
        for folder in (self.base / "releases").iterdir():
            if folder.name not in kept and folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)

    def _target(self, name: str) -> str:
        try:
            return Path(os.readlink(self.base / name)).name
        except OSError:
            return ""

    def _link(self, name: str, version: str) -> None:
        part = self.base / f".{name}.part"
        part.unlink(missing_ok=True)
        part.symlink_to(f"releases/{version}")
        part.replace(self.base / name)
