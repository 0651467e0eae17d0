"""Frames of a client that are not the usual one: fragments, control frames, and faults.

wsproto checks masks, opcodes, lengths and UTF-8; this joins fragments and bounds them. Made by
`WebsocketReader` with the first such frame of its connection. No I/O.
"""

from collections.abc import Iterator

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import CloseReason

from mrk.websocket.events import Ending, Event, Pinged


class FragmentReader:
    """Reads whole frames, in pieces of any size. `limit_bytes` bounds a message; it may change."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._connection = Connection(ConnectionType.SERVER)
        self._partial = bytearray()

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what `data` completes, None for a frame that completes nothing."""
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

    def _join(self, event: TextMessage | BytesMessage) -> Event:
        data = event.data
        # Without fragments a text of ASCII, which is nearly every message, is passed on as it is.
        if (
            event.message_finished
            and not self._partial
            and (type(data) is not str or data.isascii())
        ):
            if len(data) > self.limit_bytes:
                return self._too_big()
            return data if isinstance(data, str) else bytes(data)
        self._partial += data.encode() if isinstance(data, str) else data
        if len(self._partial) > self.limit_bytes:
            self._partial.clear()
            return self._too_big()
        if not event.message_finished:
            return None
        message = bytes(self._partial)
        self._partial.clear()
        return message

    def _too_big(self) -> Ending:
        return Ending(CloseReason.MESSAGE_TOO_BIG, f"a message passed {self.limit_bytes} bytes")

    def _ending(self, event: CloseConnection) -> Ending:
        if self._connection.state is ConnectionState.REMOTE_CLOSING:
            code = None if event.code == CloseReason.NO_STATUS_RCVD else event.code
            return Ending(code, "", by_peer=True)
        return Ending(event.code, event.reason or "")
