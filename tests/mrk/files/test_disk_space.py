"""Room on a disk, and what is told of one that has none."""

import errno
import os

import pytest

from mrk.definitions.limits import MIB
from mrk.files.disk_space import fits, is_full, storage_error


def disk(free_bytes: int, total_bytes: int, unit: int = 1) -> os.statvfs_result:
    status = [0] * 10
    status[1] = unit  # f_frsize
    status[2], status[4] = total_bytes // unit, free_bytes // unit
    return os.statvfs_result(status)


@pytest.mark.parametrize(
    ("size", "free", "total", "stored"),
    [
        (MIB, MIB, 100 * MIB, True),
        (MIB, MIB - 1, 100 * MIB, False),
        (MIB + 1, MIB + 1, 100 * MIB, False),
        (2 * MIB, 3 * MIB, 100 * MIB, True),
        (2 * MIB, 3 * MIB - 1, 100 * MIB, False),
        (2 * MIB, 18 * MIB, 10**12, True),
        (2 * MIB, 18 * MIB - 1, 10**12, False),
    ],
)
def test_the_margin(size: int, free: int, total: int, stored: bool) -> None:
    assert fits(size, disk(free, total)) is stored


def test_sizes_are_told_in_units_of_the_file_system() -> None:
    assert fits(2 * MIB, disk(3 * MIB, 100 * MIB, 4096))
    assert not fits(2 * MIB, disk(3 * MIB - 4096, 100 * MIB, 4096))


@pytest.mark.parametrize(
    ("number", "full"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EFBIG, True), (errno.EIO, False)],
)
def test_what_clients_hear_of_the_disk(number: int, full: bool) -> None:
    error = OSError(number, "")
    assert is_full(error) is full
    told = storage_error(error)
    assert told.status == (507 if full else 500)
    assert (os.strerror(number) in told.message) is not full
