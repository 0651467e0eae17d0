"""What the disk has of a file that was just synced, and not what the kernel remembers of it.

Blocks; run in a thread. Costs as long as the disk takes to give it all back.
"""

import contextlib
import hashlib
import mmap
import os

_BLOCK_BYTES = 1024 * 1024
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


def digest_on_disk(path: str) -> str:
    """The SHA-256 in hexadecimal; raises OSError.

    Read past the kernel's cache (O_DIRECT). Where the file system cannot do that (some network
    ones, tmpfs before Linux 6.6), what is cached is dropped first: it is clean, as it is synced.
    """
    descriptor = os.open(path, _READ)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        with contextlib.suppress(OSError):
            direct = os.open(path, _READ | os.O_DIRECT)
            try:
                return _digest(direct)
            finally:
                os.close(direct)
        return _digest(descriptor)
    finally:
        os.close(descriptor)


def _digest(descriptor: int) -> str:
    found = hashlib.sha256()
    size_bytes, at = os.fstat(descriptor).st_size, 0
    # Of a map, because O_DIRECT needs a buffer that begins at a page.
    with mmap.mmap(-1, _BLOCK_BYTES) as buffer, memoryview(buffer) as view:
        while at < size_bytes:
            count = os.preadv(descriptor, [view], at)
            if not count:
                break  # shorter than it was: the digest tells
            found.update(view[:count])
            at += count
    return found.hexdigest()
