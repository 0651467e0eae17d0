"""A stand-in for ffmpeg: counts the frames it is given, tells progress, and writes a file.

How it behaves stands in files beside it: `fails` (its text is the complaint), `hangs`.
"""

import sys
from pathlib import Path

PROGRAM = f"""\
#!{sys.executable} -S
import os, pathlib, sys, time
here = pathlib.Path(__file__).parent
arguments = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(repr(arguments) + "\\n")
frames = sorted(name for name in os.listdir(".") if name.startswith("frame"))
print("frame=1\\nprogress=continue", flush=True)
if (here / "fails").exists():
    sys.exit("first line\\n" + (here / "fails").read_text())
if (here / "hangs").exists():
    (here / "hangs").write_text(str(os.getpid()))
    time.sleep(3600)
print(f"frame={{len(frames)}}\\nprogress=end", flush=True)
pathlib.Path(arguments[-2]).write_bytes(b"made of " + str(len(frames)).encode())
"""


class FakeFfmpeg:
    """The program in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.path = folder / "ffmpeg"
        self.path.write_text(PROGRAM)
        self.path.chmod(0o755)

    def fail(self, complaint: str) -> None:
        (self.folder / "fails").write_text(complaint)

    def hang(self) -> None:
        (self.folder / "hangs").write_text("")

    def go_on(self) -> None:
        (self.folder / "hangs").unlink()

    @property
    def pid(self) -> int | None:
        """Of the one that hangs, once it does."""
        text = (self.folder / "hangs").read_text()
        return int(text) if text else None

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []
