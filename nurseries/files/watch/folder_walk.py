"""Every file below a folder, read from disk: for roots that are not kept in memory.

Blocks, and is called in a thread; ends early when its caller is cancelled.
"""

import os
from collections.abc import Iterator

from mrk.files.paths import is_utf8
from mrk.files.records import Stat
from mrk.files.reserved import ReservedPaths
from nurseries.files import disk


def walk_files(real: str, reserved: ReservedPaths) -> list[tuple[str, Stat]]:
    """Every file below a folder; each folder once, links to folders after the folders."""
    found: list[tuple[str, Stat]] = []
    visited = set()
    waiting = [(real, "")]
    links: list[tuple[str, str]] = []
    while waiting or links:
        path, prefix = waiting.pop() if waiting else links.pop(0)
        identity = _identity(path)
        if identity is None or identity in visited:
            continue
        visited.add(identity)
        for name, stat in _read_or_nothing(path, reserved):
            if not is_utf8(name):
                continue
            if not stat.is_folder:
                found.append((prefix + name, stat))
            elif stat.permissions:
                below = links if stat.is_link else waiting
                below.append((f"{path}/{name}", f"{prefix}{name}/"))
    return found


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _read_or_nothing(path: str, reserved: ReservedPaths) -> Iterator[tuple[str, Stat]]:
    try:
        yield from disk.read_folder(path, reserved)
    except OSError:
        return
