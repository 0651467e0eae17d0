"""One scan worker process from its start to its end: a line out, a line back, a limit for each.

`open_worker` owns the process: leaving its block ends it, by the end of its input if it still
listens, by SIGKILL otherwise. It runs at nice 19 with idle I/O.
"""

import logging
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import trio

from mrk.errors import MrkError
from mrk.foreign_json import NotJson
from nurseries.files.scan.messages import Answer, Failed, Request, decode_answer, encode

logger = logging.getLogger(__name__)
_IMPORT_ROOT = Path(__file__).resolve().parents[3]
GIVEN_UP = "nobody waits for it any more"
_STDERR_BYTES = 4096  # kept of what the worker said last


class WorkerMissing(MrkError):
    """The process could not be started."""


class ScanLimits(msgspec.Struct, frozen=True):
    """Times in seconds, sizes in bytes."""

    scan_s: float = 20.0  # one file's metadata and images
    rewrite_s: float = 300.0  # one object processing, or the largest UFP
    unpack_s: float = 30.0  # one UFP, and for each MB of it:
    unpack_s_per_mb: float = 1.0
    idle_s: float = 30.0  # without work, then the worker ends
    goodbye_s: float = 2.0  # for the worker to end by itself
    answer_bytes: int = 4 * 1024 * 1024

    def for_package(self, size_bytes: int) -> float:
        """How long a UFP may take: it grows fourfold, and a slow card takes 10 MB/s."""
        return min(self.unpack_s + self.unpack_s_per_mb * size_bytes / 1e6, self.rewrite_s)


class ScanProcess:
    """The running process; `alive` turns false when it cannot take another job."""

    def __init__(self, process: trio.Process, limits: ScanLimits) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.alive = True
        self.pid = process.pid
        self._process = process
        self._limits = limits
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._buffer = bytearray()
        self._said = b""
        self._said_all = trio.Event()

    async def perform(self, request: Request, limit_s: float, limit: trio.CancelScope) -> Answer:
        """Have one job done; whatever goes wrong with the process becomes a `Failed`.

        Cancelling `limit` gives the job up, and ends the process.
        """
        line = None
        limit.deadline = trio.current_time() + limit_s
        with limit:
            try:
                await self._stdin.send_all(encode(request))
                line = await self._read_line()
            except trio.BrokenResourceError:
                pass  # it died before it read the job; how, is asked below
        if limit.cancelled_caught:
            self._process.kill()
            is_late = trio.current_time() >= limit.deadline
            reason = f"took longer than {limit_s:g} s" if is_late else GIVEN_UP
        elif line is None:
            reason = await self._epitaph()
        else:
            try:
                return decode_answer(line)
            except NotJson as error:
                reason = f"the scan worker answered nonsense: {error}"
        self.alive = False
        level = logging.DEBUG if reason == GIVEN_UP else logging.WARNING
        logger.log(level, "scan worker: %s: %s", request, reason)
        return Failed(reason)

    async def say_goodbye(self) -> None:
        """End the process by ending its input, and give it time to go."""
        await self._stdin.aclose()
        with trio.move_on_after(self._limits.goodbye_s):
            await self._process.wait()

    async def listen_to_stderr(self) -> None:
        """Keep the last words, for the record of the file that ended the worker."""
        async for chunk in self._stderr:
            self._said = (self._said + chunk)[-_STDERR_BYTES:]
        self._said_all.set()

    async def _read_line(self) -> bytes | None:
        """An answer; None at the end of the output or over the limit."""
        while (end := self._buffer.find(b"\n")) < 0:
            chunk = await self._stdout.receive_some(65536)
            if not chunk or len(self._buffer) > self._limits.answer_bytes:
                return None
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    async def _epitaph(self) -> str:
        with trio.move_on_after(self._limits.goodbye_s):
            await self._process.wait()
            await self._said_all.wait()
        code = self._process.returncode
        how = "gave no answer" if code is None else f"ended with {code}"
        last_line = self._said.strip().rpartition(b"\n")[2].decode(errors="replace")
        return f"the scan worker {how}" + (f": {last_line}" if last_line else "")


@asynccontextmanager
async def open_worker(command: Sequence[str], limits: ScanLimits) -> AsyncIterator[ScanProcess]:
    """Start a worker process for the block; raises `WorkerMissing`."""
    start = partial(
        trio.run_process,
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "PYTHONPATH": str(_IMPORT_ROOT)},
        start_new_session=True,  # a terminal's Ctrl-C is for the daemon
        deliver_cancel=_kill,
    )
    try:
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(start, name="scan worker")
            _give_way(process.pid)
            worker = ScanProcess(process, limits)
            nursery.start_soon(worker.listen_to_stderr, name="scan worker's stderr")
            yield worker
            if worker.alive:
                await worker.say_goodbye()
            nursery.cancel_scope.cancel()
    except* OSError as group:
        raise WorkerMissing(f"the scan worker does not start: {group.exceptions[0]}") from group


def _give_way(pid: int) -> None:
    """Nice 19 from outside, so that even the start of the process gives way.

    The worker takes the idle I/O class itself: the daemon does without psutil.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, pid, 19)
    except OSError as error:
        logger.debug("scan worker keeps its priority: %s", error)


async def _kill(process: trio.Process) -> None:
    process.kill()
    await trio.lowlevel.checkpoint_if_cancelled()
