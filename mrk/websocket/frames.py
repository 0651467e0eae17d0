"""Server-side websocket frames (RFC 6455, section 5.2): unmasked, unfragmented, uncompressed.

wsproto reads what clients send; this writes, so that one frame can be shared by many clients.
"""

from collections.abc import Iterable

from mrk.api.large_result import LARGE_BYTES

# Control frames carry at most this much, two bytes of a close code included.
CONTROL_BYTES = 125
PING = b"\x89\x00"


def _text_header(size: int) -> bytes:
    if size < 126:
        return b"\x81" + size.to_bytes(1)
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2)
    return b"\x81\x7f" + size.to_bytes(8)


def text_frame(payload: bytes) -> bytes:
    """Return `payload` (UTF-8) as one text frame."""
    size = len(payload)
    if size >= LARGE_BYTES:
        return b"".join((_text_header(size), payload))  # without the interpreter's lock
    if 126 <= size < 65536:
        return b"\x81\x7e" + size.to_bytes(2) + payload  # most of all that is sent
    return _text_header(size) + payload


def text_frames(payloads: Iterable[bytes]) -> bytes:
    """Return one text frame for each payload, on end; each is copied once."""
    return b"".join(part for payload in payloads for part in (_text_header(len(payload)), payload))


def pong_frame(payload: bytes) -> bytes:
    """Answer a ping with its own payload (at most 125 bytes)."""
    return b"\x8a" + len(payload).to_bytes(1) + payload


def close_frame(code: int | None, reason: str = "") -> bytes:
    """Say goodbye; `code` None sends no code. The reason is cut between characters to fit."""
    if code is None:
        return b"\x88\x00"
    text = reason.encode()[: CONTROL_BYTES - 2].decode(errors="ignore").encode()
    return b"\x88" + (len(text) + 2).to_bytes(1) + code.to_bytes(2) + text
