"""Has pages rendered by a process of its own, which runs while somebody asks for pages.

`serve` owns the process and ends when cancelled. A page that cannot be rendered is a `ClientError`
503 that says why; the next one is tried with a new process.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import trio

from mrk.errors import ClientError
from mrk.foreign_json import NotJson
from mrk.web.page_messages import PageAnswer, PageRequest, decode_answer, encode

logger = logging.getLogger(__name__)
COMMAND = (sys.executable, "-P", "-m", "transports.web.process")
_IMPORT_ROOT = Path(__file__).resolve().parents[2]
# The first page waits for the start of Python and for 150 modules; a slow board takes 5 s.
ANSWER_S = 30.0
# Without pages; then the process ends, and its 47 MB are free.
IDLE_S = 120.0
_ANSWER_BYTES = 1024 * 1024
_RECEIVE_BYTES = 64 * 1024


class _Job(msgspec.Struct, eq=False):
    request: PageRequest
    done: trio.Event = msgspec.field(default_factory=trio.Event)
    answer: PageAnswer | None = None
    reason: str = ""


class PageRenderer:
    """`render` may be called by many; they take turns."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        *,
        answer_s: float = ANSWER_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._command = command
        self._answer_s = answer_s
        self._idle_s = idle_s
        # Nobody hands over before the one before is done: who waits does so with a deadline.
        self._hand_over, self._jobs = trio.open_memory_channel[_Job](0)

    async def render(self, request: PageRequest) -> PageAnswer:
        """The page; raises `ClientError` 503."""
        job = _Job(request)
        with trio.move_on_after(self._answer_s):
            await self._hand_over.send(job)
            await job.done.wait()
        if job.answer is not None:
            return job.answer
        reason = job.reason if job.done.is_set() else f"it takes longer than {self._answer_s:g} s"
        raise ClientError(f"The page cannot be shown: {reason}", 503)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the process whenever there are pages to render."""
        task_status.started()
        while True:
            job: _Job | None = await self._jobs.receive()
            while job is not None:
                job = await self._started(job)

    async def _started(self, job: _Job) -> _Job | None:
        """As `_run`; a process that does not start is told."""
        try:
            return await self._run(job)
        except* OSError as group:
            reason = f"the process that renders pages does not start: {group.exceptions[0]}"
            logger.error("%s", reason)
            _settle(job, None, reason)
        return None

    async def _run(self, job: _Job) -> _Job | None:
        """One process, from its first page until none has been asked for in a while.

        Returns a page that it failed although it had rendered others: a new one may try.
        """
        start = partial(
            trio.run_process,
            list(self._command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            check=False,
            env={**os.environ, "PYTHONPATH": str(_IMPORT_ROOT)},
            start_new_session=True,  # a terminal's Ctrl-C is for the daemon
            deliver_cancel=_kill,
        )
        failed = None
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(start, name="page process")
            if await self._perform(process, job, last=True):
                while (more := await self._next()) is not None:
                    if not await self._perform(process, more, last=False):
                        failed = more
                        break
            nursery.cancel_scope.cancel()
        return failed

    async def _next(self) -> _Job | None:
        with trio.move_on_after(self._idle_s):
            return await self._jobs.receive()
        return None

    async def _perform(self, process: trio.Process, job: _Job, *, last: bool) -> bool:
        """Whether it was rendered; `last`: who asked is told if not."""
        assert process.stdin is not None
        assert process.stdout is not None
        answer = None
        reason = f"it takes longer than {self._answer_s:g} s"
        try:
            with trio.move_on_after(self._answer_s):
                try:
                    await process.stdin.send_all(encode(job.request))
                    answer = decode_answer(await _read_line(process.stdout))
                except (trio.BrokenResourceError, NotJson) as exc:
                    reason = f"the process that renders pages failed ({type(exc).__name__})"
        except trio.Cancelled:
            _settle(job, None, "the server is shutting down")
            raise
        if answer is None:
            logger.warning("page: %s", reason)
        if answer is not None or last:
            _settle(job, answer, reason)
        return answer is not None


def _settle(job: _Job, answer: PageAnswer | None, reason: str) -> None:
    job.answer, job.reason = answer, reason
    job.done.set()


async def _read_line(stdout: trio.abc.ReceiveStream) -> bytes:
    """One line; what is no line is whatever came."""
    data = bytearray()
    while not data.endswith(b"\n") and len(data) < _ANSWER_BYTES:
        chunk = await stdout.receive_some(_RECEIVE_BYTES)
        if not chunk:
            break
        data += chunk
    return bytes(data)


async def _kill(process: trio.Process) -> None:
    process.kill()
    await trio.lowlevel.checkpoint_if_cancelled()
