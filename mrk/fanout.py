"""Many readers of one sequence of events: one bounded channel per reader.

The producer never waits. A reader whose channel is full has fallen behind: its channel ends
with `FellBehind`, which the supervisor answers by starting that subsystem anew.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable
from types import TracebackType
from typing import Generic, Self, TypeVar

import trio

from mrk.errors import Transient

T = TypeVar("T")


class FellBehind(Transient):
    """A subsystem did not take its events in time."""


class EventReader(Generic[T]):
    """One reader's end: iterate it inside `with`; leaving the block ends the subscription."""

    def __init__(self, name: str, size: int, closed: "Callable[[EventReader[T]], None]") -> None:
        self._name = name
        self._send, self._receive = trio.open_memory_channel[T](size)
        self._closed = closed
        self._fell_behind = False
        self.idle = False
        self.handle: Callable[[T], bool] | None = None
        # None: items about anything.
        self.about: frozenset[str] | None = None

    def only_about(self, names: Iterable[str]) -> None:
        """Leave out items that are about other names only, where the producer says names at all."""
        self.about = frozenset(names)

    def handle_first(self, handle: Callable[[T], bool]) -> None:
        """Have `handle(item)` called by the producer while the reader waits and nothing else does.

        True says that the item is dealt with, and wakes nobody: waking a task costs more than most
        items are worth. It must not block or raise.
        """
        self.handle = handle

    def offer(self, item: T) -> None:
        """Hand over without waiting; a full channel ends this reader."""
        self.idle = False
        try:
            self._send.send_nowait(item)
        except trio.WouldBlock:
            self._fell_behind = True
            self.close_sending()
        except trio.BrokenResourceError:
            self.close_sending()

    def close_sending(self) -> None:
        """Let the reader end once it has read what is there."""
        self._closed(self)
        self._send.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed(self)
        self._send.close()
        self._receive.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            # What waits is taken in one turn: `receive` would give the producer a turn for each
            # item, and a burst of console lines comes in faster than that.
            with contextlib.suppress(trio.WouldBlock):
                return self._receive.receive_nowait()
            self.idle = True
            return await self._receive.receive()
        except trio.EndOfChannel:
            if self._fell_behind:
                raise FellBehind(f"{self._name} fell behind and lost events") from None
            raise StopAsyncIteration from None
        finally:
            self.idle = False


class Fanout(Generic[T]):
    """Hands every item to every reader that wants its class."""

    def __init__(self) -> None:
        self._readers: dict[EventReader[T], tuple[type, ...]] = {}
        # Who wants a class of items, found out when the first of it is published.
        self._wanting: dict[type, tuple[EventReader[T], ...]] = {}

    def open_reader(self, name: str, size: int, *kinds: type) -> EventReader[T]:
        """A reader of the given classes of items, of all when none is given.

        `size` is how many may wait; `name` says in the log who fell behind.
        """
        reader: EventReader[T] = EventReader(name, size, self._forget)
        self._readers[reader] = kinds or (object,)
        self._wanting.clear()
        return reader

    def publish(self, item: T, about: Collection[str] | None = None) -> None:
        """Hand `item` to all who want it; `about` are the names it has something of."""
        kind = type(item)
        wanting = self._wanting.get(kind)
        if wanting is None:
            readers = self._readers.items()
            wanting = tuple(reader for reader, kinds in readers if issubclass(kind, kinds))
            self._wanting[kind] = wanting
        for reader in wanting:
            wanted = reader.about
            if about is not None and wanted is not None and wanted.isdisjoint(about):
                continue
            if not (reader.idle and reader.handle is not None and reader.handle(item)):
                reader.offer(item)

    def close(self) -> None:
        """End all readers."""
        for reader in list(self._readers):
            reader.close_sending()

    def __len__(self) -> int:
        return len(self._readers)

    def _forget(self, reader: EventReader[T]) -> None:
        self._readers.pop(reader, None)
        self._wanting.clear()
