"""Runs g-code on the printer and starts prints, for clients' requests and for subsystems.

Owns what was started last; no task of its own. Commands are recorded before they run.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import trio

from mrk.api.outcome import AskedOther
from mrk.errors import ClientError
from mrk.jobs.job_protocols import PrintStarts
from mrk.klippy.klippy_protocols import CommandLog, KlippyRequests
from mrk.klippy.link_errors import KlippyLost
from mrk.klippy.requests import print_file_script, printed_name
from mrk.klippy.requirements import read_object

LookFirst = Callable[[], Awaitable[None]]
# A slicer may upload with "print" and then ask to print the same file once more.
START_AGAIN_S = 10.0


class _RecordedScript(AskedOther):
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


class _Restart(_RecordedScript):
    """One that ends the link: it is done when that is lost."""

    __slots__ = ()

    def when_done(self, done: Callable[[Any], None]) -> None:
        super().when_done(lambda answer: done(_restarted(answer)))

    async def answer(self) -> Any:
        return _restarted(await super().answer())


def _restarted(answer: Any) -> Any:
    return answer if isinstance(answer, ClientError) and type(answer) is not KlippyLost else "ok"


class PrinterGcode:
    """`GcodePort`, on the link to Klipper. `starts` hears who asked for a print.

    `look_first` is awaited before a print is started: that makes Klipper forget the last one.
    """

    def __init__(
        self,
        klippy: KlippyRequests,
        commands: CommandLog,
        starts: PrintStarts,
        look_first: LookFirst | None = None,
    ) -> None:
        self._klippy = klippy
        self._commands = commands
        self._starts = starts
        self._look_first = look_first
        self._last_start = ("", float("-inf"))

    async def run_gcode(self, script: str) -> None:
        """Run g-code; returns when the last command has run. Raises `ClientError`."""
        await self.run_script(script)

    async def start_print(self, filename: str, user: str | None = None) -> None:
        """Print a file, given relative to the gcodes root. Raises `ClientError`.

        Starting again what was started seconds ago and is printing now is no error. `user` asked
        for it.
        """
        script, name = print_file_script(filename), printed_name(filename)
        if self._look_first is not None:
            await self._look_first()
        # Before the printer is asked: it may tell of the print before it answers.
        number = self._starts.note_start(name, user)
        refused: ClientError | None = None
        try:
            await self.run_script(script)
        except KlippyLost:
            raise
        except ClientError as exc:
            refused = exc
        if refused is None:
            self._starts.accept_start(number)
            self._last_start = (name, trio.current_time())
            return
        # Forgiven or not, it starts nothing: what begins later is not this user's.
        self._starts.forget_start(number)
        if not (self._started_lately(name) and await self._is_printing(name)):
            raise refused

    def _started_lately(self, name: str) -> bool:
        return self.started_within(START_AGAIN_S) == name

    def started_within(self, seconds: float) -> str | None:
        """The file whose start was acknowledged last, if that was less than `seconds` ago."""
        last_name, last_time = self._last_start
        return last_name if trio.current_time() - last_time < seconds else None

    async def _is_printing(self, name: str) -> bool:
        objects = {"print_stats": ["state", "filename"]}
        try:
            answer = await self._klippy.call("objects/query", {"objects": objects})
        except ClientError:
            return False
        return read_object(answer, "print_stats") == {"state": "printing", "filename": name}

    # For handlers to return: what is asked is sent at once, so that no later request of the same
    # client overtakes it.

    def asking(self, script: str) -> AskedOther:
        """`run_script` without waiting."""
        return _RecordedScript(*self._script(script))

    def asking_restart(self, command: str) -> AskedOther:
        """RESTART or FIRMWARE_RESTART; that the link drops meanwhile is the normal course."""
        return _Restart(*self._script(command))

    def asking_stop(self, script: str) -> AskedOther:
        """Stop the printer at once; Klipper would run `script` behind the one that runs now."""
        request = self._klippy.asking("emergency_stop", {}, urgent=True)
        return _RecordedScript(request, lambda: self._commands.record_command(script))

    def _script(self, script: str) -> tuple[AskedOther, Callable[[], None]]:
        request = self._klippy.asking("gcode/script", {"script": script})
        return request, lambda: self._commands.record_command(script)

    async def run_script(self, script: str) -> msgspec.Raw | str:
        """Run g-code, and return Klipper's answer. Raises `ClientError`."""
        if self._klippy.klippy_connected:
            self._commands.record_command(script)
        return await self._klippy.request("gcode/script", {"script": script})
