"""server.config.check: what `mrk check-config` says of the files as they are now.

Reads them in a thread, one check at a time; what runs is left alone.
"""

from collections.abc import Callable
from typing import Literal

import msgspec
import trio

from config.check import NOTE_MARK, WARNING_MARK
from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get
from mrk.errors import ClientError

# Reading is a matter of milliseconds; a network's disk, or an add-on's own checks, may take long.
CHECK_S = 30.0

Check = Callable[[], list[str]]


class ConfigFinding(msgspec.Struct, frozen=True):
    """One line of `mrk check-config`: an error keeps the file from being used at all."""

    kind: Literal["error", "warning", "note"]
    text: str


class CheckAnswer(msgspec.Struct, frozen=True):
    """The answer of server.config.check."""

    findings: list[ConfigFinding]


class ConfigCheck:
    """The declaration and its handler; `check` blocks, and gives the lines of check-config."""

    def __init__(self, check: Check) -> None:
        self._check = check
        # Of its own: a check that hangs must not take a thread from anybody else.
        self._threads = trio.CapacityLimiter(1)

    def endpoints(self) -> list[Endpoint]:
        """`server.config.check`."""
        return [
            get(
                "/server/config/check",
                self.check,
                "Read the configuration's files as they are now, and say what is wrong with them.",
                Access.ADMIN,
                NoParams,
                CheckAnswer,
            )
        ]

    async def check(self, _params: NoParams, _caller: Caller) -> CheckAnswer:
        """Raises `ClientError` 503 when that takes too long."""
        try:
            with trio.fail_after(CHECK_S):
                lines = await trio.to_thread.run_sync(
                    self._check, abandon_on_cancel=True, limiter=self._threads
                )
        except trio.TooSlowError:
            raise ClientError(f"The check took longer than {CHECK_S:g} s", 503) from None
        return CheckAnswer([_finding(line) for line in lines])


def _finding(line: str) -> ConfigFinding:
    if line.startswith(WARNING_MARK):
        return ConfigFinding("warning", line.removeprefix(WARNING_MARK))
    if line.startswith(NOTE_MARK):
        return ConfigFinding("note", line.removeprefix(NOTE_MARK))
    return ConfigFinding("error", line)
