"""Copies files and folders to a temporary name, in a thread, to be renamed when complete.

A cancelled caller ends the copy between two blocks; whatever was written is removed then.
"""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Collection
from pathlib import Path

import trio

from mrk.files.reserved import ReservedPaths
from mrk.files.temporary import is_temporary
from nurseries.files.changes.removal import remove_tree
from nurseries.files.disk import read_folder

_BLOCK_BYTES = 4 * 1024 * 1024


# Of a name on disk: inode, size, time. A folder's size and time change with unfinished files in it.
Version = tuple[int, int, int]


def copy_to(source: Path, temporary: Path, reserved: ReservedPaths, *, whole: bool = False) -> None:
    """Copy a file, or a folder with all that is in it; times and modes are kept.

    Links are copied as what they lead to, a folder once. What is reserved, and what is neither file
    nor folder, stays behind; with `whole`, because the source is going to be removed, only pipes,
    sockets and devices do. Raises OSError.
    """
    try:
        if source.is_dir():
            _copy_folder(source, temporary, reserved, set(), whole)
        else:
            _copy_file(source, temporary)
    except RecursionError as exc:
        _discard(temporary)
        raise OSError(errno.ELOOP, "Its folders are nested too deeply") from exc
    except BaseException:
        _discard(temporary)
        raise


def versions(source: Path) -> dict[str, Version]:
    """All that is lost when `source` is removed: names below it, and what is there. Raises OSError.

    Links are not followed, and unfinished files are not there.
    """
    status = os.lstat(source)
    found = {"": _version(status)}
    waiting = [""] if stat.S_ISDIR(status.st_mode) else []
    while waiting:
        trio.from_thread.check_cancelled()
        folder = waiting.pop()
        with os.scandir(f"{source}/{folder}") as entries:
            for entry in entries:
                if is_temporary(entry.name):
                    continue
                found[folder + entry.name] = _version(entry.stat(follow_symlinks=False))
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{folder}{entry.name}/")
    return found


def _version(status: os.stat_result) -> Version:
    if stat.S_ISDIR(status.st_mode):
        return status.st_ino, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def _discard(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        remove_tree(temporary)


def _copy_folder(
    source: Path,
    target: Path,
    reserved: ReservedPaths,
    visited: set[tuple[int, int]],
    whole: bool,
) -> None:
    target.mkdir()
    status = source.stat()
    visited.add((status.st_dev, status.st_ino))
    copied = set()
    for name, found in list(read_folder(str(source), reserved)):
        if not found.permissions or (found.is_folder and (found.device, found.inode) in visited):
            continue
        copied.add(name)
        if found.is_folder:
            _copy_folder(source / name, target / name, reserved, visited, whole)
            continue
        # Gone since its folder was read: as if it had gone before.
        with contextlib.suppress(FileNotFoundError):
            _copy_file(source / name, target / name)
    if whole:
        _copy_rest(source, target, copied)
    shutil.copystat(source, target)


def _copy_rest(source: Path, target: Path, copied: Collection[str] = ()) -> None:
    """What clients cannot see: closed folders as they are, links as links."""
    with os.scandir(source) as entries:
        rest = [e for e in entries if e.name not in copied and not is_temporary(e.name)]
    for entry in rest:
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target / entry.name)
        elif entry.is_dir():
            (target / entry.name).mkdir()
            _copy_rest(source / entry.name, target / entry.name)
            shutil.copystat(entry.path, target / entry.name)
        elif entry.is_file():
            _copy_file(Path(entry.path), target / entry.name)


def _copy_file(source: Path, target: Path) -> None:
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(source, flags)
    with open(descriptor, "rb", buffering=0) as reader, open(target, "xb", buffering=0) as writer:
        while True:
            trio.from_thread.check_cancelled()
            if not os.sendfile(writer.fileno(), reader.fileno(), None, _BLOCK_BYTES):
                break
        os.fsync(writer.fileno())
    shutil.copystat(source, target)
