"""The scan worker's job that writes a plan's times into a copy of a g-code file.

The copy is a new file that the caller named and renames; it is whole and on the disk, or gone. Its
own plan is the one that was made, with the places of the clock's marks in the new text.
"""

import hashlib
import os
from collections.abc import Callable
from typing import BinaryIO

from mrk.errors import MrkError
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.segments import Mark
from mrk.estimate.time_marks import TimeMarks
from mrk.gcode.binary.blocks import is_binary
from mrk.gcode.objects import LINE_LIMIT_BYTES
from mrk.version import VERSION
from nurseries.files.scan.estimates import PACKAGES, estimate_file
from nurseries.files.scan.gcode_file import GcodeFile
from nurseries.files.scan.messages import TimesWritten
from nurseries.files.scan.rewrites import new_file

_HEAD_BYTES = 1024 * 1024


class NoText(MrkError):
    """Times can be written into plain g-code only."""


def write_times(source: bytes, target: bytes, limits: PrinterLimits) -> TimesWritten:
    """Raises `MrkError` and OSError, and leaves nothing behind then."""
    with GcodeFile(source) as gcode:
        if is_binary(gcode) or os.path.splitext(source)[1].lower() in PACKAGES:
            raise NoText("times cannot be written into binary g-code or packages")
        plan = estimate_file(gcode, source, limits)
        head = gcode.read_at(0, _HEAD_BYTES)
        times = TimeMarks(head, plan.total_time, plan.marks, gcode.size_bytes)
        digest = hashlib.sha256()
        with open(gcode.fd, "rb", closefd=False) as file, new_file(target) as out:
            file.seek(0)
            last, plan.marks = _copy(file, out, times, plan.marks, digest.update)
            if last and not last.endswith(b"\n"):
                out.write(b"\n")
            out.write(times.mark(f"v{VERSION}"))
        new = os.stat(target)
        return TimesWritten(
            digest.hexdigest(),
            gcode.size_bytes,
            gcode.mtime_ns,
            plan,
            new.st_size,
            new.st_mtime_ns,
        )


def _copy(
    file: BinaryIO,
    out: BinaryIO,
    times: TimeMarks,
    marks: list[Mark],
    seen: Callable[[bytes], None],
) -> tuple[bytes, list[Mark]]:
    """The last line, and the marks by where they are now."""
    offset, written, line = 0, 0, b""
    moved: list[Mark] = []
    while piece := file.readline(LINE_LIMIT_BYTES):
        # A line that is longer than Klipper takes comes in pieces, none of which is looked at.
        whole = offset == 0 or line.endswith(b"\n")
        line = piece
        seen(line)
        written += out.write(times.feed(line, offset) if whole else line)
        offset += len(line)
        while len(moved) < len(marks) and marks[len(moved)][0] <= offset:
            moved.append((written, marks[len(moved)][1]))
    return line, moved
