"""What stands in the option `attach`, a line each: a picture by one word, an address, or a path.

Pure; `nurseries/notifier/attachments.py` fetches.
"""

import enum
import re

import msgspec

SNAPSHOT, THUMBNAIL = "snapshot", "thumbnail"
MOST_ATTACHMENTS = 8
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


class AttachmentKind(enum.Enum):
    """Where the bytes come from."""

    SNAPSHOT = enum.auto()  # `value` names the webcam, empty: the default one
    THUMBNAIL = enum.auto()  # of the file that is printed
    ADDRESS = enum.auto()  # fetched by the library
    PATH = enum.auto()


class Wanted(msgspec.Struct, frozen=True):
    """One attachment."""

    kind: AttachmentKind
    value: str = ""


def wanted_attachments(text: str) -> list[Wanted]:
    """From the rendered option; at most `MOST_ATTACHMENTS`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [_wanted(line) for line in lines[:MOST_ATTACHMENTS]]


def _wanted(line: str) -> Wanted:
    word, _, rest = line.partition(" ")
    if word == SNAPSHOT:
        return Wanted(AttachmentKind.SNAPSHOT, rest.strip())
    if line == THUMBNAIL:
        return Wanted(AttachmentKind.THUMBNAIL)
    if _ADDRESS.match(line):
        return Wanted(AttachmentKind.ADDRESS, line)
    return Wanted(AttachmentKind.PATH, line)
