"""What a client sends over a websocket: bytes in, whole messages and control frames out.

A whole, unfragmented data frame, which nearly every message is, is read here (1.5 us; 9 us through
wsproto), and so are whole pings, pongs and ordinary close frames: every client sends those, wsproto
is some KB for each client, and 30 us of each in a crowd that leaves. Everything else goes to
`fragments.py`, and this finds where frames end. One `WebsocketReader` per connection. No I/O.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Protocol

from mrk.websocket.events import LOAD_FRAGMENTS, Ending, Event, Pinged

_TEXT, _BINARY = 0x81, 0x82  # with the bit that says: the last (here: only) fragment
_CLOSE, _PING, _PONG = 0x88, 0x89, 0x8A
# Codes that need no second look: browsers' own, and what applications may use freely.
_CLOSED, _GOING_AWAY, _OWN_CODES = 1000, 1001, range(3000, 5000)
_CONTROL_BYTES = 125
_SHORT_HEADER, _MEDIUM_HEADER = 6, 8  # mask included


class _FragmentReader(Protocol):
    """`mrk/websocket/fragments.py`, which is loaded when it is first needed."""

    limit_bytes: int

    def feed(self, data: bytes) -> Iterator[Event]: ...


@functools.cache
def load_fragments() -> Callable[[int], _FragmentReader]:
    """What makes a reader of fragments; the first call blocks, and is a thread's.

    wsproto and h11 are 0.8 MB, which a daemon whose clients send usual frames does without.
    """
    from mrk.websocket.fragments import FragmentReader

    return FragmentReader


class WebsocketReader:
    """Reads one client's frames. `limit_bytes` bounds a message, whole or in fragments.

    It may change between two feeds.
    """

    __slots__ = (
        "_ended",
        "_fragmented",
        "_fragments",
        "_owed_bytes",
        "_tail",
        "limit_bytes",
        "pending_bytes",
    )

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._fragments: _FragmentReader | None = None
        self._ended = False
        self._tail = b""  # an unfinished header
        self.pending_bytes = 0  # of messages that are not whole yet
        self._owed_bytes = 0  # what wsproto has still to get of the frame it reads
        self._fragmented = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what `data` completes: messages, `Pinged`, and at most one `Ending`, as the last.

        None is yielded for a frame that completes nothing, so that whoever iterates can let
        others run in a flood of tiny frames. Nothing is read after an `Ending`. At `LOAD_FRAGMENTS`
        whoever iterates has a thread call `load_fragments` before it goes on.
        """
        if self._tail:
            data, self._tail = self._tail + data, b""
        at = 0
        while at < len(data) and not self._ended:
            if not self._owed_bytes:
                extent = _extent(data, at)
                if extent is None:
                    self._tail = data[at:]
                    return
                start, stop = extent
                message = self._plain(data, at, start, stop)
                if message is not None:
                    at = stop
                    yield message
                    continue
                if _is_plain_control(data, at, start, stop):
                    ping = data[at] == _PING
                    payload = data[start:stop]
                    at = stop
                    yield Pinged(_unmasked(data[start - 4 : start], payload)) if ping else None
                    continue
                ending = _plain_close(data, at, start, stop)
                if ending is not None:
                    self._ended = True
                    yield ending
                    return
                self._owed_bytes = stop - at
                if not data[at] & 0x08:
                    self._fragmented = not data[at] & 0x80
            piece = data[at : at + self._owed_bytes]
            at += len(piece)
            self._owed_bytes -= len(piece)
            yield from self._by_fragments(piece)

    def alone(self, data: bytes) -> str | bytes | None:
        """The message of a chunk that is one usual frame and nothing else; None for `feed`."""
        if self._tail or self._owed_bytes or self._ended:
            return None
        extent = _extent(data, 0)
        if extent is None or extent[1] != len(data):
            return None
        return self._plain(data, 0, *extent)

    def _plain(self, data: bytes, at: int, start: int, stop: int) -> str | bytes | None:
        """The message of a frame that is whole, unfragmented and without fault; else None."""
        size = stop - start
        header_bytes = _SHORT_HEADER if size < 126 else _MEDIUM_HEADER
        if (
            data[at] not in (_TEXT, _BINARY)
            or stop > len(data)
            or start - at != header_bytes
            or size > self.limit_bytes
            or self._fragmented
        ):
            return None
        payload = _unmasked(data[start - 4 : start], data[start:stop])
        if data[at] == _BINARY:
            return payload
        try:
            return payload.decode()
        except UnicodeDecodeError:
            return None

    def _by_fragments(self, data: bytes) -> Iterator[Event]:
        if self._fragments is None:
            if not load_fragments.cache_info().currsize:
                yield LOAD_FRAGMENTS
            self._fragments = load_fragments()(self.limit_bytes)
        self._fragments.limit_bytes = self.limit_bytes
        self.pending_bytes += len(data)
        for event in self._fragments.feed(data):
            if isinstance(event, str | bytes):
                self.pending_bytes = 0
            yield event
            if type(event) is Ending:
                self._ended = True
                return


def _extent(data: bytes, at: int) -> tuple[int, int] | None:
    """Where payload begins and ends of the frame at `at`; None while its header is not whole."""
    if len(data) < at + 2:
        return None
    start, size = at + 2, data[at + 1] & 0x7F
    if size == 126:
        start, size = at + 4, int.from_bytes(data[at + 2 : at + 4])
    elif size == 127:
        start, size = at + 10, int.from_bytes(data[at + 2 : at + 10])
    if data[at + 1] & 0x80:
        start += 4
    return None if len(data) < start else (start, start + size)


def _is_plain_control(data: bytes, at: int, start: int, stop: int) -> bool:
    """Whether a frame is a whole ping or pong without fault; it may stand between fragments."""
    return data[at] in (_PING, _PONG) and _is_whole_control(data, at, start, stop)


def _plain_close(data: bytes, at: int, start: int, stop: int) -> Ending | None:
    """The end that a whole close frame of the usual kind says; None for all others."""
    if data[at] != _CLOSE or not _is_whole_control(data, at, start, stop):
        return None
    payload = _unmasked(data[start - 4 : start], data[start:stop])
    if not payload:
        return Ending(None, by_peer=True)
    code = int.from_bytes(payload[:2])
    if len(payload) < 2 or (code not in (_CLOSED, _GOING_AWAY) and code not in _OWN_CODES):
        return None
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return None
    return Ending(code, by_peer=True)


def _is_whole_control(data: bytes, at: int, start: int, stop: int) -> bool:
    return start - at == _SHORT_HEADER and stop - start <= _CONTROL_BYTES and stop <= len(data)


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    size = len(payload)
    key = int.from_bytes((mask * (size // 4 + 1))[:size])
    return (int.from_bytes(payload) ^ key).to_bytes(size)
