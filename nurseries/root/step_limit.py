"""A limit for stretches of code that must not hold up the event loop: the steps of add-ons.

A stretch that takes longer gets `StepTooLong` raised into it, by an alarm of the operating system.
For tasks it works through a Trio instrument, which is there only while one is limited. Works in the
main thread; elsewhere, and inside a library's own machine code, nothing is interrupted.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, Final

import trio

# An add-on that catches everything gets it again.
_AGAIN_S = 1.0
_limited: Final[ContextVar[object]] = ContextVar("_limited", default=None)


class StepTooLong(BaseException):
    """Raised inside a step that takes too long; no `Exception`, so that few can swallow it."""


class StepLimit(trio.abc.Instrument):
    """`seconds` is how long a step may take. One instance serves all add-ons."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._armed = False
        self._tasks = 0
        self._uses = 0
        self._handler_before: Any = None

    @contextmanager
    def stretch(self, seconds: float | None = None) -> Iterator[None]:
        """Limit code that does not await; raises `StepTooLong` in it."""
        with self._handling():
            self._arm(self.seconds if seconds is None else seconds)
            try:
                yield
            finally:
                self._disarm()

    @contextmanager
    def steps(self) -> Iterator[None]:
        """Limit each step of the current task, and of all that it starts meanwhile."""
        with self._handling():
            self._tasks += 1
            if self._tasks == 1:
                trio.lowlevel.add_instrument(self)
            token = _limited.set(self)
            self._arm(self.seconds)
            try:
                yield
            finally:
                self._disarm()
                _limited.reset(token)
                self._tasks -= 1
                if not self._tasks:
                    trio.lowlevel.remove_instrument(self)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Trio runs a step."""
        if task.context.get(_limited) is self:
            self._arm(self.seconds)
        elif self._armed:
            self._disarm()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """It has ended."""
        if self._armed:
            self._disarm()

    @contextmanager
    def _handling(self) -> Iterator[None]:
        """The alarm is ours while anything is limited."""
        self._uses += 1
        if self._uses == 1 and _is_main_thread():
            self._handler_before = signal.signal(signal.SIGALRM, self._on_alarm)
        try:
            yield
        finally:
            self._uses -= 1
            if not self._uses and _is_main_thread():
                signal.signal(signal.SIGALRM, self._handler_before)

    def _arm(self, seconds: float) -> None:
        if _is_main_thread():
            self._armed = True
            signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_S)

    def _disarm(self) -> None:
        if self._armed:
            self._armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        # Not into this module: a step that has just ended is being disarmed.
        if self._armed and (frame is None or frame.f_code.co_filename != __file__):
            raise StepTooLong


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
