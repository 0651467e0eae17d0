"""A spool as Spoolman answers: the few fields that reports need.

Source: `GET /api/v1/spool/{id}` of Spoolman 0.26. Lengths are in mm and computed by the server.
"""

import math

import msgspec


class SpoolState(msgspec.Struct, frozen=True):
    """`registered` tells a spool from a later one of the same id; `last_used` moves at each use."""

    id: int
    registered: str
    used_length_mm: float = msgspec.field(name="used_length")
    last_used: str | None = None


_decoder = msgspec.json.Decoder(SpoolState)


def decode_spool(body: bytes) -> SpoolState:
    """Raises `ValueError` for what is no spool, or one whose numbers are broken."""
    found = _decoder.decode(body)
    if not math.isfinite(found.used_length_mm):
        raise ValueError("used_length is not finite")
    return found
