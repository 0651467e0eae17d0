"""Runs g-code on the printer and starts prints, for clients' requests and for subsystems.

Owns what was started last; no task of its own. Commands are recorded before they run.
"""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import trio

from mrk.api.outcome import AskedOther
from mrk.errors import ClientError
from mrk.jobs.job_protocols import PrintStarts
from mrk.klippy.klippy_protocols import CommandLog, KlippyRequests
from mrk.klippy.messages import JunkFrame, decode_value
from mrk.klippy.requests import print_file_script, printed_name
from mrk.klippy.requirements import read_object
from nurseries.klippy.asked_scripts import AskedStart, Recheck, RecordedScript, Restart

# A slicer may upload with "print" and then ask to print the same file once more.
START_AGAIN_S = 10.0


class LastPrint(Protocol):
    """What is known of how the last print ended: a start makes Klipper forget it."""

    @property
    def is_known(self) -> bool:
        """Whether nothing of it is still to be seen."""

    async def look_first(self) -> None:
        """See it, as far as it is unknown; gives up after a while."""


class PrinterGcode:
    """`GcodePort`, on the link to Klipper. `starts` hears who asked for a print.

    Before a print is started it is seen how `last_print` ended.
    """

    def __init__(
        self,
        klippy: KlippyRequests,
        commands: CommandLog,
        starts: PrintStarts,
        last_print: LastPrint | None = None,
    ) -> None:
        self._klippy = klippy
        self._commands = commands
        self._starts = starts
        self._last_print = last_print
        self._last_start = ("", float("-inf"))
        self._looking = trio.Lock()

    async def run_gcode(self, script: str) -> None:
        """Run g-code; returns when the last command has run. Raises `ClientError`."""
        await self.run_script(script)

    @property
    def starts_at_once(self) -> bool:
        """Whether a print can be started without looking at the last one first."""
        if self._last_print is None:
            return True
        return self._last_print.is_known and not self._starts.is_any_awaited

    async def start_print(
        self, filename: str, user: str | None = None, sent: Callable[[], None] = lambda: None
    ) -> None:
        """Print a file, given relative to the gcodes root. Raises `ClientError`.

        Starting again what was started seconds ago and is printing now is no error. `user` asked
        for it. `sent()` is called once Klipper has been asked.
        """
        print_file_script(filename)  # a name that cannot be is refused before anything is asked
        # One after the other: each makes Klipper forget what the one before came to.
        async with self._looking:
            if self._last_print is not None and not self.starts_at_once:
                await self._last_print.look_first()
            start = self.asking_start(filename, user)
            start.begin()
        sent()
        answer = await start.answer()
        if isinstance(answer, ClientError):
            raise answer

    def asking_start(self, filename: str, user: str | None) -> AskedOther:
        """`start_print` without a look, for a handler to return. Raises `ClientError`."""
        name = printed_name(filename)

        def accepted() -> None:
            self._last_start = (name, trio.current_time())

        return AskedStart(
            self.asking(print_file_script(filename)),
            name,
            user,
            self._starts,
            accepted,
            lambda: self._recheck(name),
        )

    def started_within(self, seconds: float) -> str | None:
        """The file whose start was acknowledged last, if that was less than `seconds` ago."""
        last_name, last_time = self._last_start
        return last_name if trio.current_time() - last_time < seconds else None

    def _recheck(self, name: str) -> Recheck | None:
        """Whether a file that was started seconds ago is printing; None when it was not started."""
        if self.started_within(START_AGAIN_S) != name:
            return None
        objects = {"print_stats": ["state", "filename"]}
        try:
            request = self._klippy.asking("objects/query", {"objects": objects})
            request.begin()
        except ClientError:
            return None
        return Recheck(request, lambda answer: _is_printing(answer, name))

    # For handlers to return: what is asked is sent at once, so that no later request of the same
    # client overtakes it.

    def asking(self, script: str) -> AskedOther:
        """`run_script` without waiting."""
        return RecordedScript(*self._script(script))

    def asking_restart(self, command: str) -> AskedOther:
        """RESTART or FIRMWARE_RESTART; that the link drops meanwhile is the normal course."""
        return Restart(*self._script(command))

    def asking_stop(self, script: str) -> AskedOther:
        """Stop the printer at once; Klipper would run `script` behind the one that runs now."""
        request = self._klippy.asking("emergency_stop", {}, urgent=True)
        return RecordedScript(request, lambda: self._commands.record_command(script))

    def _script(self, script: str) -> tuple[AskedOther, Callable[[], None]]:
        request = self._klippy.asking("gcode/script", {"script": script})
        return request, lambda: self._commands.record_command(script)

    async def run_script(self, script: str) -> msgspec.Raw | str:
        """Run g-code, and return Klipper's answer. Raises `ClientError`."""
        if self._klippy.klippy_connected:
            self._commands.record_command(script)
        return await self._klippy.request("gcode/script", {"script": script})


def _is_printing(answer: Any, name: str) -> bool:
    """Whether an answer to objects/query tells of that file."""
    if not isinstance(answer, msgspec.Raw):
        return False
    try:
        stats = read_object(decode_value(answer), "print_stats")
    except JunkFrame:
        return False
    return stats == {"state": "printing", "filename": name}
