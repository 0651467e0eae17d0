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

    def is_another(self, size: int, modified: float, sha256: str | None) -> bool:
        """Whether a file of that size, time and digest was replaced by this one.

        Two files that are written within one tick of the disk's clock (4 ms) look alike otherwise.
        """
        alike = (self.size, self.modified) == (size, modified)
        return alike and self.sha256 is not None and sha256 not in (None, self.sha256)
