"""What bounds a file that is fetched, and how that ended.

`nurseries/http_client/file_download.py` writes the file; whoever wanted it says what is wrong.
"""

import enum

import msgspec


class DownloadLimits(msgspec.Struct, frozen=True, kw_only=True):
    """`silence_s` is how long nothing may come, `whole_s` how long all may take."""

    most_bytes: int
    silence_s: float
    whole_s: float


class DownloadEnd(enum.Enum):
    """Only `WHOLE` leaves a file."""

    WHOLE = enum.auto()
    REFUSED = enum.auto()
    TOO_LARGE = enum.auto()
    SILENT = enum.auto()
    TOO_SLOW = enum.auto()


class Downloaded(msgspec.Struct, frozen=True):
    """`status` is that of the answer, 0 without one; `sha256`, in hexadecimal, of what has come."""

    end: DownloadEnd
    status: int
    size_bytes: int
    sha256: str


def end_of(status: int, within_limit: bool) -> DownloadEnd:
    """How an answer that has come to its end has ended."""
    if status != 200:
        return DownloadEnd.REFUSED
    return DownloadEnd.WHOLE if within_limit else DownloadEnd.TOO_LARGE
