"""Server-side websocket text frames (RFC 6455, section 5.2): unmasked, unfragmented, uncompressed.

wsproto reads what clients send; this writes, so that one frame can be shared by many clients.
"""


def text_frame(payload: bytes) -> bytes:
    """Return `payload` (UTF-8) as one text frame."""
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload
