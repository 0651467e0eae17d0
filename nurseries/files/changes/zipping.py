"""Writes ZIP archives under a temporary name, in a thread, to be renamed when complete.

A cancelled caller ends the work between two blocks; whatever was written is removed then.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from mrk.files.archive import MemberNames, member_name
from mrk.files.paths import RootPath
from mrk.files.roots import Root, Roots
from nurseries.files import disk, disk_paths

if TYPE_CHECKING:
    from zipfile import ZipFile

_BLOCK_BYTES = 256 * 1024
# The times that fit into the format: 1980 to 2107, with a day to spare for the zone.
_FIRST, _LAST = 315_619_200, 4_354_732_800
Member = tuple[str, Path]


def write_zip(roots: Roots, items: list[RootPath], temporary: Path, *, store_only: bool) -> None:
    """Write the items: files, and those files that lie directly in listed folders.

    Raises `ClientError` for items that are not there or closed, OSError.
    """
    import zipfile  # here, in the thread: few daemons ever write one

    members = list(_members(roots, items))
    method = zipfile.ZIP_STORED if store_only else zipfile.ZIP_DEFLATED
    try:
        with open(temporary, "xb") as file:
            with zipfile.ZipFile(file, "w", method, strict_timestamps=False) as archive:
                for name, path in members:
                    # Gone or closed since it was listed: as if it had gone before.
                    with contextlib.suppress(FileNotFoundError, PermissionError):
                        _add(archive, name, path)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _members(roots: Roots, items: list[RootPath]) -> Iterator[Member]:
    """Name and place of every file, each once."""
    names = MemberNames()
    for item in items:
        place = disk_paths.find_existing(roots, item, write=False)
        found = _children(place, roots) if place.is_folder else [(item, place.real)]
        for path, real in found:
            name = member_name(_folder_name(place.root), path)
            if name is not None and names.claim(name):
                yield name, real


def _children(place: disk_paths.DiskPath, roots: Roots) -> Iterator[tuple[RootPath, Path]]:
    try:
        for name, found in disk.read_folder(str(place.real), roots.reserved):
            if not found.is_folder and found.permissions:
                yield place.path.child(name), place.real / name
    except OSError:
        return


def _folder_name(root: Root) -> str:
    return os.path.basename(root.path.rstrip("/"))


def _add(archive: "ZipFile", name: str, path: Path) -> None:
    from zipfile import ZipInfo

    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        info = ZipInfo(name, time.localtime(min(max(status.st_mtime, _FIRST), _LAST))[:6])
        info.external_attr = (status.st_mode & 0o777) << 16
        info.compress_type = archive.compression
        info.file_size = status.st_size
        with archive.open(info, "w", force_zip64=status.st_size > 2**31 - 2**20) as member:
            while block := file.read(_BLOCK_BYTES):
                trio.from_thread.check_cancelled()
                member.write(block)
