"""`type: driver`: a program of its own that knows the device (`mrk/power/driver_lines.py`).

`run` starts the process and ends with it; a program that ends, floods, or does not answer in time
is killed, and the supervisor starts it anew with growing delay. What it writes to its standard
error goes to the log.
"""

import logging
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
import trio

from mrk.errors import Transient
from mrk.log.throttle import LogThrottle
from mrk.power.driver import Report
from mrk.power.driver_lines import LINE_BYTES, Answered, BadDriverLine, LineReader, Told, ask, read
from mrk.power.states import DriverFailed, PowerState

logger = logging.getLogger(__name__)
# Between its end of output and its end.
GOODBYE_S = 1.0
_SHOWN_CHARS = 200


class DriverGone(Transient):
    """The program ended, or was ended; the text says why."""


class _Slot(msgspec.Struct, eq=False):
    """A question that waits for its answer."""

    done: trio.Event
    answer: Answered | None = None


class ProcessDriver:
    """Implements `PowerDriver`."""

    least_s = 0.0
    initialises_each_time = False

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._name = name
        self._command = command
        self._environment = environment or {}
        self._process: trio.Process | None = None
        self._slots: deque[_Slot] = deque()
        self._ended = trio.Event()
        self._reason = "it is not running"
        self._throttle = LogThrottle()

    # What runs

    async def run(
        self, report: Report, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """One process from its start to its end. Raises `DriverGone`."""
        start = partial(
            trio.run_process,
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            env={**os.environ, "PATH": _search_path(), **self._environment},
            start_new_session=True,  # a terminal's Ctrl-C is for the daemon
            deliver_cancel=_kill_all,
        )
        self._ended = trio.Event()
        try:
            async with trio.open_nursery() as nursery:
                process: trio.Process = await nursery.start(start)
                self._process = process
                nursery.start_soon(self._log_errors, process, name="driver's stderr")
                nursery.start_soon(self._read, process, report, name="driver's answers")
                task_status.started()
                await self._ended.wait()
                nursery.cancel_scope.cancel()
        except* OSError as group:
            self._reason = f"{self._command[0]} cannot be run: {group.exceptions[0]}"
        finally:
            self._process = None
            while self._slots:
                self._slots.popleft().done.set()
        report(PowerState.ERROR)
        raise DriverGone(self._reason)

    def _end(self, reason: str) -> None:
        if not self._ended.is_set():
            self._reason = reason
            self._ended.set()

    async def _read(self, process: trio.Process, report: Report) -> None:
        assert process.stdout is not None
        lines = LineReader()
        try:
            async for data in process.stdout:
                for line in lines.feed(bytes(data)):
                    self._take(line, report)
                    await trio.lowlevel.checkpoint()
        except BadDriverLine as exc:
            self._end(str(exc))
            return
        with trio.move_on_after(GOODBYE_S):
            await process.wait()
        code = process.returncode
        how = "it has closed its output" if code is None else f"it ended with code {code}"
        self._end(how)

    def _take(self, line: bytes, report: Report) -> None:
        try:
            said = read(line)
        except BadDriverLine as exc:
            self._say(f"is not understood: {exc}")
            return
        if isinstance(said, Told):
            report(said.state)
        elif self._slots:
            slot = self._slots.popleft()
            slot.answer = said
            slot.done.set()
        else:
            self._say("answers what was not asked")

    async def _log_errors(self, process: trio.Process) -> None:
        assert process.stderr is not None
        rest = b""
        async for data in process.stderr:
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[-LINE_BYTES:]
            for line in lines[-10:]:
                self._say(f"says: {line[:_SHOWN_CHARS].decode('utf-8', 'replace')}")

    def _say(self, text: str) -> None:
        self._throttle.log(logger, f"the driver of power device {self._name} {text}", _now())

    # Requests

    async def status(self) -> PowerState:
        """Ask for it."""
        return await self._ask(None)

    async def switch(self, on: bool) -> PowerState:
        """Have it done."""
        return await self._ask(PowerState.of(on))

    async def _ask(self, to: PowerState | None) -> PowerState:
        process = self._process
        if process is None or process.stdin is None or self._ended.is_set():
            raise DriverFailed(self._reason)
        slot = _Slot(trio.Event())
        self._slots.append(slot)
        try:
            await process.stdin.send_all(ask(to))
            await slot.done.wait()
        except trio.BrokenResourceError:
            raise DriverFailed("it reads no more") from None
        finally:
            if not slot.done.is_set():
                # A late answer would be taken for one to the next question.
                self._end("it did not answer in time")
        if slot.answer is None:
            raise DriverFailed(self._reason)
        if slot.answer.error is not None:
            raise DriverFailed(slot.answer.error)
        return slot.answer.state


def _search_path() -> str:
    """Ours come first: a service does not have the environment's programs on its path."""
    return f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', os.defpath)}"


def _now() -> float:
    return trio.current_time()


async def _kill_all(process: trio.Process) -> None:
    """The program, and what it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    await trio.lowlevel.checkpoint_if_cancelled()
