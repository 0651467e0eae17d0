"""Names of files that are not finished: hidden from clients, swept when the daemon starts.

They lie in the folder that the finished file will be in, so that a rename ends the work.
"""

import enum
import re

_HIDDEN = r"\.mrk-(?:upload|copy|trash|zip|rewrite)-[0-9a-f]{16}|\.[0-9a-f]{16}\.part"
TOKEN_BYTES = 8


class Purpose(enum.StrEnum):
    """What the file is for, for people who find one."""

    UPLOAD = "upload"
    COPY = "copy"
    TRASH = "trash"
    ZIP = "zip"
    REWRITE = "rewrite"


def temporary_name(purpose: Purpose, token: bytes) -> str:
    """A hidden name; `token` are 8 random bytes."""
    if len(token) != TOKEN_BYTES:
        raise ValueError(f"a token has {TOKEN_BYTES} bytes")
    return f".mrk-{purpose}-{token.hex()}"


def is_temporary(name: str) -> bool:
    """Whether a name was made here, or by the scan worker for an image it is writing."""
    return name.startswith(".") and re.fullmatch(_HIDDEN, name) is not None
