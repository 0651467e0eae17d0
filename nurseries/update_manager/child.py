"""Child processes of updates: a group of their own, bounded output, a sure end.

Each run is owned by the task that awaits it. A run that is cancelled,
takes too long or says nothing for too long ends its whole group: first asked to, then killed.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path

import msgspec
import trio

from mrk.updates.item import Tell
from mrk.updates.update_errors import UpdateFailed

# Of the daemon's 3 s for its own end; git removes its lock files meanwhile.
_TERM_S = 0.5
_REAP_S = 0.5
_MOST_OUT_BYTES = 4 * 1024 * 1024
_MOST_ERR_BYTES = 64 * 1024
# Of one command, as lines to clients; the rest is still read, and forgotten.
MOST_LINES = 5000
_LINE_CHARS = 1000
NICENESS = 10


class ChildCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. `environment` is added to the daemon's own; `given` is the input, never shown.

    It ends after `deadline_s`, and after `quiet_s` without output. `shown` names it in messages.
    """

    argv: Sequence[str]
    shown: str
    deadline_s: float
    quiet_s: float | None = None
    cwd: Path | None = None
    environment: Mapping[str, str] = {}
    given: bytes = b""


class ChildResult(msgspec.Struct, frozen=True):
    """How it ended (negative: by that signal), and what it said; of errors the last 64 kB."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """The last lines of what it complained about."""
        lines = [line for line in (self.err.strip() or self.out.strip()).splitlines() if line]
        return " ".join(lines[-3:])[-400:]


class ChildRunner:
    """Runs commands without a shell, below everything else in priority (nice(1))."""

    def __init__(self, niceness: int = NICENESS) -> None:
        self._niceness = niceness

    async def run(self, command: ChildCommand, tell: Tell | None = None) -> ChildResult:
        """Run to its end, telling each line; raises `UpdateFailed` if it cannot run or stalls."""
        process = await _open(command, self._niceness)
        watch = _Silence(command.quiet_s)
        out, err = bytearray(), bytearray()
        lines = _Lines(tell)
        assert process.stdout is not None
        assert process.stderr is not None
        finished = False
        try:
            with trio.move_on_after(command.deadline_s):
                async with trio.open_nursery() as nursery:
                    watch.scope = nursery.cancel_scope
                    watch.heard()
                    if process.stdin is not None:
                        nursery.start_soon(_feed, process.stdin, command.given)
                    nursery.start_soon(_read, process.stdout, _head(out), lines.part(), watch.heard)
                    nursery.start_soon(_read, process.stderr, _tail(err), lines.part(), watch.heard)
                    status = await process.wait()
                    finished, watch.quiet_s = True, None
                    # A child of the child may hold the pipes open; what is there by now suffices.
                    nursery.cancel_scope.deadline = trio.current_time() + _REAP_S
        finally:
            with trio.move_on_after(_TERM_S + _REAP_S, shield=True):
                await _end(process)
        if not finished:
            raise UpdateFailed(_stalled(command, watch))
        return ChildResult(status, _text(out), _text(err))

    async def check(self, command: ChildCommand, tell: Tell | None = None) -> ChildResult:
        """The same; raises `UpdateFailed` unless it ended with 0."""
        result = await self.run(command, tell)
        if result.status != 0:
            raise UpdateFailed(f"{command.shown} failed ({result.status}): {result.said}")
        return result


class _Silence:
    """Ends a scope when nothing was heard for so long."""

    def __init__(self, quiet_s: float | None) -> None:
        self.quiet_s = quiet_s
        self.scope: trio.CancelScope | None = None

    def heard(self) -> None:
        if self.quiet_s is not None and self.scope is not None:
            self.scope.deadline = trio.current_time() + self.quiet_s

    @property
    def was_too_long(self) -> bool:
        return self.scope is not None and trio.current_time() >= self.scope.deadline


def _stalled(command: ChildCommand, watch: _Silence) -> str:
    if command.quiet_s is not None and watch.was_too_long:
        return f"{command.shown} said nothing for {command.quiet_s:g} s and was ended"
    return f"{command.shown} did not end within {command.deadline_s:g} s and was ended"


class _Lines:
    """Hands lines of both outputs to `tell`, up to `MOST_LINES`."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell
        self._left = MOST_LINES

    def part(self) -> Callable[[bytes], None]:
        """A reader of one output: it is given chunks, an empty one at the end."""
        rest = bytearray()

        def take(chunk: bytes) -> None:
            rest.extend(chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
            *whole, tail = bytes(rest).split(b"\n")
            if not chunk and tail:
                whole, tail = [*whole, tail], b""
            rest[:] = tail[-_LINE_CHARS:]
            for line in whole:
                self._say(line)

        return take if self._tell is not None else lambda _chunk: None

    def _say(self, line: bytes) -> None:
        self._left -= 1
        if self._tell is None or self._left < 0:
            return
        text = line.decode("utf-8", "replace").strip()[:_LINE_CHARS]
        self._tell(text if self._left else "... (more output is not shown)")


def _head(kept: bytearray) -> Callable[[bytes], None]:
    return lambda chunk: kept.extend(chunk[: _MOST_OUT_BYTES - len(kept)])


def _tail(kept: bytearray) -> Callable[[bytes], None]:
    def keep(chunk: bytes) -> None:
        kept.extend(chunk)
        del kept[:-_MOST_ERR_BYTES]

    return keep


def _text(data: bytearray) -> str:
    return data.decode("utf-8", "replace")


async def _open(command: ChildCommand, niceness: int) -> trio.Process:
    try:
        process: trio.Process = await trio.lowlevel.open_process(
            list(command.argv),
            stdin=subprocess.PIPE if command.given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=command.cwd,
            env={**os.environ, **command.environment},
            start_new_session=True,
        )
    except OSError as exc:
        raise UpdateFailed(f"{command.shown} cannot be run: {exc.strerror}") from exc
    # Of sudo's, which belong to root, this is refused.
    with suppress(OSError):
        os.setpriority(os.PRIO_PGRP, process.pid, niceness)
    return process


async def _feed(stream: trio.abc.SendStream, given: bytes) -> None:
    async with stream:
        with suppress(trio.BrokenResourceError):
            await stream.send_all(given)


async def _read(
    stream: trio.abc.ReceiveStream,
    keep: Callable[[bytes], None],
    show: Callable[[bytes], None],
    heard: Callable[[], None],
) -> None:
    try:
        async with aclosing(stream):
            async for chunk in stream:
                heard()
                keep(bytes(chunk))
                show(bytes(chunk))
    finally:
        show(b"")


async def _end(process: trio.Process) -> None:
    """Nothing of its group is left, unless it belongs to root."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with trio.move_on_after(_TERM_S):
            await process.wait()
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: trio.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
