"""One request to Klippy on its way: who is told of its reply, and how.

Made for a call and dropped with its reply, with the connection, or by who asked. A client's request
is answered where the reply is read: no task waits for it.
"""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import trio

from mrk.api.outcome import AskedOther
from mrk.errors import ClientError
from mrk.klippy.messages import is_empty

OnReply = Callable[[msgspec.Raw], None]
Answer = msgspec.Raw | ClientError


class RequestSender(Protocol):
    """The connection that a request goes to."""

    def send_request(self, request: "KlippyRequest") -> int:
        """Send it, note when, and return its id; raises `ClientError`."""

    def forget_request(self, id_: int) -> None:
        """Nobody waits for the reply."""


class KlippyRequest(AskedOther):
    """`on_reply` is called where a reply that is no error is read, whether somebody waits or not.

    `urgent` requests are never refused for what else is waiting, and are sent before it.
    """

    __slots__ = ("_answer", "_done", "_id", "_sender", "began", "method", "on_reply", "params",
                 "urgent")  # fmt: skip

    def __init__(
        self,
        sender: RequestSender,
        method: str,
        params: dict[str, Any],
        on_reply: OnReply | None = None,
        *,
        urgent: bool = False,
    ) -> None:
        self.method = method
        self.params = params
        self.on_reply = on_reply
        self.urgent = urgent
        self.began = 0.0
        self._sender = sender
        self._id = 0
        self._answer: Answer | None = None
        self._done: Callable[[Answer], None] | None = None

    def begin(self) -> None:
        """Send it; raises `ClientError`."""
        self._id = self._sender.send_request(self)

    def complete(self, answer: Answer) -> None:
        """Take the reply; called once."""
        self._answer = answer
        if self._done is not None:
            self._done(answer)

    def when_done(self, done: Callable[[Any], None]) -> None:
        """As a client is answered: `ok` for an empty result."""
        self._call_when_done(lambda answer: done(_for_clients(answer)))

    def abandon(self) -> None:
        """The reply is dropped, unless `on_reply` waits for it."""
        self._done = None
        if self.on_reply is None:
            self._sender.forget_request(self._id)

    async def answer(self) -> Any:
        """As `when_done`."""
        return _for_clients(await self.reply())

    async def reply(self) -> Answer:
        """Wait for the reply as it came."""
        task = trio.lowlevel.current_task()

        def give_up(_raise_cancel: object) -> trio.lowlevel.Abort:
            self.abandon()
            return trio.lowlevel.Abort.SUCCEEDED

        if self._answer is None:
            self._call_when_done(lambda _answer: trio.lowlevel.reschedule(task))
            await trio.lowlevel.wait_task_rescheduled(give_up)
        else:
            await trio.lowlevel.checkpoint()
        assert self._answer is not None
        return self._answer

    def _call_when_done(self, done: Callable[[Answer], None]) -> None:
        if self._answer is None:
            self._done = done
        else:
            done(self._answer)


def _for_clients(answer: Answer) -> Answer | str:
    return "ok" if isinstance(answer, msgspec.Raw) and is_empty(answer) else answer
