"""A display's end of a pseudo-terminal: writes numbered lines, reads JSON."""

import json
import os
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from mrk.paneldue.lines import checksum


class FakeDisplay:
    """`link` is the path that the daemon opens; `plug` makes it there, `unplug` ends it."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.number = 0
        self._rest = b""

    def plug(self) -> None:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(theirs))
        self._theirs = theirs
        self.stream = trio.lowlevel.FdStream(ours)
        self._rest = b""

    async def unplug(self) -> None:
        self.link.unlink()
        os.close(self._theirs)
        await self.stream.aclose()

    async def write(self, data: bytes) -> None:
        with trio.fail_after(10):
            await self.stream.send_all(data)

    async def say(self, command: str) -> None:
        self.number += 1
        line = f"N{self.number} {command}"
        await self.write(f"{line}*{checksum(line)}\n".encode())

    async def hear(self) -> dict[str, Any]:
        with trio.fail_after(10):
            while b"\n" not in self._rest:
                self._rest += await self.stream.receive_some()
        line, _, self._rest = self._rest.partition(b"\n")
        assert line.endswith(b"\r")
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    async def ask(self, command: str = "M408 S0") -> dict[str, Any]:
        await self.say(command)
        return await self.hear()

    async def until(self, command: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask until the answer is as wanted, and anew where a port that opens lost the question."""
        with trio.fail_after(30):
            while True:
                with trio.move_on_after(2):
                    answer = await self.ask(command)
                    if done(answer):
                        return answer
                await trio.sleep(0.02)

    async def response(self, wanted: str) -> str:
        """Ask for the status until a response holds a text."""
        told = await self.until("M408 S0 R7", lambda told: wanted in told.get("resp", ""))
        return str(told["resp"])
