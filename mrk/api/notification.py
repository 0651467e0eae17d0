"""Notifications: JSON-RPC messages without an id, encoded once for any number of clients.

Pure. `mrk/clients/outbox.py` queues them; each kind of transport frames one once.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

Framing = Callable[[bytes], bytes]

_encode = msgspec.json.Encoder().encode
_NUMBER = re.compile(rb',"seq":(\d+)\}$')


class SharedMessage:
    """One JSON payload on its way to many clients; framed once per kind of transport."""

    __slots__ = ("_frames", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._frames: dict[Framing, bytes] = {}

    def framed(self, framing: Framing) -> bytes:
        """Return the shared frame for one kind of transport."""
        frame = self._frames.get(framing)
        if frame is None:
            frame = self._frames[framing] = framing(self.payload)
        return frame


class NotificationKind(msgspec.Struct, frozen=True):
    """What clients may be sent: the types of its params in their order, and when it comes.

    Declared in a subsystem's `notifications.py`, for the documents and for the tests, which look at
    all that is sent. Nothing at run time reads it.
    """

    method: str
    params: tuple[Any, ...]
    when: str


def notification(method: str, params: list[Any] | None = None) -> SharedMessage:
    """A `notify_*` message; `params` is left out when there are none."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if params:
        message["params"] = params
    return SharedMessage(_encode(message))


def numbered(payload: bytes, seq: int) -> bytes:
    """A notification with its number, as clients get it that asked for replay."""
    return b'%b,"seq":%d}' % (payload[:-1], seq)


def number_of(payload: bytes) -> int | None:
    """The number that `numbered` gave, None for what has none (a status update).

    Without decoding: an unnumbered message ends in `]}`, or in the name of its method.
    """
    found = _NUMBER.search(payload, max(0, len(payload) - 32))
    return None if found is None else int(found[1])
