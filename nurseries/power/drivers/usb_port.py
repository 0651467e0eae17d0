"""USB power through the program uhubctl, which must be on PATH and may use the hub."""

import shutil
import subprocess

import trio

from mrk.power.states import DriverFailed, PowerState
from mrk.power.uhubctl import arguments, read_state
from nurseries.power.drivers.asked import AskedDriver

PROGRAM = "uhubctl"


async def _kill(process: trio.Process) -> None:
    process.kill()
    await trio.lowlevel.checkpoint_if_cancelled()


class UsbPort(AskedDriver):
    """Implements `PowerDriver`."""

    def __init__(self, location: str, port: int | None) -> None:
        self._location = location
        self._port = port

    async def status(self) -> PowerState:
        """Run it to look."""
        return await self._run(None)

    async def switch(self, on: bool) -> PowerState:
        """Run it to switch."""
        return await self._run("on" if on else "off")

    async def _run(self, action: str | None) -> PowerState:
        program = await trio.to_thread.run_sync(shutil.which, PROGRAM)
        if program is None:
            raise DriverFailed(f"the program {PROGRAM} is not installed")
        command = [program, *arguments(self._location, self._port, action)]
        try:
            # Killed when the device's time is over.
            done = await trio.run_process(
                command, capture_stdout=True, capture_stderr=True, check=False, deliver_cancel=_kill
            )
        except (OSError, subprocess.SubprocessError) as exc:
            raise DriverFailed(f"{PROGRAM} cannot be run: {exc}") from exc
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise DriverFailed(f"{PROGRAM} ended with code {done.returncode}: {said[:200]}")
        output = done.stdout.decode("utf-8", "replace")
        return read_state(output, self._location, self._port, switched=action is not None)
