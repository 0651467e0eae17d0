"""Has messages sent by a process of its own, which runs while there is something to send.

`serve` owns the process and ends when cancelled. A job that takes too long is answered as failed;
its thread is left alone, and ends with the process.
"""

import itertools
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import trio

from mrk.foreign_json import NotJson
from nurseries.notifier.sending.messages import Delivery, Job, decode_delivery, encode

logger = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "nurseries.notifier.sending.process")
_IMPORT_ROOT = Path(__file__).resolve().parents[3]
# Of one message, pictures and all tries of the library included.
SEND_S = 60.0
# Without work; then the process ends, and its 50 MB are free.
IDLE_S = 30.0
# All notifiers together send as many at once; others wait for their turn within their time.
MOST_AT_ONCE = 8
# A process with so many threads that hang is ended, whatever else it does.
MOST_HUNG = 8
_LINE_BYTES = 64 * 1024


class _Slot(msgspec.Struct, eq=False):
    done: trio.Event = msgspec.field(default_factory=trio.Event)
    outcome: Delivery | None = None


class Sender:
    """Implements the calls of the notifiers; `abandoned` counts jobs that took too long."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        *,
        send_s: float = SEND_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self.abandoned = 0
        self._command = command
        self._send_s = send_s
        self._idle_s = idle_s
        self._ids = itertools.count(1)
        self._slots: dict[int, _Slot] = {}
        self._turns = trio.CapacityLimiter(MOST_AT_ONCE)
        self._jobs_in, self._jobs = trio.open_memory_channel[Job](MOST_AT_ONCE)
        # Of the process that runs; cancelling it ends that.
        self._running = trio.CancelScope()
        self._hung = 0

    def next_id(self) -> int:
        """For a job's `id`."""
        return next(self._ids)

    async def perform(self, job: Job) -> Delivery:
        """Have a job done; whatever goes wrong becomes a `Delivery`."""
        slot = _Slot()
        with trio.move_on_after(self._send_s):
            async with self._turns:
                self._slots[job.id] = slot
                try:
                    await self._jobs_in.send(job)
                    await slot.done.wait()
                finally:
                    del self._slots[job.id]
        if slot.outcome is not None:
            return slot.outcome
        self.abandoned += 1
        self._hung += 1
        if self._hung >= MOST_HUNG:
            self._running.cancel()
        return Delivery(job.id, ok=False, reason=f"it took longer than {self._send_s:g} s")

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the process whenever there is something to send."""
        task_status.started()
        while True:
            job = await self._jobs.receive()
            if not self._is_waited_for(job):
                continue
            try:
                await self._run(job)
            except* OSError as group:
                reason = f"the process that sends cannot be started: {group.exceptions[0]}"
                logger.error("%s", reason)
                self._fail_all(reason)

    async def _run(self, first: Job) -> None:
        """One process, from its first job until it has nothing to do."""
        start = partial(
            trio.run_process,
            list(self._command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            env={**os.environ, "PYTHONPATH": str(_IMPORT_ROOT)},
            start_new_session=True,  # a terminal's Ctrl-C is for the daemon
            deliver_cancel=_kill,
        )
        self._hung = 0
        async with trio.open_nursery() as nursery:
            self._running = nursery.cancel_scope
            process: trio.Process = await nursery.start(start, name="notification process")
            assert process.stdin is not None
            assert process.stdout is not None
            nursery.start_soon(self._read, process.stdout, name="notification outcomes")
            await self._feed(process.stdin, first)
            nursery.cancel_scope.cancel()
        self._fail_all("the process that sends ended")

    async def _feed(self, stdin: trio.abc.SendStream, job: Job) -> None:
        """Hand on jobs until none has come for a while."""
        try:
            while True:
                await stdin.send_all(encode(job) + b"\n")
                next_job = await self._next()
                if next_job is None:
                    return
                job = next_job
        except trio.BrokenResourceError:
            return  # it died; who waits is told below

    async def _next(self) -> Job | None:
        while True:
            job = None
            with trio.move_on_after(self._idle_s):
                job = await self._jobs.receive()
            if job is not None and self._is_waited_for(job):
                return job
            if not self._slots:
                return None

    def _is_waited_for(self, job: Job) -> bool:
        slot = self._slots.get(job.id)
        return slot is not None and slot.outcome is None

    async def _read(self, stdout: trio.abc.ReceiveStream) -> None:
        buffer = b""
        async for chunk in stdout:
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                self._take(line)
            if len(buffer) > _LINE_BYTES:
                break
        self._running.cancel()

    def _take(self, line: bytes) -> None:
        try:
            outcome = decode_delivery(line)
        except NotJson as exc:
            logger.warning("the process that sends answered nonsense: %s", exc)
            return
        slot = self._slots.get(outcome.id)
        if slot is not None:
            slot.outcome = outcome
            slot.done.set()

    def _fail_all(self, reason: str) -> None:
        for number, slot in self._slots.items():
            if slot.outcome is None:
                slot.outcome = Delivery(number, ok=False, reason=reason)
                slot.done.set()


async def _kill(process: trio.Process) -> None:
    process.kill()
    await trio.lowlevel.checkpoint_if_cancelled()
