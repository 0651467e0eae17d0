"""A file that has just been put in its place, and what is known of its bytes."""

import msgspec


class ArrivedFile(msgspec.Struct, frozen=True):
    """Its size and time as it was placed.

    `sha256` is of its bytes as they were received, in hexadecimal; None for what was made of them
    here (the g-code of a package).
    """

    size: int
    modified: float
    sha256: str | None
