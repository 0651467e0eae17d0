"""Who hears what: listeners of subsystems, and clients that wait for one message.

Outlives connections; each new one subscribes to all topics in it. Owns no task.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator

import trio

from mrk.errors import ClientError
from mrk.log.throttle import LogThrottle

logger = logging.getLogger(__name__)
Handler = Callable[[bytes], None]
MOST_WAITING = 1000


class Waiting:
    """One client that waits for the next message on a topic."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.payload = b""
        self.error: ClientError | None = None

    def finish(self, payload: bytes, error: ClientError | None = None) -> None:
        """Give it the message, or say why none will come."""
        self.payload, self.error = payload, error
        self.done.set()


class Audience:
    """Topics with their listeners and waiting clients."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[tuple[Handler, int]]] = {}
        self._waiting: dict[str, dict[Waiting, int]] = {}
        self._count = 0
        self._throttle = LogThrottle()

    def listen(self, topic: str, handler: Handler, qos: int) -> None:
        """Call `handler` for every message from now on."""
        self._listeners.setdefault(topic, []).append((handler, qos))

    @contextlib.contextmanager
    def waiting(self, topic: str, qos: int) -> Iterator[Waiting]:
        """Wait for the next message while the block lasts; raises `ClientError` 503."""
        if self._count >= MOST_WAITING:
            raise ClientError(f"Too many clients ({self._count}) wait for MQTT messages", 503)
        waiting = Waiting()
        self._waiting.setdefault(topic, {})[waiting] = qos
        self._count += 1
        try:
            yield waiting
        finally:
            self._count -= 1
            here = self._waiting[topic]
            del here[waiting]
            if not here:
                del self._waiting[topic]

    def topics(self) -> dict[str, int]:
        """Every topic that somebody wants, with the highest quality of service asked for."""
        return {topic: self.qos(topic) for topic in {*self._listeners, *self._waiting}}

    def wants(self, topic: str) -> bool:
        """Whether anybody is left who wants a topic."""
        return topic in self._listeners or topic in self._waiting

    def qos(self, topic: str) -> int:
        """The highest one asked for: a later subscription replaces the earlier."""
        listening = (qos for _handler, qos in self._listeners.get(topic, ()))
        return max([*listening, *self._waiting.get(topic, {}).values()], default=0)

    def tell(self, topic: str, payload: bytes, *, again: bool) -> None:
        """Hand a message to all; `again` says that listeners have had it on this connection."""
        for waiting in list(self._waiting.get(topic, ())):
            waiting.finish(payload)
        if again:
            return
        for handler, _qos in self._listeners.get(topic, ()):
            try:
                handler(payload)
            except Exception:
                # One listener's message: a bug in it must not end the connection of all others.
                self._throttle.log(
                    logger,
                    f"mqtt: the listener to {topic[:200]} failed",
                    trio.current_time(),
                    level=logging.ERROR,
                    exc_info=True,
                )

    def refuse(self, topic: str, reason: str) -> None:
        """The broker does not let us subscribe."""
        if topic in self._listeners:
            logger.warning("mqtt: no subscription to %s: the broker says %s", topic[:200], reason)
        text = f"The broker refuses the subscription to {topic[:200]}: {reason}"
        self.tell_error(topic, ClientError(text, 403))

    def tell_error(self, topic: str, error: ClientError) -> None:
        """Clients that wait get no message but an error."""
        for waiting in list(self._waiting.get(topic, ())):
            waiting.finish(b"", error)
