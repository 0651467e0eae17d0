"""The SHA-256 of files that lie on the disk: of those that were changed here since they came.

Blocks; called in a thread. A file that is written to meanwhile has none.
"""

import hashlib
import os
from pathlib import Path

import trio

from mrk.files.arrived import ArrivedFile
from mrk.files.records import modified_of
from nurseries.files.threads import Threads

_BLOCK_BYTES = 1024 * 1024


async def digest_of(
    file: Path, arrived: ArrivedFile, seen: tuple[int, float], threads: Threads
) -> str | None:
    """Of an arrived file that has size and time `seen` now; None when it is not known.

    What was received is not read again; what was rewritten since (object markers, an add-on), or
    unpacked, is read once, as it is in the cache.
    """
    if arrived.sha256 is not None and seen == (arrived.size, arrived.modified):
        return arrived.sha256
    return await threads.run(file_digest, file, seen)


def file_digest(file: Path, seen: tuple[int, float]) -> str | None:
    """In hexadecimal, as long as the file is as it was seen; a cancelled caller ends it early."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return None
    try:
        digest = _read(descriptor) if _seen(descriptor) == seen else None
        return digest if _seen(descriptor) == seen else None
    except OSError:
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


def _seen(descriptor: int) -> tuple[int, float]:
    status = os.fstat(descriptor)
    return status.st_size, modified_of(status.st_mtime_ns)
