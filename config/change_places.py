"""Two folders, or files, change their names: in one step where the file system can (renameat2(2)).

Beside `whole_file.py`, for the same reason. All of it blocks.
"""

import errno
import os
from pathlib import Path

_EXCHANGE = 2
_AT_FDCWD = -100
# File systems and kernels that cannot.
_UNABLE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def change_places(one: Path, other: Path, aside: Path) -> None:
    """Raises OSError, and then both are where they were.

    Where it takes three renames, `other` is `aside` between the first and the second, and `one`
    is not there between the second and the third.
    """
    try:
        _exchange(one, other)
    except OSError as exc:
        if exc.errno not in _UNABLE:
            raise
        _by_renames(one, other, aside)


def _exchange(one: Path, other: Path) -> None:
    # Imported when it is needed: 1 MB.
    import ctypes

    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, "renameat2 is missing")
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))


def _by_renames(one: Path, other: Path, aside: Path) -> None:
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        aside.rename(other)
        raise
    aside.rename(one)
