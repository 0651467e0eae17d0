"""The scan worker's job that writes a plan's times into a copy of a g-code file.

The copy is a new file that the caller named and renames; it is whole and on the disk, or gone.
"""

import hashlib
from collections.abc import Callable
from typing import BinaryIO

from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.time_marks import TimeMarks
from mrk.gcode.objects import LINE_LIMIT_BYTES
from mrk.version import VERSION
from nurseries.files.scan.estimates import estimate_file
from nurseries.files.scan.gcode_file import GcodeFile
from nurseries.files.scan.messages import TimesWritten
from nurseries.files.scan.rewrites import new_file

_HEAD_BYTES = 1024 * 1024


def write_times(source: bytes, target: bytes, limits: PrinterLimits) -> TimesWritten:
    """Raises `MrkError` and OSError, and leaves nothing behind then."""
    with GcodeFile(source) as gcode:
        found = estimate_file(gcode, source, limits)
        head = gcode.read_at(0, _HEAD_BYTES)
        times = TimeMarks(head, found.total_time, found.marks, gcode.size_bytes)
        digest = hashlib.sha256()
        with open(gcode.fd, "rb", closefd=False) as file, new_file(target) as out:
            file.seek(0)
            last = _copy(file, out, times, digest.update)
            if last and not last.endswith(b"\n"):
                out.write(b"\n")
            out.write(times.mark(f"v{VERSION}"))
        return TimesWritten(found.total_time, digest.hexdigest(), gcode.size_bytes, gcode.mtime_ns)


def _copy(file: BinaryIO, out: BinaryIO, times: TimeMarks, seen: Callable[[bytes], None]) -> bytes:
    """The last line."""
    offset, line = 0, b""
    while piece := file.readline(LINE_LIMIT_BYTES):
        # A line that is longer than Klipper takes comes in pieces, none of which is looked at.
        whole = offset == 0 or line.endswith(b"\n")
        line = piece
        seen(line)
        out.write(times.feed(line, offset) if whole else line)
        offset += len(line)
    return line
