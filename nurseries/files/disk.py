"""Looks at the disk for the file manager: stats, folders, who still writes to a file.

Everything here blocks and is called in a thread (`nurseries/files/threads.py`); long walks end
early when their caller is cancelled.
"""

import fcntl
import os
import signal
import stat as modes
from collections.abc import Iterator, Mapping

import msgspec
import trio

from mrk.files.mounts import mount_point, network_devices
from mrk.files.records import Stat
from mrk.files.reserved import Permissions, ReservedPaths
from mrk.files.temporary import is_temporary
from mrk.files.tree import Folder

_CHECK_EVERY = 500


class FileSnapshot(msgspec.Struct, gc=False):
    """One name on disk. `being_written`: somebody has it open to write; None: not known."""

    stat: Stat | None
    being_written: bool | None = False


class Difference(msgspec.Struct):
    """What a folder holds, against what was known of it. `stat` None: no folder to be read."""

    stat: Stat | None
    gone: list[str] = []
    present: dict[str, FileSnapshot] = {}


def real_path(path: str) -> str:
    """As `os.path.realpath`, in three calls: that one asks the disk for each folder of the path.

    For each of 600 folders inside each other that would be a minute.
    """
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            real = os.readlink(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
    except OSError:
        return os.path.realpath(path)
    # The kernel adds that to what is gone.
    usable = real.startswith("/") and not real.endswith(" (deleted)")
    return real if usable else os.path.realpath(path)


def stat_of(
    path: str, reserved: ReservedPaths, allowed: Permissions, status: os.stat_result
) -> Stat | None:
    """A file or folder from its own `lstat`; links are followed.

    `allowed` holds for the path itself. None for broken links, and for what is neither file nor
    folder: reading a pipe would wait for ever.
    """
    is_link = modes.S_ISLNK(status.st_mode)
    if is_link:
        try:
            status = os.stat(path)
            allowed = min(allowed, reserved.permissions(real_path(path)), key=len)
        except OSError:
            return None
    is_folder = modes.S_ISDIR(status.st_mode)
    if not is_folder and not modes.S_ISREG(status.st_mode):
        return None
    return Stat(
        is_folder,
        status.st_size,
        status.st_mtime,
        status.st_mtime_ns,
        status.st_dev,
        status.st_ino,
        is_link,
        allowed,
    )


def look(path: str, reserved: ReservedPaths) -> Stat | None:
    """What is at a path; None when nothing is that clients could see."""
    folder, _, name = path.rpartition("/")
    if is_temporary(name):
        return None
    try:
        real = real_path(folder)
        status = os.lstat(path)
    except OSError:
        return None
    allowed = reserved.below(reserved.permissions(real), real, name)
    return stat_of(path, reserved, allowed, status)


def look_closely(path: str, known: Stat | None, reserved: ReservedPaths) -> FileSnapshot:
    """The same, and whether somebody still writes to a file that is not as it was known."""
    stat = look(path, reserved)
    if stat is None or stat.is_folder or (known is not None and known.same_content(stat)):
        return FileSnapshot(stat)
    return FileSnapshot(stat, being_written(path))


def being_written(path: str) -> bool | None:
    """Whether any process has a file open for writing; None where the kernel does not tell.

    A read lease is refused while there is a writer (fcntl(2), F_SETLEASE); it is given back at
    once. It needs a file of our own user.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return None
    try:
        # Somebody may open the file just now: the kernel then sends SIGIO, which would kill us.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def read_folder(path: str, reserved: ReservedPaths) -> Iterator[tuple[str, Stat]]:
    """Names and stats of what clients could see in a folder; raises OSError."""
    real = real_path(path)
    inherited = reserved.permissions(real)
    with os.scandir(path) as entries:
        for count, entry in enumerate(entries):
            if count % _CHECK_EVERY == 0:
                trio.from_thread.check_cancelled()
            if is_temporary(entry.name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone meanwhile
            allowed = reserved.below(inherited, real, entry.name)
            stat = stat_of(entry.path, reserved, allowed, status)
            if stat is not None:
                yield entry.name, stat


def compare(
    path: str, known: Mapping[str, Stat | Folder], reserved: ReservedPaths, *, ask_writers: bool
) -> Difference:
    """What a folder holds now against `known`; `ask_writers` about files that are not as known."""
    try:
        difference = Difference(stat_of(path, reserved, Permissions.WRITE, os.stat(path)))
        seen = set()
        for name, stat in read_folder(path, reserved):
            seen.add(name)
            entry = known.get(name)
            old = entry.stat if isinstance(entry, Folder) else entry
            if old is not None and old == stat:
                continue
            new = not stat.is_folder and (old is None or not old.same_content(stat))
            writer = being_written(f"{path}/{name}") if ask_writers and new else False
            difference.present[name] = FileSnapshot(stat, writer)
    except OSError:
        return Difference(None)
    difference.gone = [name for name in known if name not in seen]
    return difference


def on_network(device: int) -> bool:
    """Whether a device number belongs to a network file system."""
    return (os.major(device), os.minor(device)) in network_devices(_mountinfo())


def mount_of(path: str) -> str:
    """Where the file system of a real path is mounted; asks the kernel, and no disk."""
    return mount_point(_mountinfo(), path)


def _mountinfo() -> str:
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
