"""Lets something happen at the N-th thing that a program does to the outside.

`python -m tests.fakes.at_event N kill|fill:FILE COUNTED MODULE ARGUMENTS...` runs `MODULE.main`
with `kill -9` or a full disk (FILE takes all the space) at that moment; how many moments there were
is written to COUNTED at the end.
"""

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHANGES = {
    "subprocess.Popen", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.chown",
    "os.link", "os.symlink", "os.truncate", "sqlite3.connect", "socket.connect", "shutil.copytree",
    "shutil.rmtree", "fcntl.flock",
}  # fmt: skip
_WRITES = os.O_WRONLY | os.O_RDWR


def fill(file: Path) -> None:
    """Take what is left of the file system."""
    with contextlib.suppress(OSError), file.open("ab", buffering=0) as opened:
        while True:
            opened.write(b"x" * 4096)


def watch(moment: int, action: Callable[[], None]) -> Callable[[], int]:
    """Call `action` at that moment; returns what counts them."""
    seen = 0
    is_acting = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen, is_acting
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if is_acting or not (writes or event in _CHANGES):
            return
        seen += 1
        if seen == moment:
            is_acting = True
            action()
            is_acting = False

    sys.addaudithook(hook)
    return lambda: seen


def main() -> None:
    moment, what, counted, module, *arguments = sys.argv[1:]
    loaded = importlib.import_module(module)
    sys.argv[1:] = arguments
    if what == "kill":
        count = watch(int(moment), lambda: os.kill(os.getpid(), signal.SIGKILL))
    else:
        count = watch(int(moment), lambda: fill(Path(what.removeprefix("fill:"))))
    try:
        loaded.main()
    finally:
        seen = count()
        with contextlib.suppress(OSError):
            Path(counted).write_text(str(seen))


if __name__ == "__main__":
    main()
