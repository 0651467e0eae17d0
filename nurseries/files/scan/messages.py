"""What the scanner and its worker say to each other: one line of JSON each way and job.

Paths travel as bytes, because names on disk need not be text.
"""

import msgspec

from mrk import foreign_json
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.record import Estimate
from mrk.gcode.metadata import Metadata
from mrk.gcode.processors import GcodeProcessor

# A note of nearly every scan, which is no reason that something of the file is missing.
NO_PILLOW = "no 32x32 miniature: Pillow is not installed"


class ScanFile(msgspec.Struct, tag="scan"):
    """Read the metadata of `path`; `images`: write its thumbnails beside it."""

    path: bytes
    images: bool


class UnpackPackage(msgspec.Struct, tag="unpack"):
    """Unpack a UFP, a 3MF project's plate or binary g-code: its model into the new file `model`,
    its image as that of the file `final`.
    """

    package: bytes
    model: bytes
    final: bytes
    plate: int = 0


class AddObjects(msgspec.Struct, tag="objects"):
    """Write `source` with exclude_object commands into the new file `target`."""

    source: bytes
    target: bytes


class MeasureExtrusion(msgspec.Struct, tag="measure"):
    """Count the filament that the first `until` bytes of `path` ask for; None: the whole file."""

    path: bytes
    until: int | None


class EstimateFile(msgspec.Struct, tag="estimate"):
    """Plan `path` under a printer's limits, without objects that are excluded behind a byte."""

    path: bytes
    limits: PrinterLimits
    excluded: list[bytes] = []
    excluded_behind: int = 0


class WriteTimes(msgspec.Struct, tag="times"):
    """Write `source` with the times of its plan into the new file `target`."""

    source: bytes
    target: bytes
    limits: PrinterLimits


class RunProcessor(msgspec.Struct, tag="process"):
    """Write what a processor makes of `source` into the new file `target`."""

    source: bytes
    target: bytes
    processor: GcodeProcessor


class WrittenImage(msgspec.Struct):
    """A file in `.thumbs`; sizes in pixels and bytes."""

    name: bytes
    width: int
    height: int
    size: int


class ScannedAnswer(msgspec.Struct, tag="scanned"):
    """What was found in the file that had this size and time when it was opened."""

    metadata: Metadata
    images: list[WrittenImage]
    size_bytes: int
    mtime_ns: int
    notes: list[str]


class Unpacked(msgspec.Struct, tag="unpacked"):
    """The model's size; `image`: whether the package had one that was stored."""

    size_bytes: int
    image: bool
    others: list[int] = []  # a project's further plates


class ObjectsAdded(msgspec.Struct, tag="objects"):
    """Names of the objects that can be excluded; none: nothing was written."""

    names: list[str]


class ProcessorDone(msgspec.Struct, tag="processed"):
    """Whether the new file is there; False: the file stays as it is."""

    changed: bool


class ExtrusionMeasured(msgspec.Struct, tag="measured"):
    """What a file that had this size asks for, in mm."""

    used_mm: float
    size_bytes: int
    mtime_ns: int


class Estimated(msgspec.Struct, tag="estimated"):
    """The plan of a file that had this size and time."""

    estimate: Estimate
    size_bytes: int
    mtime_ns: int


class TimesWritten(msgspec.Struct, tag="timed"):
    """The file as it was: its hash (SHA-256), size and time; and the new one with its plan."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    estimate: Estimate
    new_size_bytes: int
    new_mtime_ns: int


class Failed(msgspec.Struct, tag="failed"):
    """The job could not be done, and why; size and time of the file if it could be opened.

    `may_pass`: the host is to blame (a full disk), and another try may succeed.
    """

    reason: str
    size_bytes: int = 0
    mtime_ns: int = 0
    may_pass: bool = False


Request = (
    ScanFile
    | UnpackPackage
    | AddObjects
    | MeasureExtrusion
    | EstimateFile
    | WriteTimes
    | RunProcessor
)
Answer = (
    ScannedAnswer
    | Unpacked
    | ObjectsAdded
    | ExtrusionMeasured
    | Estimated
    | TimesWritten
    | ProcessorDone
    | Failed
)


def encode(message: Request | Answer) -> bytes:
    """One line."""
    return msgspec.json.encode(message) + b"\n"


_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def decode_request(line: bytes) -> Request:
    """Raises `msgspec.DecodeError`."""
    return _requests.decode(line)


def decode_answer(line: bytes) -> Answer:
    """Raises `NotJson`."""
    return foreign_json.decode_by(_answers, line)
