"""The calls of one client: messages that wait for their turn, and calls that have no answer yet.

Messages wait in two rows: the backlog, while the client does not read its answers, and deferred
calls, while too many others are in flight. Shared by socket sessions and by MQTT, which state their
own bounds. Pure: who waits, and what is refused past a bound, is the transport's.
"""

from collections import deque
from sys import getsizeof
from typing import Generic, TypeVar

Message = TypeVar("Message", bytes, str, bytes | str)


class CallQueue(Generic[Message]):
    """`full` from `most_in_flight` calls or `most_in_flight_bytes` of their messages on; `busy` as
    long as deferred calls wait, too, so that none overtakes them."""

    __slots__ = (
        "_deferred",
        "_most_in_flight",
        "_most_in_flight_bytes",
        "_waiting",
        "deferred_bytes",
        "held",
        "in_flight",
        "in_flight_bytes",
        "waiting_bytes",
    )

    def __init__(self, most_in_flight: int, most_in_flight_bytes: int) -> None:
        self._most_in_flight = most_in_flight
        self._most_in_flight_bytes = most_in_flight_bytes
        # Most clients never have anything wait, and an empty deque takes 0.6 KB.
        self._waiting: deque[Message] | None = None
        self._deferred: deque[Message] | None = None
        self.waiting_bytes = 0
        self.deferred_bytes = 0
        self.held = False
        self.in_flight = 0
        self.in_flight_bytes = 0

    # Messages that wait

    def __len__(self) -> int:
        return len(self._waiting) if self._waiting else 0

    def put(self, message: Message) -> None:
        """Have a message wait behind the others."""
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(message)
        self.waiting_bytes += getsizeof(message)

    @property
    def first(self) -> Message:
        """The message whose turn is next."""
        assert self._waiting is not None
        return self._waiting[0]

    def drop_first(self) -> None:
        """It waits no more."""
        assert self._waiting is not None
        self.waiting_bytes -= getsizeof(self._waiting.popleft())

    def clear(self) -> None:
        """Nobody waits any more."""
        self._waiting = self._deferred = None
        self.waiting_bytes = self.deferred_bytes = 0
        self.held = False

    def hold(self) -> None:
        """Have all messages wait from now on: the last call decides what they may do.

        It counts as one that waits, so that nobody has to ask twice before a message.
        """
        self.held = True
        self.waiting_bytes += 1

    def let_go(self) -> None:
        """They need not wait for that call any more."""
        if self.held:
            self.held = False
            self.waiting_bytes -= 1

    # Deferred calls

    def defer(self, message: Message) -> None:
        """Have a call wait until fewer are in flight."""
        if self._deferred is None:
            self._deferred = deque()
        self._deferred.append(message)
        self.deferred_bytes += getsizeof(message)

    @property
    def first_deferred(self) -> Message:
        """The one that has waited longest."""
        assert self._deferred is not None
        return self._deferred[0]

    def take_deferred(self) -> Message:
        """The same, which waits no more."""
        assert self._deferred is not None
        message = self._deferred.popleft()
        self.deferred_bytes -= getsizeof(message)
        if not self._deferred:
            self._deferred = None
        return message

    # Calls in flight

    @property
    def full(self) -> bool:
        """Whether one more call would pass a bound."""
        return (
            self.in_flight >= self._most_in_flight
            or self.in_flight_bytes >= self._most_in_flight_bytes
        )

    @property
    def busy(self) -> bool:
        """Whether a call that has to wait for its answer must not begin now."""
        # Asked for each message: not by way of `full`.
        return (
            self._deferred is not None
            or self.in_flight >= self._most_in_flight
            or self.in_flight_bytes >= self._most_in_flight_bytes
        )

    def begin(self, size_bytes: int) -> None:
        """A call whose message has that size waits for its answer."""
        self.in_flight += 1
        self.in_flight_bytes += size_bytes

    def end(self, size_bytes: int) -> None:
        """It has been answered, or given up."""
        self.in_flight -= 1
        self.in_flight_bytes -= size_bytes
