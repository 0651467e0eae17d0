"""What comes of a client's websocket frames: messages, pings and the end. Pure."""

import msgspec


class Ending(msgspec.Struct, frozen=True):
    """How a websocket ends: close code (RFC 6455, section 7.4; None for none) and reason.

    `by_peer` says that the client sent its close frame, so nothing more will come from it.
    """

    code: int | None
    reason: str = ""
    by_peer: bool = False


# RFC 6455: a code that is never sent, for a connection that ends without a close frame.
NO_CLOSE_FRAME = 1006


class Pinged(msgspec.Struct, frozen=True):
    """A ping to be answered with the same payload."""

    payload: bytes


class Unread(msgspec.Struct, frozen=True):
    """What reads the next frames is to be loaded first (`incoming.load_fragments`)."""


LOAD_FRAGMENTS = Unread()
# A message, a ping, the end, or None for a frame that completes nothing.
Event = str | bytes | Pinged | Ending | Unread | None
