"""SHA-256 of files that are downloaded, for clients that ask for `Repr-Digest`.

Reads the file once before it is sent, in a thread of its own kind, so that hashing large files
takes no threads from other downloads. What was found is remembered for some files, since a client
may ask for each part of one. One instance per generation.
"""

import hashlib
import os
from collections.abc import Callable
from functools import partial

import trio

from mrk.errors import ClientError

THREADS = 2
REMEMBERED = 64
_BLOCK_BYTES = 1024 * 1024

# Device, inode, time of the last change and size: another one of each is another content.
Version = tuple[int, int, int, int]


def version_of(status: os.stat_result) -> Version:
    """What tells a file's content from others."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


class FileDigests:
    """Digests by version."""

    def __init__(self) -> None:
        self._threads = trio.CapacityLimiter(THREADS)
        self._known: dict[Version, str] = {}

    def get(self, status: os.stat_result) -> str | None:
        """What is known of a file that was found so; for threads, too."""
        return self._known.get(version_of(status))

    async def find(self, opened: Callable[[], int]) -> None:
        """Have the digest of a file known, unless it cannot be read or changes meanwhile."""
        found = await trio.to_thread.run_sync(partial(self._digest, opened), limiter=self._threads)
        if found is None:
            return
        version, digest = found
        if len(self._known) >= REMEMBERED and version not in self._known:
            del self._known[next(iter(self._known))]
        self._known[version] = digest

    def _digest(self, opened: Callable[[], int]) -> tuple[Version, str] | None:
        """Blocks; whoever sends the file says what is wrong with it."""
        try:
            descriptor = opened()
        except (OSError, ClientError):
            return None
        try:
            version = version_of(os.fstat(descriptor))
            known = self._known.get(version)
            digest = _read(descriptor) if known is None else known
            return (version, digest) if version_of(os.fstat(descriptor)) == version else None
        except OSError:  # a folder
            return None
        finally:
            os.close(descriptor)


def _read(descriptor: int) -> str:
    found, at = hashlib.sha256(), 0
    while block := os.pread(descriptor, _BLOCK_BYTES, at):
        trio.from_thread.check_cancelled()
        found.update(block)
        at += len(block)
    return found.hexdigest()
