"""What a client sends over a websocket: bytes in, whole messages and control frames out.

wsproto judges the frames (masks, opcodes, lengths, UTF-8); this joins fragments and bounds them.
One `Incoming` per connection, dropped with it. No I/O.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import CloseReason


@dataclass(frozen=True, slots=True)
class Ending:
    """How a websocket ends: close code (RFC 6455, section 7.4; None for none) and reason.

    `by_peer` says that the client sent its close frame, so nothing more will come from it.
    """

    code: int | None
    reason: str = ""
    by_peer: bool = False


@dataclass(frozen=True, slots=True)
class Pinged:
    """A ping to be answered with the same payload."""

    payload: bytes


Event = str | bytes | Pinged | Ending | None


class Incoming:
    """Reads one client's frames. `limit_bytes` bounds a message, whole or in fragments."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._connection = Connection(ConnectionType.SERVER)
        self._partial = bytearray()
        self._ended = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what `data` completes: messages, `Pinged`, and at most one `Ending`, as the last.

        None is yielded for a frame that completes nothing, so that whoever iterates can let
        others run in a flood of tiny frames. Nothing is read after an `Ending`.
        """
        if self._ended:
            return
        self._connection.receive_data(data)
        for event in self._connection.events():
            match event:
                case TextMessage() | BytesMessage():
                    found = self._join(event)
                case Ping():
                    found = Pinged(bytes(event.payload))
                case CloseConnection():
                    found = self._ending(event)
                case _:
                    found = None
            yield found
            if type(found) is Ending:
                self._ended = True
                return

    def _join(self, event: TextMessage | BytesMessage) -> Event:
        data = event.data
        # Without fragments a text of ASCII, which is nearly every message, is passed on as it is.
        if (
            event.message_finished
            and not self._partial
            and (type(data) is not str or data.isascii())
        ):
            if len(data) > self._limit_bytes:
                return self._too_big()
            return data if isinstance(data, str) else bytes(data)
        self._partial += data.encode() if isinstance(data, str) else data
        if len(self._partial) > self._limit_bytes:
            self._partial.clear()
            return self._too_big()
        if not event.message_finished:
            return None
        message = bytes(self._partial)
        self._partial.clear()
        return message

    def _too_big(self) -> Ending:
        return Ending(CloseReason.MESSAGE_TOO_BIG, f"a message passed {self._limit_bytes} bytes")

    def _ending(self, event: CloseConnection) -> Ending:
        if self._connection.state is ConnectionState.REMOTE_CLOSING:
            code = None if event.code == CloseReason.NO_STATUS_RCVD else event.code
            return Ending(code, "", by_peer=True)
        return Ending(event.code, event.reason or "")
