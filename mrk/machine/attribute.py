"""One value from a small file of /sys, /proc/device-tree or /sys/class/dmi.

Pure. A file that was away, too large, binary or of another form is no value: None.
"""

import re

MOST_BYTES = 4096
_NUMBER = rb"\d{1,18}\Z"
_HEX = rb"(?:0x)?([0-9a-fA-F]{1,16})\Z"


def text(data: bytes | None) -> str | None:
    """Printable text without the line end, or the NUL that ends device-tree strings."""
    if data is None or len(data) > MOST_BYTES:
        return None
    try:
        value = data.rstrip(b"\0\n").decode().strip()
    except UnicodeDecodeError:
        return None
    return value if value and value.isprintable() else None


def number(data: bytes | None) -> int | None:
    """A decimal number that is not negative."""
    stripped = (data or b"").strip()
    return int(stripped) if re.match(_NUMBER, stripped) else None


def hex_digits(data: bytes | None, length: int) -> str | None:
    """Exactly `length` hexadecimal digits in lower case, written with or without `0x`."""
    found = re.match(_HEX, (data or b"").strip())
    if found is None or len(found[1]) != length:
        return None
    return found[1].decode("ascii").lower()
