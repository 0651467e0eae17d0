"""Compressed files beside those of a front end: nothing is compressed while it is asked for.

Plain functions that block; called in threads. A page of 4 MB leaves as 1 MB then.
"""

import gzip
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from mrk.frontends.content_types import content_type, may_be_compressed

# Smaller ones fit into a packet or two; larger ones would take a small board minutes.
LEAST_BYTES = 1400
MOST_BYTES = 16 * 1024 * 1024
# In all of a front end.
MOST_TOGETHER_BYTES = 128 * 1024 * 1024
_LEVEL = 9
# What a smaller answer has to save, to be worth a place on the disk.
_WORTH = 0.9


def compress_beside(
    folder: Path, left: Collection[str], check_cancelled: Callable[[], None]
) -> int:
    """Write `.gz` beside the files that get smaller; returns how many. Raises OSError.

    `left` are names in the folder that people edit: a compressed one would be the old content.
    """
    written = total = 0
    for file in _candidates(folder):
        if file.relative_to(folder).parts[0] in left:
            continue
        check_cancelled()
        size = file.stat().st_size
        total += size
        if total > MOST_TOGETHER_BYTES:
            break
        written += _compress(file, size)
    return written


def _candidates(folder: Path) -> Iterator[Path]:
    for place, _folders, names in os.walk(folder):
        for name in sorted(names):
            file = Path(place, name)
            if name.endswith((".br", ".gz")) or not may_be_compressed(content_type(name)):
                continue
            if file.is_symlink() or file.with_name(f"{name}.gz").exists():
                continue
            if LEAST_BYTES <= file.stat().st_size <= MOST_BYTES:
                yield file


def _compress(file: Path, size: int) -> bool:
    target = file.with_name(f"{file.name}.gz")
    with (
        file.open("rb") as source,
        target.open("xb") as raw,
        gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as packed,
    ):
        shutil.copyfileobj(source, packed, 256 * 1024)
    if target.stat().st_size > size * _WORTH:
        target.unlink()
        return False
    shutil.copystat(file, target)
    return True
