"""When a file may be stored, which refusals mean a full disk, and what clients hear of them.

A full disk stops more than uploads: logs, the database, Klipper itself. Pure.
"""

import errno
import os

from mrk.definitions.limits import MIB
from mrk.errors import ClientError

NO_SPACE = 507
_MARGIN_BYTES = 16 * MIB
_MARGIN_SHARE = 100
# Small files, a printer.cfg above all, may take what is left.
_SMALL_BYTES = MIB
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def fits(size_bytes: int, disk: os.statvfs_result) -> bool:
    """Whether a file may be stored on a file system, with a margin left over for others."""
    free_bytes = disk.f_bavail * disk.f_frsize
    if size_bytes <= _SMALL_BYTES:
        return size_bytes <= free_bytes
    margin = min(_MARGIN_BYTES, disk.f_blocks * disk.f_frsize // _MARGIN_SHARE)
    return size_bytes + margin <= free_bytes


def is_full(error: OSError) -> bool:
    """Whether the disk, or what the user may have of it, is full, or a file as large as may be."""
    return error.errno in _FULL


def no_space() -> ClientError:
    """As every full disk is told."""
    return ClientError("There is not enough space for this file", NO_SPACE)


def storage_error(error: OSError) -> ClientError:
    """What a client hears of a disk's refusal: 507 when it is full, else 500."""
    if is_full(error):
        return no_space()
    return ClientError(f"The file could not be stored: {os.strerror(error.errno or 0)}", 500)
