"""What is told of a disk that refuses."""

import errno

import pytest

from mrk.files.transfers import storage_error


@pytest.mark.parametrize(
    ("number", "status"),
    [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EFBIG, 507), (errno.EIO, 500)],
)
def test_what_clients_hear_of_the_disk(number: int, status: int) -> None:
    assert storage_error(OSError(number, "")).status == status
