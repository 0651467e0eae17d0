"""Runs ffmpeg as a child that gives way to everything, and follows how far it is.

Each run is owned by the task that awaits it; cancelling it kills the child. What is known of a run
is what the process says.
"""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path

import msgspec
import trio

from mrk.errors import MrkError
from mrk.timelapse.video import frames_done

# Without a new frame for so long it is hanging, however slow the machine.
STALL_S = 900.0
_REAP_S = 0.5
_KEPT_BYTES = 4096
_GIVE_WAY = (("nice", "-n", "19"), ("ionice", "-c", "3"))


class FfmpegMissing(MrkError):
    """There is no ffmpeg to be run; says where it was looked for."""


class FfmpegEnd(msgspec.Struct, frozen=True):
    """How a run ended: `said` is the last line of its complaints."""

    status: int
    said: str


class Ffmpeg:
    """The program at `path`, else the one on the search path."""

    def __init__(self, path: Path, *, stall_s: float = STALL_S) -> None:
        self._path = path
        self._stall_s = stall_s
        # Why it could not be run when somebody looked last; empty when it could.
        self.trouble = ""

    async def look(self) -> str:
        """Search the disk for it; `trouble` as it is now."""
        with suppress(FfmpegMissing):
            await self._command()
        return self.trouble

    async def _command(self) -> list[str]:
        """What it is started with; raises `FfmpegMissing`. Search paths may lie on slow disks."""
        found = await trio.to_thread.run_sync(_find, self._path)
        self.trouble = (
            "" if found else f"there is no ffmpeg at {self._path}: sudo apt install ffmpeg"
        )
        if not found:
            raise FfmpegMissing(self.trouble)
        return found

    async def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        on_frame: Callable[[int], None] = lambda _number: None,
    ) -> FfmpegEnd:
        """Run it in a folder until it ends; raises `FfmpegMissing`."""
        command = await self._command()
        try:
            process = await trio.lowlevel.open_process(
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                start_new_session=True,  # a terminal's Ctrl-C is for the daemon
            )
        except OSError as exc:
            raise FfmpegMissing(f"ffmpeg cannot be started: {exc.strerror}") from exc
        try:
            return await self._follow(process, on_frame)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                process.kill()
            with trio.move_on_after(_REAP_S, shield=True):
                await process.wait()

    async def _follow(self, process: trio.Process, on_frame: Callable[[int], None]) -> FfmpegEnd:
        assert process.stdout is not None
        assert process.stderr is not None
        _offer_to_oom_killer(process.pid)
        complaints = bytearray()
        with trio.move_on_after(self._stall_s) as stall:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_keep_tail, process.stderr, complaints, name="ffmpeg's stderr")
                last, rest = -1, b""
                async for chunk in process.stdout:
                    *lines, rest = (rest + chunk).split(b"\n")
                    rest = rest[-_KEPT_BYTES:]
                    for number in map(frames_done, lines):
                        if number is not None and number != last:
                            last = number
                            stall.deadline = trio.current_time() + self._stall_s
                            on_frame(number)
                status = await process.wait()
                nursery.cancel_scope.deadline = trio.current_time() + _REAP_S
        if stall.cancelled_caught:
            return FfmpegEnd(-1, f"no new frame within {self._stall_s:g} s: ended")
        said = complaints.decode(errors="replace").strip().rpartition("\n")[2]
        return FfmpegEnd(status, said)


def _find(path: Path) -> list[str]:
    """Its place behind what makes it give way; empty without one."""
    program = shutil.which(path) or shutil.which("ffmpeg")
    if program is None:
        return []
    give_way = [word for command in _GIVE_WAY if shutil.which(command[0]) for word in command]
    return [*give_way, program]


def _offer_to_oom_killer(pid: int) -> None:
    """The first to be ended when memory runs out: Klipper runs beside it."""
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_bytes(b"1000")


async def _keep_tail(stream: trio.abc.ReceiveStream, kept: bytearray) -> None:
    async with aclosing(stream):
        async for chunk in stream:
            kept += chunk
            del kept[:-_KEPT_BYTES]
