"""Unpacks a zip into an empty folder, and copies what an update has to keep; called in threads.

A cancelled unpacking ends within a chunk; what is there by then is the caller's to remove.
"""

import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from mrk.updates.archive_rules import ArchiveRefused, check_members, check_size, mode_of
from mrk.updates.update_errors import UpdateFailed, refused_by_system

_CHUNK_BYTES = 256 * 1024
# Beside what is unpacked: a system whose disk is full to the last byte prints no more.
_SPARE_BYTES = 50 * 1024 * 1024


def unpack(archive: Path, folder: Path, check_cancelled: Callable[[], None]) -> None:
    """Unpack into `folder`, which is made; raises `UpdateFailed`."""
    size = archive.stat().st_size
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = zipped.infolist()
            check_free_space(folder.parent, check_members(members, size))
            folder.mkdir(mode=0o755)
            written = 0
            for member in members:
                check_cancelled()
                target = folder / member.filename
                if member.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                written = _write(zipped, member, target, written, size, check_cancelled)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as exc:
        raise UpdateFailed(f"The archive cannot be unpacked: {exc}") from exc
    except OSError as exc:
        raise refused_by_system(exc, "The archive cannot be unpacked") from exc


def _write(
    zipped: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    target: Path,
    written: int,
    archive_bytes: int,
    check_cancelled: Callable[[], None],
) -> int:
    with zipped.open(member) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            check_cancelled()
            written += len(chunk)
            check_size(written, archive_bytes)
            file.write(chunk)
    if target.stat().st_size != member.file_size:
        raise ArchiveRefused(f"{member.filename!r} in the archive is not as large as it says")
    target.chmod(mode_of(member))
    return written


def check_free_space(folder: Path, wanted: int) -> None:
    """Raises `UpdateFailed` when a file system has no room for so many bytes."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < wanted + _SPARE_BYTES:
        raise UpdateFailed(
            f"There is not enough room in {folder}: {(wanted + _SPARE_BYTES) // 2**20} MiB are"
            f" needed, {free // 2**20} are free",
            507,
        )


def copy_kept(old: Path, new: Path, names: Sequence[str]) -> None:
    """Copy files and folders of `old` that an update leaves alone; raises `UpdateFailed`."""
    try:
        for name in names:
            source, target = old / name, new / name
            if not os.path.lexists(source):
                continue
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            elif os.path.lexists(target):
                target.unlink()
            if source.is_dir() and not source.is_symlink():
                shutil.copytree(source, target, symlinks=True)
            else:
                shutil.copy2(source, target, follow_symlinks=False)
    except OSError as exc:
        # shutil's own error gathers those of many files.
        raise UpdateFailed(f"What is to be kept cannot be copied: {exc}") from exc
