"""The printer's side of multi-material units: the `mmu` object, and commands to its macros.

Owns no task; each command has a limit, since a printer that heats answers late.
"""

from collections.abc import Mapping
from typing import Any

import trio

from mrk.errors import ClientError
from mrk.klippy.klippy_protocols import GcodePort, KlippyPort
from mrk.klippy.requirements import read_names, read_object
from mrk.mmu.gates import MOST_GATES, message_command

COMMAND_S = 600.0


class PrinterSide:
    """`num_gates` counts where Klipper has no `mmu` object."""

    def __init__(self, klippy: KlippyPort, gcode: GcodePort, num_gates: int) -> None:
        self._klippy = klippy
        self._gcode = gcode
        self._num_gates = num_gates

    async def read(self) -> Mapping[str, Any]:
        """Fields of `mmu`; empty without it. Raises `ClientError`."""
        known = await self._klippy.call("objects/list")
        if "mmu" not in read_names(known, "objects"):
            return {}
        answer = await self._klippy.call("objects/query", {"objects": {"mmu": None}})
        return read_object(answer, "mmu")

    async def count_gates(self) -> int:
        """How many there are."""
        count = (await self.read()).get("num_gates")
        return count if type(count) is int and 0 < count <= MOST_GATES else self._num_gates

    async def say(self, text: str, *, error: bool = False) -> None:
        """Tell the user at the console."""
        has_mmu = (await self.read()).get("enabled") is True
        await self.run(message_command(text, error=error, has_mmu=has_mmu))

    async def run(self, command: str) -> None:
        """Run g-code; raises `ClientError`."""
        with trio.move_on_after(COMMAND_S) as limit:
            await self._gcode.run_gcode(command)
        if limit.cancelled_caught:
            raise ClientError(f"the printer took more than {COMMAND_S:g} s", 504)
