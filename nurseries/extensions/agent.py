"""One connected agent: the calls it owes an answer, what it may still send, what it registered.

Belongs to `AgentRegistry`, which drops it when the agent's connection goes; every waiting call then
ends with an error. No task of its own.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import trio

from mrk.api.jsonrpc import RpcAnswer
from mrk.api.notification import SharedMessage
from mrk.clients.registry import Client
from mrk.errors import ClientError
from mrk.extensions.relay import agent_call, result_of
from mrk.extensions.token_bucket import TokenBucket

# Calls that one agent may owe; a client alone may have 100 in flight.
MOST_CALLS = 100
MOST_METHODS = 100
# Moonraker waits for ever; an agent that lost a call would hold its caller's place for good.
CALL_S = 120.0
# An agent that does not read gets no more once so much waits: filling its outbox would close it.
MOST_WAITING_BYTES = 1024 * 1024
EVENT_BYTES = 256 * 1024
# A flood above these rates is refused; what passes costs 20 other clients about 10 ms a second.
EVENTS_BURST, EVENTS_PER_S = 200, 50
EVENTS_BYTES_BURST, EVENTS_BYTES_PER_S = 1024 * 1024, 256 * 1024


class _Waiting:
    """One relayed call: `answer` stays None when the agent left."""

    __slots__ = ("answer", "settled")

    def __init__(self) -> None:
        self.answer: RpcAnswer | None = None
        self.settled = trio.Event()


class Agent:
    """`ids` are the call ids of all agents: none is used twice."""

    def __init__(self, client: Client, name: str, ids: Iterator[int]) -> None:
        now = trio.current_time()
        self.client = client
        self.name = name
        self.methods: list[str] = []
        self._ids = ids
        self._waiting: dict[int, _Waiting] = {}
        self._events = TokenBucket(EVENTS_BURST, EVENTS_PER_S, now)
        self._event_bytes = TokenBucket(EVENTS_BYTES_BURST, EVENTS_BYTES_PER_S, now)
        self._gone = False

    async def call(self, method: str, params: object) -> Any:
        """Ask the agent and return its result.

        Raises `ClientError`: 424 for its error, 500 when it leaves, 503 when it is overrun, 504
        when it did not answer in time.
        """
        if len(self._waiting) >= MOST_CALLS or self.overrun:
            raise ClientError(f"{self.name} is busy: too much waits for it", 503)
        id_, waiting = next(self._ids), _Waiting()
        self._waiting[id_] = waiting
        try:
            self.client.outbox.notify(agent_call(method, params, id_))
            with trio.move_on_after(CALL_S):
                await waiting.settled.wait()
        finally:
            self._waiting.pop(id_, None)
        if waiting.answer is not None:
            return result_of(self.name, waiting.answer)
        if self._gone:
            raise ClientError(f"{self.name} disconnected before it answered", 500)
        raise ClientError(f"{self.name} did not answer within {CALL_S:g} s", 504)

    @property
    def overrun(self) -> bool:
        """Whether the agent reads so slowly that nothing more is put before it."""
        return self.client.outbox.waiting_bytes > MOST_WAITING_BYTES

    def on_answer(self, answer: RpcAnswer) -> bool:
        """Settle the call that `answer` belongs to; False when nobody waits for it."""
        # True == 1, and a list is no key.
        waiting = self._waiting.pop(answer.id, None) if type(answer.id) is int else None
        if waiting is None:
            return False
        waiting.answer = answer
        waiting.settled.set()
        return True

    def spend(self, event: SharedMessage) -> None:
        """Count an event against what the agent may send; raises `ClientError` 413 or 429."""
        size_bytes, now = len(event.payload), trio.current_time()
        if size_bytes > EVENT_BYTES:
            raise ClientError(f"The event has {size_bytes} bytes, limit {EVENT_BYTES}", 413)
        if self._event_bytes.left(now) < size_bytes or not self._events.take(1, now):
            raise ClientError("Too many events: wait a moment", 429)
        self._event_bytes.take(size_bytes, now)

    def leave(self) -> None:
        """End every waiting call: the connection is gone."""
        self._gone = True
        for waiting in self._waiting.values():
            waiting.settled.set()
        self._waiting.clear()


def call_ids() -> Iterator[int]:
    """Ids for the calls of all agents."""
    return itertools.count(1)
