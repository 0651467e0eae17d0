"""Removes folders with all that is in them: out of sight at once, then piece by piece.

Fed by requests, run by the file manager's `serve`; what is left when that ends is swept at the
next start. So a client that leaves does not stop a removal halfway.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec
import trio

from mrk.files.reserved import ReservedPaths
from mrk.files.temporary import TOKEN_BYTES, Purpose, is_temporary, temporary_name
from nurseries.files.disk import on_network
from nurseries.files.threads import Threads

# Requests wait for their own removal, so the line is as long as there are callers.
_LINE = 100
# Levels of folders, and bytes of their path, that stay as they are with each move.
_DEEP = 100
_LONG_BYTES = 2000


class _Job(msgspec.Struct):
    path: Path
    done: trio.Event = msgspec.field(default_factory=trio.Event)
    error: OSError | None = None


class Removal:
    """Removes what was renamed to a temporary name."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._send, self._receive = trio.open_memory_channel[_Job](_LINE)

    async def serve(self) -> None:
        """Remove until cancelled."""
        while True:
            job = await self._receive.receive()
            try:
                await self._threads.run(remove_tree, job.path)
            except OSError as error:
                job.error = error
            finally:
                job.done.set()

    def discard(self, path: Path) -> None:
        """Have something temporary removed, without waiting; left to the next start if busy."""
        with contextlib.suppress(trio.WouldBlock):
            self._send.send_nowait(_Job(path))

    async def remove(self, path: Path) -> OSError | None:
        """Remove a folder or file; returns what kept it from being removed whole."""
        job = _Job(path)
        await self._send.send(job)
        await job.done.wait()
        return job.error


def fresh_name(folder: Path, purpose: Purpose) -> Path:
    """A temporary name in a folder that nobody uses."""
    return folder / temporary_name(purpose, os.urandom(TOKEN_BYTES))


def remove_tree(path: Path) -> None:
    """In a thread: remove a folder without following links, or a file. Raises OSError."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    while True:
        try:
            shutil.rmtree(path)
            return
        except RecursionError:
            # It calls itself for each level.
            _make_shallow(path)


def _make_shallow(top: Path) -> None:
    """Move what lies deep in a folder, which is going to be removed, to its first level."""
    level, long_bytes = [str(top)], len(os.fsencode(top)) + _LONG_BYTES
    for _ in range(_DEEP):
        level = [folder for above in level for folder in _folders(above, long_bytes)]
    if not level:
        raise OSError(errno.ELOOP, "its folders are nested too deeply")
    for folder in level:
        os.rename(folder, top / os.urandom(TOKEN_BYTES).hex())


def _folders(path: str, long_bytes: int) -> list[str]:
    # Further down the paths may be longer than the system takes.
    if len(os.fsencode(path)) > long_bytes:
        return [path]
    with os.scandir(path) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


def sweep(folders: Iterable[str], reserved: ReservedPaths) -> int:
    """In a thread: remove what an earlier run left unfinished below some folders.

    Links to folders are followed, as by listings: a stick that is linked holds what was left there.
    Those to other machines are not, which may not answer.
    """
    swept = 0
    visited: set[tuple[int, int]] = set()
    waiting = list(folders)
    while waiting:
        trio.from_thread.check_cancelled()
        folder = waiting.pop()
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                found = list(entries)
        except OSError:
            continue
        for entry in found:
            if is_temporary(entry.name):
                swept += _sweep_one(Path(entry.path))
            elif _is_swept(entry, reserved):
                waiting.append(entry.path)
    return swept


def _is_swept(entry: "os.DirEntry[str]", reserved: ReservedPaths) -> bool:
    try:
        if not entry.is_symlink():
            return entry.is_dir()
        leads_to = os.path.realpath(entry.path)
        if on_network(os.lstat(leads_to).st_dev) or not reserved.permissions(leads_to):
            return False
        return entry.is_dir()
    except OSError:
        return False


def _sweep_one(path: Path) -> bool:
    try:
        remove_tree(path)
    except OSError:
        return False
    return True
