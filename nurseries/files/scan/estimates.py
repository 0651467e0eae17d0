"""Reads g-code files for an estimate: plain text, binary g-code, and what lies in a package.

Used in the scan worker and by `mrk estimate`. A piece is in memory at a time; a file that grows is
read to the length it had when it was opened, one that changes meanwhile has no estimate.
"""

import os
import zipfile
from collections.abc import Callable, Iterator

from mrk.errors import MrkError
from mrk.estimate.estimate import Estimation
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.record import Estimate
from mrk.gcode.binary.as_text import BinaryText
from mrk.gcode.binary.blocks import is_binary
from mrk.gcode.ufp import PackageRefused
from nurseries.files.scan.gcode_file import GcodeFile
from nurseries.files.scan.rewrites import BAD_ARCHIVE, open_model

# What one piece plans into has to be held as well: a thousand times that at the very most.
PIECE_BYTES = 65536
PACKAGES = (b".ufp", b".3mf")
# Bytes that were read, bytes there are.
Progress = Callable[[int, int], None]


class FileChanged(MrkError):
    """Somebody wrote to the file while it was read."""


def estimate_file(
    source: GcodeFile,
    name: bytes,
    limits: PrinterLimits,
    *,
    progress: Progress = lambda _done, _whole: None,
    excluded: frozenset[bytes] = frozenset(),
    excluded_from: int = 0,
) -> Estimate:
    """Plan an open file, whose `name` says what it is; raises `MrkError` and OSError."""
    estimation = Estimation(limits, excluded=excluded, excluded_from=excluded_from)
    for done, piece in _chunks(source, name):
        estimation.feed(piece)
        progress(done, source.size_bytes)
    status = os.fstat(source.fd)
    if (status.st_size, status.st_mtime_ns) != (source.size_bytes, source.mtime_ns):
        raise FileChanged("the file was changed while it was read")
    return estimation.finish()


def _chunks(source: GcodeFile, name: bytes) -> Iterator[tuple[int, bytes]]:
    """Pieces of the text, each with how far into the file it goes."""
    if is_binary(source):
        done = 0
        for text in BinaryText(source).chunks():
            done += len(text) // 3  # how far is a guess; packed text is that much shorter
            yield min(done, source.size_bytes), text
    elif os.path.splitext(name)[1].lower() in PACKAGES:
        yield from _packaged(source)
    else:
        at = 0
        while at < source.size_bytes:
            piece = source.read_at(at, min(PIECE_BYTES, source.size_bytes - at))
            if not piece:
                return
            at += len(piece)
            yield at, piece


def _packaged(source: GcodeFile) -> Iterator[tuple[int, bytes]]:
    with open(source.fd, "rb", closefd=False) as file:
        try:
            with zipfile.ZipFile(file) as archive, archive.open(open_model(archive).model) as model:
                while piece := model.read(PIECE_BYTES):
                    yield file.tell(), piece
        except BAD_ARCHIVE as error:
            raise PackageRefused(str(error) or type(error).__name__) from error
