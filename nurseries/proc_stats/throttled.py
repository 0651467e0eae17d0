"""Reads the Raspberry Pi firmware's throttled bits from /sys or through `vcgencmd`.

`ThrottledReader` belongs to the sampler and runs nothing by itself; a read ends by its deadline.
"""

import shutil
from pathlib import Path

import trio

from mrk.machine.host_commands import Commands, CommandUnavailable
from mrk.machine.throttled import UNREADABLE, ThrottledState, parse_throttled
from nurseries.proc_stats.host_files import read_once

_SYS_FILE = "devices/platform/soc/soc:firmware/get_throttled"
_DEADLINE_S = 2.0
# Callers within this time share a reading: a page with ten tabs must not start ten processes.
_SHARED_S = 1.0


class ThrottledReader:
    """The throttled bits of this host; `present` is false where there is no such firmware."""

    def __init__(self, sys: Path, vcgencmd: str, commands: Commands) -> None:
        self._sys_file = sys / _SYS_FILE
        self._in_sys = self._sys_file.is_file()
        self._vcgencmd = None if self._in_sys else shutil.which(vcgencmd)
        self._commands = commands
        self._one_process = trio.CapacityLimiter(1)
        self._last = UNREADABLE
        self._read_at = float("-inf")

    @property
    def present(self) -> bool:
        """Whether this host can say anything."""
        return self._in_sys or self._vcgencmd is not None

    async def read(self) -> ThrottledState | None:
        """Return the bits of now, `UNREADABLE` when reading fails, None when not `present`."""
        if self._in_sys:
            return parse_throttled(read_once(self._sys_file))
        if self._vcgencmd is None:
            return None
        async with self._one_process:
            if trio.current_time() - self._read_at >= _SHARED_S:
                self._last = await self._ask(self._vcgencmd)
                self._read_at = trio.current_time()
        return self._last

    async def _ask(self, vcgencmd: str) -> ThrottledState:
        with trio.move_on_after(_DEADLINE_S):
            try:
                result = await self._commands.run([vcgencmd, "get_throttled"])
            except CommandUnavailable:
                return UNREADABLE
            return parse_throttled(result.stdout) if result.status == 0 else UNREADABLE
        return UNREADABLE
