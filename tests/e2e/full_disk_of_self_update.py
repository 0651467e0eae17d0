"""A self-update whose disk fills up: at many moments of it, and after many amounts of bytes.

Run as `python -m tests.e2e.full_disk_of_self_update FOLDER`, FOLDER being a small file system;
`POINTS` in the environment says how many of each. The old release runs, or the new one, while the
disk is full and after it; then the update goes through.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.e2e.test_self_update import Machine, back_to_the_old

PROGRAM = "tests.fakes.self_update_program"
# Of an environment with pip, on the machine that this was written on.
WHOLE_BYTES = 24_000_000
NEVER = "1000000"
BETWEEN = ("1.0.0", "1.1.0")


class SmallDisk:
    """`filler` takes what is to be full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = Machine(folder)
        self.machine.offered.offer("1.1.0")
        self.filler = folder / "filler"
        self.counted = folder / "counted"
        self.log: list[str] = []

    def update(self, moment: str, what: str) -> str:
        """Who runs while the disk is as the attempt left it; the same runs once there is space."""
        machine = self.machine
        done = subprocess.run(
            [sys.executable, "-m", "tests.fakes.at_event", moment, what, str(self.counted),
             PROGRAM, str(machine.releases.base), str(machine.paths.data),
             str(machine.offered.folder)],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert "1.1.0 is current" in said or "MrkError" in said or "OSError" in said, said
        found = machine.runs()
        self.filler.unlink(missing_ok=True)
        assert machine.runs() == found
        assert found in BETWEEN
        return found

    def again(self) -> None:
        """With space the update goes through, whatever is left of the attempt."""
        assert self.update(NEVER, "kill") == "1.1.0"
        assert self.machine.folders() == {"1.0.0", "1.1.0"}
        back_to_the_old(self.machine)


def leave(filler: Path, bytes_left: int) -> None:
    """Take all of the file system but for so many bytes."""
    status = os.statvfs(filler.parent)
    taken = max(1, status.f_bavail * status.f_frsize - bytes_left)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, taken)


def at_moments(disk: SmallDisk, points: int) -> None:
    """Full from one of the moments on."""
    disk.again()
    total = int(disk.counted.read_text())
    assert total > points
    outcomes = []
    for point in range(points):
        moment = 1 + (total - 1) * point // (points - 1)
        outcomes.append(disk.update(str(moment), f"fill:{disk.filler}"))
        if outcomes[-1] == "1.1.0":
            back_to_the_old(disk.machine)
    print(f"moments of {total}:", *outcomes)
    assert outcomes[0] == "1.0.0"
    disk.again()


def after_amounts(disk: SmallDisk, points: int) -> None:
    """Full after so many bytes, most of which pip writes; nobody notices it beforehand."""
    outcomes = []
    os.environ["FREE_SPACE_IS_NOT_ASKED"] = "1"
    for point in range(points):
        leave(disk.filler, WHOLE_BYTES * point // points)
        outcomes.append(disk.update(NEVER, "kill"))
        shutil.rmtree(disk.machine.releases.folder("1.1.0"), ignore_errors=True)
    del os.environ["FREE_SPACE_IS_NOT_ASKED"]
    print("amounts:", *outcomes)
    assert outcomes[0] == "1.0.0"
    disk.again()


def main(folder: Path) -> None:
    points = int(os.environ["POINTS"])
    disk = SmallDisk(folder)
    at_moments(disk, points)
    after_amounts(disk, points)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("passed")
