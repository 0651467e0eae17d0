"""The daemon under observation, and what /proc and its own facts say of it."""

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import trio

from benchmarks.process import memory
from tests.soak.verdict import Snapshot

_PATIENCE_S = 30.0
_IDLE_WORKER = " in _thread_cache.py:"  # innermost
_COMM_CHARACTERS = 15
# Names that end in a number or an address: the thread or task is one of many alike.
_NUMBER = re.compile(r"\d+")


class Observed:
    """One daemon: `folder` is its data folder, `temporary` its TMPDIR, `facts` what it writes."""

    def __init__(self, pid: int, folder: Path, temporary: Path, facts: Path) -> None:
        self.pid = pid
        self._folder = folder
        self._temporary = temporary
        self._facts = facts

    async def snapshot(self, known: frozenset[str] = frozenset()) -> Snapshot:
        """Look at it now; `known` files of the data folder are not listed."""
        told = await self.told()
        return Snapshot(
            resident_bytes=memory(self.pid).rss,
            descriptors=self._descriptors(),
            threads=self._threads() - _idle_workers(told["stacks"]),
            tasks=Counter(_NUMBER.sub("N", name) for name in told["tasks"]),
            files=self._files() - known,
            allocators=told["allocators"],
            stacks=tuple(told["stacks"]),
        )

    async def told(self) -> dict[str, Any]:
        """Have it write down its insides."""
        with trio.fail_after(_PATIENCE_S):
            while True:
                self._facts.unlink(missing_ok=True)
                os.kill(self.pid, signal.SIGUSR1)
                found = await self._written()
                if "error" not in found:
                    return found

    async def _written(self) -> dict[str, Any]:
        while True:
            await trio.sleep(0.05)
            if self._facts.exists():
                found: dict[str, Any] = json.loads(self._facts.read_text())
                return found

    def _descriptors(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                found[_NUMBER.sub("N", os.readlink(entry))] += 1
            except FileNotFoundError:
                continue
        return found

    def _threads(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                found[_NUMBER.sub("N", (thread / "comm").read_text().strip())] += 1
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def _files(self) -> frozenset[str]:
        found = set()
        for root in (self._folder, self._temporary):
            for path in root.rglob("*"):
                name = f"{root.name}/{path.relative_to(root).as_posix()}"
                if path.is_file() and not _expected(name):
                    found.add(name)
        return frozenset(found)


def _idle_workers(stacks: Iterable[str]) -> Counter[str]:
    """Threads that Trio keeps for 10 s, in case somebody wants one."""
    idle = (each for each in stacks if each.startswith("Trio thread") and _IDLE_WORKER in each)
    return Counter(_NUMBER.sub("N", each.partition(" in ")[0])[:_COMM_CHARACTERS] for each in idle)


def _expected(name: str) -> bool:
    """Logs and the database's own files come and go."""
    return "/logs/" in name or "/database/" in name
