"""Notifications as Server-Sent Events (HTML standard, section 9.2): text frames, names, comments.

Pure; `transports/sockets/event_streams.py` sends them.
"""

import msgspec

from mrk.api.notification import number_of

CONTENT_TYPE = "text/event-stream; charset=utf-8"
COMMENT = b":\n\n"
# How long a browser waits before it connects again.
RETRY_MS = 2000
_encode = msgspec.json.Encoder().encode


class EventFraming:
    """Frames a message under an epoch; one for all clients, which share what it made.

    What has a number is named `<epoch>-<number>`: a browser sends the last name back when it
    connects again. Status has none. JSON as we write it has no line breaks.
    """

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch.encode("ascii")

    def __call__(self, payload: bytes) -> bytes:
        """The message as one event."""
        seq = number_of(payload)
        if seq is None:
            return b"data: %b\n\n" % payload
        return b"id: %b-%d\ndata: %b\n\n" % (self._epoch, seq, payload)


class Opening(msgspec.Struct, frozen=True):
    """The first event of a stream, of type `replay`: as the answer of identify."""

    connection_id: int
    epoch: str
    seq: int
    newest: int
    continuity: str
    advice: str | None

    def frame(self) -> bytes:
        """Named as the position that the next events follow."""
        text = f"retry: {RETRY_MS}\nid: {self.epoch}-{self.seq}\nevent: replay\n"
        return text.encode() + b"data: %b\n\n" % _encode(self)
