"""Files that are written whole or not at all, by whoever keeps small ones: the only way to do so.

Here, because this is the lowest folder that touches the disk. All of it blocks. A crash leaves a
hidden name that is swept from the folders that users see (`mrk/files/temporary.py`).
"""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

_UNABLE = (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def write_whole(
    path: Path,
    content: bytes,
    *,
    mode: int | None = None,
    owner: tuple[int, int] | None = None,
    check: Callable[[Path], None] = lambda _file: None,
) -> None:
    """Give a file this content; after a power cut, too, it has the old or the new.

    Without `mode` its permissions are those of any new file; `owner` are numbers of user and group.
    `check` looks at the new file before it takes its place, and refuses by raising. Raises OSError;
    after any error everything is as it was.
    """
    part = path.with_name(f".{os.urandom(8).hex()}.part")
    try:
        # Nobody else reads it before it has its permissions.
        descriptor = os.open(part, _NEW, 0o666 if mode is None else 0o600)
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, *owner)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        check(part)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    sync(path.parent)


def replace_unchanged(new: Path, file: Path, before: tuple[int, int]) -> bool:
    """Rename what was made of a file over it; it keeps its permissions. Raises OSError.

    False, with nothing done, when the file is gone or not any more of the size and time (ns) that
    it had `before`: somebody has written it meanwhile.
    """
    try:
        status = file.stat()
    except FileNotFoundError:
        return False
    if (status.st_size, status.st_mtime_ns) != before:
        return False
    os.chmod(new, status.st_mode & 0o777)
    new.replace(file)
    return True


def sync(path: Path) -> None:
    """Bring a file, or the names of a folder, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        # Some network file systems sync files only, and keep names by themselves.
        if exc.errno not in _UNABLE or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Bring all that was written to the file system of `path` onto the disk.

    Not to all others: a stick takes minutes for an upload, and a share whose server is gone never
    ends. Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not _syncfs(descriptor):
            os.sync()
    finally:
        os.close(descriptor)


def _syncfs(descriptor: int) -> bool:
    """Whether there is syncfs(2); as of sync(2), nobody hears of what could not be written."""
    # Imported when it is needed: 1 MB.
    import ctypes

    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    return syncfs is not None and (syncfs(descriptor) == 0 or ctypes.get_errno() != errno.ENOSYS)
