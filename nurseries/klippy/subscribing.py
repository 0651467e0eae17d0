"""Subscriptions on their way to Klipper: one request at a time, for all that wait.

Klipper answers a subscription with its next beat, four times a second, and each replaces the one
before. So what is asked meanwhile goes into one request for all of it; whoever wants nothing else
than what is asked for already is served by that reply. Owned by one `LinkedKlippy`, no task: the
link's reader moves it on.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import trio

from mrk.errors import ClientError
from mrk.status.subscriptions import Wanted, united
from mrk.status.tracker import StatusTracker
from mrk.status.update import StatusDelta
from nurseries.klippy.klippy_request import KlippyRequest, OnReply

Request = Callable[[Mapping[str, Any], OnReply], KlippyRequest]
# Takes a reply, tells those who were there before, and returns what it says.
TakeReply = Callable[[Mapping[str, Any], msgspec.Raw], StatusDelta]
# Called with what a reply says, for somebody who still waits for it.
Install = Callable[[StatusDelta], None]


class _Waiting:
    """A subscription that is waited for; `gone` when nobody does any more."""

    def __init__(self, wanted: Wanted, install: Install) -> None:
        self.wanted = wanted
        self.install = install
        self.status: StatusDelta = {}
        self.error: ClientError | None = None
        self.gone = False
        # Not asked for together with others again: that was refused.
        self.alone = False
        self.done = trio.Event()


class _Round:
    """One request and those it was sent for."""

    def __init__(self, asked: Mapping[str, Any], waiting: list[_Waiting]) -> None:
        self.asked = asked
        self.waiting = waiting


class Subscribing:
    """`make_request` gives a request for some objects; `take_reply` is called with each reply."""

    def __init__(self, board: StatusTracker, make_request: Request, take_reply: TakeReply) -> None:
        self._board = board
        self._make_request = make_request
        self._take_reply = take_reply
        self._queue: list[_Waiting] = []
        self._round: _Round | None = None

    async def subscribe(self, wanted: Wanted, install: Install) -> StatusDelta:
        """Wait for Klipper's reply, and return what it says of `wanted`; raises `ClientError`.

        `install` is called while the reply is read: no update may slip in between.
        """
        waiting = _Waiting(wanted, install)
        self._queue.append(waiting)
        self._next()
        try:
            await waiting.done.wait()
        finally:
            waiting.gone = True
            self._leave()
        if waiting.error is not None:
            raise waiting.error
        return {name: fields for name, fields in waiting.status.items() if name in wanted}

    def _next(self) -> None:
        """Ask for all that wait, unless something is asked already."""
        while self._queue and self._round is None:
            waiting, self._queue = self._queue, []
            if waiting[0].alone:
                waiting, self._queue = waiting[:1], waiting[1:]
            self._ask([one for one in waiting if not one.gone])

    def _ask(self, waiting: list[_Waiting]) -> None:
        if not waiting:
            return
        more: Wanted = {}
        for one in waiting:
            more = united(more, one.wanted)
        asked = self._board.union(more)
        this = self._round = _Round(asked, waiting)
        request = self._make_request(asked, lambda raw: self._on_reply(this, raw))
        try:
            request.begin()
        except ClientError as exc:
            self._fail(this, exc)
        else:
            request.when_done(lambda answer: self._on_done(this, answer))

    def _on_reply(self, this: _Round, raw: msgspec.Raw) -> None:
        """Klipper has been asked, whether anybody still waits for it or not."""
        status = self._take_reply(this.asked, raw)
        if self._round is this:
            # Else a request is on its way that takes the place of this one, and asks for less.
            left: list[_Waiting] = []
            for one in self._queue:
                (this.waiting if _covers(this.asked, one.wanted) else left).append(one)
            self._queue = left
        for one in this.waiting:
            if not one.gone:
                one.install(status)
                one.status = status
                one.done.set()

    def _on_done(self, this: _Round, answer: object) -> None:
        if isinstance(answer, ClientError):
            self._fail(this, answer)
        elif self._round is this:
            self._round = None
        self._next()

    def _fail(self, this: _Round, error: ClientError) -> None:
        """Klipper refuses, or is gone: one client's objects must not cost others theirs."""
        together = len(this.waiting) > 1 and error.status == 400
        for one in this.waiting:
            if together:
                one.alone = True
            else:
                one.error = error
                one.done.set()
        if together:
            self._queue = [*this.waiting, *self._queue]
        if self._round is this:
            self._round = None

    def _leave(self) -> None:
        """A request that nobody waits for any more holds nobody up."""
        if self._round is not None and all(one.gone for one in self._round.waiting):
            self._round = None
            self._next()


def _covers(asked: Mapping[str, Any], wanted: Wanted) -> bool:
    return all(
        name in asked
        and (asked[name] is None or (fields is not None and fields.issubset(asked[name])))
        for name, fields in wanted.items()
    )
