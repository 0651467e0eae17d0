"""The scan worker: a child process that reads g-code files for the daemon, one job at a time.

Started by `nurseries/files/scan/scanner.py` as `python -m nurseries.files.scan.worker`, fed over
stdin, answers on stdout, ends when stdin does. It gives way to everything (nice 19) and may use 512
MiB. A file that makes it crash costs that file's record: the scanner reports it and starts another.
"""

import contextlib
import errno
import os
import resource
import sys
from collections.abc import Iterator
from typing import BinaryIO, assert_never

import psutil

from mrk.errors import MrkError
from mrk.gcode.extrusion import FileExtrusion
from mrk.gcode.objects import LINE_LIMIT_BYTES
from mrk.gcode.scan import scan
from nurseries.files.scan.gcode_file import GcodeFile
from nurseries.files.scan.images import store_images
from nurseries.files.scan.messages import (
    AddObjects,
    Answer,
    Estimated,
    EstimateFile,
    ExtrusionMeasured,
    Failed,
    MeasureExtrusion,
    Request,
    RunProcessor,
    ScanFile,
    ScannedAnswer,
    TimesWritten,
    UnpackPackage,
    WriteTimes,
    decode_request,
    encode,
)
from nurseries.files.scan.rewrites import add_objects, process, unpack

MEMORY_LIMIT_BYTES = 512 * 1024 * 1024


def main() -> None:
    """Answer jobs until stdin ends."""
    _give_way()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Nothing but answers may reach the pipe, whatever a library prints.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


def _give_way() -> None:
    """Nice 19 and the idle I/O class, as far as the system lets it."""
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    with contextlib.suppress(psutil.Error, OSError, AttributeError):
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """One answer for each line; returns at the end of the requests."""
    for line in requests:
        answers.write(encode(perform(decode_request(line))))
        answers.flush()


def perform(request: Request) -> Answer:
    """Do one job; what its file is to blame for becomes a `Failed`."""
    try:
        match request:
            case ScanFile():
                return _scan(request)
            case UnpackPackage():
                return unpack(request.package, request.model, request.final, request.plate)
            case AddObjects():
                return add_objects(request.source, request.target)
            case MeasureExtrusion():
                return _measure(request)
            case EstimateFile():
                return _estimate(request)
            case WriteTimes():
                return _write_times(request)
            case RunProcessor():
                return process(request.source, request.target, request.processor)
            case _:
                assert_never(request)
    except MemoryError:
        return Failed("needs more memory than a scan may use")
    except OSError as error:
        # EINVAL is a seek to a place that a damaged archive names.
        return Failed(error.strerror or str(error), may_pass=error.errno != errno.EINVAL)
    except MrkError as error:
        return Failed(str(error))


def _scan(request: ScanFile) -> Answer:
    with GcodeFile(request.path) as file:
        if not file.size_bytes:
            return Failed("the file is empty", 0, file.mtime_ns)
        found = scan(file)
        notes = found.notes
        images = []
        if request.images:
            images = store_images(request.path, found.thumbnails, notes, packaged=found.packaged)
        return ScannedAnswer(found.metadata, images, file.size_bytes, file.mtime_ns, notes)


def _measure(request: MeasureExtrusion) -> ExtrusionMeasured:
    with GcodeFile(request.path) as gcode, open(gcode.fd, "rb", closefd=False) as file:
        extrusion = FileExtrusion()
        end = gcode.size_bytes if request.until is None else request.until
        extrusion.feed(_lines_until(file, end))
        return ExtrusionMeasured(extrusion.used_mm, gcode.size_bytes, gcode.mtime_ns)


def _estimate(request: EstimateFile) -> Estimated:
    # A worker that only scans does without the planner.
    from nurseries.files.scan.estimates import estimate_file

    with GcodeFile(request.path) as gcode:
        found = estimate_file(
            gcode,
            request.path,
            request.limits,
            excluded=frozenset(request.excluded),
            excluded_from=request.excluded_behind,
        )
        return Estimated(found, gcode.size_bytes, gcode.mtime_ns)


def _write_times(request: WriteTimes) -> TimesWritten:
    from nurseries.files.scan.time_rewrite import write_times

    return write_times(request.source, request.target, request.limits)


def _lines_until(file: BinaryIO, end: int) -> Iterator[bytes]:
    """Lines that begin before `end`; longer ones than Klipper would take come in pieces."""
    position = 0
    while position < end and (line := file.readline(LINE_LIMIT_BYTES)):
        yield line
        position += len(line)


if __name__ == "__main__":
    main()
