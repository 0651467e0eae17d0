"""A log on a disk that is full, run by `test_log_file.py` inside a mount of its own.

Run as `python -m tests.nurseries.log.full_disk FOLDER`, FOLDER being 1 MB in size.
"""

import io
import logging
import sys
import time
from pathlib import Path

from nurseries.log.daemon_log import LogOptions, open_log
from tests.fakes.own_mount import fill_up

logger = logging.getLogger("tests")


def wait_for(console: io.StringIO, text: str) -> None:
    ends_at = time.monotonic() + 20
    while text not in console.getvalue():
        assert time.monotonic() < ends_at, text
        time.sleep(0.01)


def main(folder: Path) -> None:
    path, filler, console = folder / "moonraker.log", folder / "filler", io.StringIO()
    with open_log(LogOptions(path, console=console), flush_s=20) as log:
        for number, make_room in enumerate((log.roll_over, path.unlink)):
            fill_up(filler)
            for line in range(300):
                logger.info("%d while full %d %s", number, line, "x" * 100)
            wait_for(console, f"{number} while full 299")
            # No room for a new file's first line either.
            make_room()
            logger.info("%d still full", number)
            wait_for(console, f"{number} still full")
            filler.unlink()
            logger.info("%d room again", number)
    assert "1 room again" in console.getvalue()
    said = path.read_text()
    assert "could not be written" in said, said
    assert said.endswith("INFO tests: 1 room again\n"), said


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("passed")
