"""What a call came to: a value at once, one that a coroutine gives, or somebody else's answer.

A sync handler's outcome is there when the call returns, and is sent without a task switch; for an
async one whoever owns tasks runs `wait`. An answer that Klipper gives needs no task either: who has
`when_done` called is called where the answer is read. No exception comes out that was not promised.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
U = TypeVar("U")
_NOTHING_YET: Any = None
# What is waited for behind a `Hold` may be a disk, or Klipper: past this others go on.
MOST_HELD_S = 5.0


class AskedOther:
    """What a handler returns instead of waiting for somebody else's answer (Klipper's).

    Nothing has been asked before `begin`. The answer is a result, or the `ClientError` it ended in.
    """

    # Not an ABC: every result is asked whether it is one, and an ABC answers ten times slower.
    __slots__ = ()

    def begin(self) -> None:
        """Ask; raises `ClientError` when that cannot be done."""
        raise NotImplementedError

    def when_done(self, done: Callable[[Any], None]) -> None:
        """Have `done(answer)` called once, when it comes; it must not raise."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Nobody waits for the answer any more: `done` is not called."""
        raise NotImplementedError

    async def answer(self) -> Any:
        """Wait for it, instead of `when_done`."""
        raise NotImplementedError


class Hold:
    """Holds back what a socket sends behind a call, until it is released."""

    __slots__ = ("_released",)

    def __init__(self) -> None:
        self._released: Callable[[], None] | None = None

    def when_released(self, released: Callable[[], None]) -> None:
        """Have `released()` called once."""
        self._released = released

    def release(self) -> None:
        """Hold nothing back any more; again it does nothing."""
        released, self._released = self._released, None
        if released is not None:
            released()


class HeldBack:
    """What a handler returns that has to wait before it does what others must not overtake.

    `run(release)` is the call; it calls `release()` when what was sent behind it may go on, at its
    end at the latest.
    """

    __slots__ = ("run",)

    def __init__(self, run: Callable[[Callable[[], None]], Coroutine[Any, Any, Any]]) -> None:
        self.run = run


class Outcome(msgspec.Struct, Generic[T], eq=False):
    """`value` counts where it is `settled`.

    A `pending` coroutine must be awaited or closed; `finish` makes the value of the answer of who
    was `asked`. With a `hold` it is `pending`, and what a socket sends behind the call waits for
    the hold's release.
    """

    value: T
    pending: Coroutine[Any, Any, T] | None = None
    asked: AskedOther | None = None
    finish: Callable[[Any], T] | None = None
    hold: Hold | None = None

    @property
    def settled(self) -> bool:
        """Whether the value is there."""
        return self.pending is None and self.asked is None

    @classmethod
    def answered(cls, asked: AskedOther, finish: "Callable[[Any], T]") -> "Outcome[T]":
        """What `finish` makes of a result or a `ClientError`."""
        return cls(_NOTHING_YET, None, asked, finish)

    def when_done(self, done: Callable[[T], None]) -> None:
        """Have `done(value)` called once who was asked has answered."""
        assert self.asked is not None
        assert self.finish is not None
        finish = self.finish
        self.asked.when_done(lambda answer: done(finish(answer)))

    @classmethod
    def later(cls, pending: Coroutine[Any, Any, T], hold: Hold | None = None) -> "Outcome[T]":
        """What a coroutine will give."""
        return cls(_NOTHING_YET, pending, hold=hold)

    async def wait(self) -> T:
        """The value, once it is there; to be called once."""
        if self.asked is not None and self.finish is not None:
            return self.finish(await self.asked.answer())
        return self.value if self.pending is None else await self.pending

    def then(self, function: Callable[[T], U]) -> "Outcome[U]":
        """The same with `function` applied to the value, which must not raise."""
        if self.asked is not None and self.finish is not None:
            finish = self.finish
            return Outcome.answered(self.asked, lambda answer: function(finish(answer)))
        if self.pending is None:
            return Outcome(function(self.value))
        return Outcome.later(_applied(function, self.pending))


async def _applied(function: Callable[[T], U], pending: Coroutine[Any, Any, T]) -> U:
    return function(await pending)
