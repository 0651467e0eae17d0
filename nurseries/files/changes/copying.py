"""Copies files and folders to a temporary name, in a thread, to be renamed when complete.

What is reserved, and what is neither file nor folder, stays behind. A cancelled caller ends the
copy between two blocks; whatever was written is removed then.
"""

import contextlib
import errno
import os
import shutil
from pathlib import Path

import trio

from mrk.files.reserved import ReservedPaths
from nurseries.files.changes.removal import remove_tree
from nurseries.files.disk import read_folder

_BLOCK_BYTES = 4 * 1024 * 1024


def copy_to(source: Path, temporary: Path, reserved: ReservedPaths) -> None:
    """Copy a file, or a folder with all that is in it; times and modes are kept.

    Links are copied as what they lead to, a folder once. Raises OSError.
    """
    try:
        if source.is_dir():
            _copy_folder(source, temporary, reserved, set())
        else:
            _copy_file(source, temporary)
    except RecursionError as exc:
        _discard(temporary)
        raise OSError(errno.ELOOP, "Its folders are nested too deeply") from exc
    except BaseException:
        _discard(temporary)
        raise


def _discard(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        remove_tree(temporary)


def _copy_folder(
    source: Path, target: Path, reserved: ReservedPaths, visited: set[tuple[int, int]]
) -> None:
    target.mkdir()
    status = source.stat()
    visited.add((status.st_dev, status.st_ino))
    for name, stat in list(read_folder(str(source), reserved)):
        if not stat.permissions:
            continue
        if not stat.is_folder:
            # Gone since its folder was read: as if it had gone before.
            with contextlib.suppress(FileNotFoundError):
                _copy_file(source / name, target / name)
        elif (stat.device, stat.inode) not in visited:
            _copy_folder(source / name, target / name, reserved, visited)
    shutil.copystat(source, target)


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
