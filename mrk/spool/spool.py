"""A spool as Spoolman answers: the few fields that reports need.

Source: `GET /api/v1/spool/{id}` of Spoolman 0.26. Lengths are in mm and computed by the server.
"""

import math
from datetime import UTC, datetime, timedelta

import msgspec

from mrk import foreign_json

# Databases round to seconds, some up and some down.
_SAME_MOMENT = timedelta(seconds=1)


class SpoolState(msgspec.Struct, frozen=True):
    """`registered` tells a spool from a later one of the same id; `last_used` moves at each use."""

    id: int
    registered: str
    used_length_mm: float = msgspec.field(name="used_length")
    last_used: str | None = None


def decode_spool(body: bytes) -> SpoolState:
    """Raises `ValueError` for what is no spool, or one whose numbers are broken."""
    found = foreign_json.decode(body, SpoolState)
    if not math.isfinite(found.used_length_mm):
        raise ValueError("used_length is not finite")
    return found


def same_moment(one: str | None, other: str | None) -> bool:
    """Whether two times of Spoolman are one: versions and databases of it write them differently,
    with `Z`, `+00:00` or nothing for UTC, with and without parts of a second."""
    if one == other or one is None or other is None:
        return one == other
    try:
        return abs(_moment(one) - _moment(other)) < _SAME_MOMENT
    except (ValueError, OverflowError):
        return False


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
