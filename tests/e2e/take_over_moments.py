"""`kill -9` and a full disk at many moments of a take-over and of the way back.

Run as `python -m tests.e2e.take_over_moments FOLDER [POINTS]`, FOLDER being a small file system
that holds the host: whatever is interrupted, Moonraker or mrk answers afterwards, and it can be
done again. POINTS are those of each kind.
"""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.fakes.printer_host import PATIENCE_S, PrinterHost, printer_host

POINTS = 4
PROGRAM = "tests.fakes.take_over_program"


class Interrupted:
    """One host; each round begins with the Moonraker that runs there."""

    def __init__(self, machine: PrinterHost, mode: str) -> None:
        self.machine = machine
        self.mode = mode
        self.filler = machine.state.parent / "filler"
        self.counted = machine.state.parent / "counted"
        self.outcomes: list[str] = []

    def run(self, direction: str, moment: int = 0, what: str = "kill") -> int:
        """How it ended; without a moment nothing happens to it."""
        arguments = [direction, str(self.machine.root), str(self.machine.data), self.mode]
        with (self.machine.state / "take-over.log").open("ab") as log:
            done = subprocess.run(
                [sys.executable, "-m", "tests.fakes.at_event", str(moment), what,
                 str(self.counted), PROGRAM, *arguments],
                env=self.machine.environ, stdout=log, stderr=log, timeout=120, check=False,
            )  # fmt: skip
        return done.returncode

    def must(self, direction: str) -> None:
        assert self.run(direction) == 0, (self.machine.state / "take-over.log").read_text()

    def who(self) -> str:
        """Who answers, once nothing is under way any more."""
        self.settle()
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            for who, is_mrk in (("old", False), ("new", True)):
                if self.machine.answers(is_mrk=is_mrk, patience_s=0.0):
                    return who
        raise AssertionError("neither")

    def settle(self) -> None:
        """Wait for the guard, which may have to put things back."""
        limit = time.monotonic() + 60
        while self._guards():
            assert time.monotonic() < limit, "the guard does not end"
            time.sleep(0.05)

    def _guards(self) -> list[Path]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if b"nurseries.installation.guard" in words and bytes(self.machine.data) in words:
                    found.append(path)
        return found

    def moments(self, points: int) -> list[int]:
        """Spread over everything that the last undisturbed run did, which it counted."""
        total = int(self.counted.read_text())
        assert total > 10
        return [1 + total * point // points for point in range(points)]

    def round(self, direction: str, moment: int, what: str) -> None:
        """Interrupt at that moment, look who answers, and come back to where it began."""
        self.run(direction, moment, what)
        who = self.who()
        self.filler.unlink(missing_ok=True)
        self.outcomes.append(f"{self.mode} {direction} {what[:4]} {moment}: {who}")
        begins = "old" if direction == "there" else "new"
        if who != begins:
            self.must("back" if direction == "there" else "there")


def main(folder: Path, points: int = POINTS) -> None:
    began = time.monotonic()
    for mode in ("alias", "keep-name"):
        place = folder / mode[0]  # a unix socket has 108 bytes for its path
        place.mkdir()
        with printer_host(place) as machine:
            os.environ["PATH"] = machine.environ["PATH"]
            machine.host.systemctl("start", "moonraker")
            before = machine.files()
            life = Interrupted(machine, mode)
            life.must("there")
            there = life.moments(points)
            life.must("back")
            back = life.moments(points)
            # A full disk is the same in both modes, but for the drop-in.
            kinds = ["kill", f"fill:{life.filler}"] if mode == "alias" else ["kill"]
            for kind in kinds:
                for moment in there:
                    life.round("there", moment, kind)
            assert machine.files() == before
            life.must("there")
            for kind in kinds:
                for moment in back:
                    life.round("back", moment, kind)
            print("\n".join(life.outcomes), flush=True)
    print(f"{time.monotonic() - began:.0f} s")
    print("passed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
