"""The Raspberry Pi firmware's throttled bits and what they mean.

Pure. Bits 0-3 say what holds now, 16-19 what held since boot (Raspberry Pi documentation,
`vcgencmd get_throttled`).
"""

import re

import msgspec

FLAGS = {
    1 << 0: "Under-Voltage Detected",
    1 << 1: "Frequency Capped",
    1 << 2: "Currently Throttled",
    1 << 3: "Temperature Limit Active",
    1 << 16: "Previously Under-Volted",
    1 << 17: "Previously Frequency Capped",
    1 << 18: "Previously Throttled",
    1 << 19: "Previously Temperature Limited",
}

# `throttled=0x50005` from vcgencmd, `50005` from /sys; 32 bits.
_READING = rb"\s*(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})\s*\Z"


class ThrottledState(msgspec.Struct, frozen=True):
    """The bits as read, and a text for each that is known."""

    bits: int
    flags: list[str]


UNREADABLE = ThrottledState(bits=0, flags=["?"])


def parse_throttled(data: bytes) -> ThrottledState:
    """Return the state of a reading from vcgencmd or /sys; `UNREADABLE` when it is neither."""
    found = re.match(_READING, data[:64])
    if found is None or len(data) > 64:
        return UNREADABLE
    bits = int(found[1], 16)
    return ThrottledState(bits, [text for bit, text in FLAGS.items() if bits & bit])
