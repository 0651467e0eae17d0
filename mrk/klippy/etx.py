"""Framing with ETX (0x03) behind each message, as Klippy's socket and Moonraker's unix socket use.

Bytes in, frames out; no I/O. One `EtxDecoder` per connection, dropped with it.
"""

from mrk.api.large_result import LARGE_BYTES

ETX = b"\x03"


class FrameTooLong(ValueError):
    """An unfinished frame grew past its limit; the connection cannot be trusted any further."""


def etx_frame(payload: bytes) -> bytes:
    """Return `payload` (JSON, so free of raw control characters) ready for the wire."""
    if len(payload) >= LARGE_BYTES:
        return b"".join((payload, ETX))  # without the interpreter's lock
    return payload + ETX


class EtxDecoder:
    """Cuts a byte stream into frames, keeping an unfinished tail of at most `limit_bytes`.

    `pending_bytes` is how much that is.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._tail: list[bytes] = []
        self.pending_bytes = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes, without their ETX; empty ones are left out.

        Raises `FrameTooLong` when a frame, finished or not, exceeds the limit.
        """
        if (
            not self._tail
            and data.find(ETX) == len(data) - 1
            and 1 < len(data) <= self._limit_bytes
        ):
            return [data[:-1]]  # as nearly all that comes
        *ended, rest = data.split(ETX)
        frames = []
        if ended and self._tail:
            self._tail.append(ended[0])
            ended[0] = b"".join(self._tail)
            self._tail, self.pending_bytes = [], 0
        for frame in ended:
            if len(frame) > self._limit_bytes:
                raise FrameTooLong(f"a frame of {len(frame)} bytes, limit {self._limit_bytes}")
            if frame:
                frames.append(frame)
        if rest:
            self._tail.append(rest)
            self.pending_bytes += len(rest)
            if self.pending_bytes > self._limit_bytes:
                raise FrameTooLong(f"an unended frame passed {self._limit_bytes} bytes")
        return frames
