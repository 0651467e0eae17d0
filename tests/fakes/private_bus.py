"""avahi-daemon on a D-Bus of its own: no bus of the machine is touched."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.polling import wait_until


class Avahi:
    """A running avahi-daemon."""

    def __init__(self, bus: Path) -> None:
        self.environ = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus}"}

    def browse(self, kind: str) -> list[list[str]]:
        """The resolved lines of `avahi-browse -rtp`, by field."""
        ran = subprocess.run(
            ["avahi-browse", "-rtp", kind],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        lines = [line.split(";") for line in ran.stdout.splitlines()]
        return [line for line in lines if line[0] == "="]


@contextmanager
def avahi(folder: Path) -> Iterator[Avahi]:
    """Running while the block lasts."""
    bus = folder / "bus"
    with subprocess.Popen(
        ["dbus-daemon", "--session", f"--address=unix:path={bus}", "--nofork", "--nopidfile"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as dbus:
        daemon = None
        try:
            wait_until(bus.exists)
            found = Avahi(bus)
            daemon = subprocess.Popen(
                ["avahi-daemon", "--no-drop-root", "--no-rlimits", "--no-chroot"],
                env=found.environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert daemon.stderr is not None
            for line in daemon.stderr:
                if "startup complete" in line:
                    break
            yield found
        finally:
            if daemon is not None:
                daemon.terminate()
                daemon.wait(10)
                assert daemon.stderr is not None
                daemon.stderr.close()
            dbus.terminate()
