"""The gcodes folder on disk, read by small bounded reads, and the sample file for the demo.

Owned by the `VirtualPrinter` it is given to; an open file is closed by the rules that opened it.
"""

import os
from importlib.resources import files
from pathlib import Path

from mrk.virtual_printer.objects.virtual_sdcard import SdcardFile

SUFFIXES = (".gcode", ".g", ".gco")
# A listing walks at most this many entries: it runs inside the event loop.
MAX_LISTED = 500
MAX_READ_BYTES = 65536


class DiskFile:
    """One open file; its size is that of the moment it was opened."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError`."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self._size_bytes = os.fstat(self._descriptor).st_size

    @property
    def size_bytes(self) -> int:
        """The length when it was opened."""
        return self._size_bytes

    def read_at(self, position: int, size: int) -> bytes:
        """At most `size` bytes from `position`, never more than 64 KiB at once."""
        return os.pread(self._descriptor, min(size, MAX_READ_BYTES), position)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


class DiskFolder:
    """A `SdcardFolder` over a real folder; names never lead out of it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    @property
    def path(self) -> str:
        """The absolute path."""
        return str(self._root)

    def list(self) -> list[tuple[str, int]]:
        """Relative names and sizes of g-code files, the first 500."""
        found: list[tuple[str, int]] = []
        for folder, folders, names in os.walk(self._root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                    path = Path(folder, name)
                    found.append((str(path.relative_to(self._root)), path.stat().st_size))
                if len(found) >= MAX_LISTED:
                    return found
        return found

    def open(self, name: str) -> SdcardFile:
        """Open by name, in another case if need be; raises `OSError` or `ValueError`."""
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root):
            raise FileNotFoundError(name)
        if not path.is_file():
            path = self._in_other_case(name)
        return DiskFile(path)

    def _in_other_case(self, name: str) -> Path:
        for known, _size in self.list():
            if known.lower() == name.lower():
                return self._root / known
        raise FileNotFoundError(name)


def sample_gcode() -> tuple[str, bytes]:
    """Name and content of the small calibration cube that comes with mrk."""
    name = "calibration_cube.gcode"
    return name, (files("mrk.virtual_printer") / name).read_bytes()
