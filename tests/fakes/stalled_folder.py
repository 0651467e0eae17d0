"""A folder on a disk that stalls: whoever looks or reads waits until the disk answers."""

import os
import threading
from pathlib import Path
from typing import Any

import trio

LIMIT_S = 20


class StalledDisk:
    """It answers while `answers` is set, as it is at first; `asked` is set when somebody waits.

    With a `name` only what is called so is waited for.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self.answers = threading.Event()
        self.answers.set()
        self.asked = trio.Event()
        self._token = trio.lowlevel.current_trio_token()

    def folder(self, path: Path) -> Path:
        """The same folder, on this disk, and all that is named by it."""
        disk = self

        class StalledPath(type(path)):  # type: ignore[misc]
            def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
                disk.wait(self.name)
                found: os.stat_result = super().stat(follow_symlinks=follow_symlinks)
                return found

            def open(self, *how: Any, **more: Any) -> Any:
                disk.wait(self.name)
                return super().open(*how, **more)

        return StalledPath(path)

    def wait(self, name: str) -> None:
        """In the thread that asks."""
        if not self.answers.is_set() and self._name in (None, name):
            self._token.run_sync_soon(self.asked.set)
            assert self.answers.wait(LIMIT_S)
