"""What is asked of Klippy for a client, with something of ours around it.

A handler returns these instead of waiting: they are sent where they were asked for, so that what
one client asks comes to Klipper in its order. Each lives until it is answered or abandoned.
"""

from collections.abc import Callable
from typing import Any

import trio

from mrk.api.outcome import AskedOther
from mrk.errors import ClientError
from mrk.jobs.job_protocols import PrintStarts
from mrk.klippy.link_errors import KlippyLost

OK = "ok"


class RecordedScript(AskedOther):
    """A script on its way; `record` is called as it is sent."""

    __slots__ = ("_record", "_request")

    def __init__(self, request: AskedOther, record: Callable[[], None]) -> None:
        self._request = request
        self._record = record

    def begin(self) -> None:
        self._request.begin()
        self._record()

    def when_done(self, done: Callable[[Any], None]) -> None:
        self._request.when_done(done)

    def abandon(self) -> None:
        self._request.abandon()

    async def answer(self) -> Any:
        return await self._request.answer()


class Restart(RecordedScript):
    """RESTART or FIRMWARE_RESTART; that the link drops meanwhile is the normal course."""

    __slots__ = ()

    def when_done(self, done: Callable[[Any], None]) -> None:
        self._request.when_done(lambda answer: done(_restarted(answer)))

    async def answer(self) -> Any:
        return _restarted(await self._request.answer())


def _restarted(answer: Any) -> Any:
    refused = isinstance(answer, ClientError) and not isinstance(answer, KlippyLost)
    return answer if refused else OK


class Recheck:
    """Tells whether the refusal of a start is forgiven, by the answer to `request`."""

    __slots__ = ("forgives", "request")

    def __init__(self, request: AskedOther, forgives: Callable[[Any], bool]) -> None:
        self.request = request
        self.forgives = forgives


class AskedStart(AskedOther):
    """The start of a print that `user` asked for.

    `accepted` is called when Klipper takes it; `recheck` is asked when it does not. What became of
    it is noted, whether its client waits for the answer or has left.
    """

    __slots__ = ("_accepted", "_done", "_name", "_number", "_recheck", "_request", "_starts",
                 "_user")  # fmt: skip

    def __init__(
        self,
        request: AskedOther,
        name: str,
        user: str | None,
        starts: PrintStarts,
        accepted: Callable[[], None],
        recheck: Callable[[], Recheck | None],
    ) -> None:
        self._request = request
        self._name = name
        self._user = user
        self._starts = starts
        self._accepted = accepted
        self._recheck = recheck
        self._number = 0
        self._done: Callable[[Any], None] = _nobody

    def begin(self) -> None:
        # Before the printer is asked: it may tell of the print before it answers.
        self._number = self._starts.note_start(self._name, self._user)
        try:
            self._request.begin()
        except ClientError:
            self._starts.forget_start(self._number)
            raise

    def when_done(self, done: Callable[[Any], None]) -> None:
        self._done = done
        self._request.when_done(self._told)

    def _told(self, answer: Any) -> None:
        recheck = self._taken(answer)
        if recheck is None:
            self._done(_started(answer))
            return
        forgives = recheck.forgives
        recheck.request.when_done(lambda seen: self._done(OK if forgives(seen) else answer))

    def abandon(self) -> None:
        self._done = _nobody

    async def answer(self) -> Any:
        answers: list[Any] = []
        answered = trio.Event()

        def take(answer: Any) -> None:
            answers.append(answer)
            answered.set()

        self.when_done(take)
        try:
            await answered.wait()
        finally:
            self.abandon()
        return answers[0]

    def _taken(self, answer: Any) -> Recheck | None:
        """Note what came of it; returns what is asked, and has begun, before a refusal is told."""
        if isinstance(answer, KlippyLost):
            return None
        if not isinstance(answer, ClientError):
            self._starts.accept_start(self._number)
            self._accepted()
            return None
        # Forgiven or not, it starts nothing: what begins later is not this user's.
        self._starts.forget_start(self._number)
        return self._recheck()


def _nobody(_answer: Any) -> None:
    """Who asked has left."""


def _started(answer: Any) -> Any:
    return answer if isinstance(answer, ClientError) else OK
