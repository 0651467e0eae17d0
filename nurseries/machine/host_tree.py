"""Small files, folders and links of /proc, /sys, /dev and /etc, under any root.

Holds no state and blocks: call it in a thread. Nothing here raises: what is away, refused,
vanished in between or larger than expected reads as nothing.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mrk.machine.attribute import MOST_BYTES

# Of a folder of devices; a host has some hundred ttys.
_MOST_NAMES = 4096


class HostTree:
    """The host's file system, or a recorded one below `root`. Paths are given without the slash."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = Path(os.path.realpath(root))

    def read(self, path: str | Path, most_bytes: int = MOST_BYTES) -> bytes | None:
        """A file's content; None when it is larger than `most_bytes`."""
        data = self.head(path, most_bytes + 1)
        return None if data is None or len(data) > most_bytes else data

    def head(self, path: str | Path, most_bytes: int) -> bytes | None:
        """The beginning of a regular file, which in /proc and /sys may come in pieces."""
        try:
            # Nonblocking: whatever stands at the path must not hold the thread.
            fd = os.open(self._root / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):
            return None
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            data = b""
            while chunk := os.read(fd, most_bytes - len(data)):
                data += chunk
            return data
        except OSError:
            return None
        finally:
            os.close(fd)

    def lines(self, path: str, most_bytes: int) -> Iterator[bytes]:
        """Lines of a file without their ends, as far as `most_bytes`."""
        left = most_bytes
        place = self._root / path
        if not place.is_file():  # a pipe would keep the thread for good
            return
        try:
            with place.open("rb") as file:
                while left > 0 and (line := file.readline(min(left, MOST_BYTES))):
                    left -= len(line)
                    yield line.rstrip(b"\r\n")
        except OSError:
            return

    def names(self, path: str | Path) -> list[str]:
        """Names in a folder, sorted."""
        try:
            with os.scandir(self._root / path) as entries:
                found = [entry.name for _, entry in zip(range(_MOST_NAMES), entries, strict=False)]
        except OSError:
            return []
        return sorted(found)

    def exists(self, path: str | Path) -> bool:
        """Whether something is there."""
        return os.path.lexists(self._root / path)

    def attributes(self, folder: str | Path, names: tuple[str, ...]) -> dict[str, bytes | None]:
        """The named files of a device."""
        return {name: self.read(Path(folder) / name) for name in names}

    def real(self, path: str | Path) -> Path | None:
        """Where links lead to, relative to the root; None when nothing is there."""
        try:
            real = Path(os.path.realpath(self._root / path, strict=True))
        except OSError:
            return None
        return real.relative_to(self._root) if real.is_relative_to(self._root) else None

    def link_name(self, path: str | Path) -> str | None:
        """The last part of what a link points to: a driver, a subsystem."""
        try:
            return os.path.basename(os.readlink(self._root / path)) or None
        except OSError:
            return None

    def links_to(self, folder: str) -> dict[str, str]:
        """Links of a folder such as /dev/serial/by-id, as absolute paths by their device's name."""
        found: dict[str, str] = {}
        for name in self.names(folder):
            device = self.link_name(f"{folder}/{name}")
            if device is not None:
                found.setdefault(device, f"/{folder}/{name}")
        return found
