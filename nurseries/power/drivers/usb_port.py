"""USB power through the program uhubctl, which must be on PATH and may use the hub."""

from mrk.machine.host_commands import Commands, CommandUnavailable
from mrk.power.states import DriverFailed, PowerState
from mrk.power.uhubctl import arguments, read_state
from nurseries.power.drivers.asked_driver import AskedDriver

PROGRAM = "uhubctl"


class UsbPort(AskedDriver):
    """Implements `PowerDriver`; the program is killed when the device's time is over."""

    def __init__(self, commands: Commands, location: str, port: int | None) -> None:
        self._commands = commands
        self._location = location
        self._port = port

    async def status(self) -> PowerState:
        """Run it to look."""
        return await self._run(None)

    async def switch(self, on: bool) -> PowerState:
        """Run it to switch."""
        return await self._run("on" if on else "off")

    async def _run(self, action: str | None) -> PowerState:
        command = [PROGRAM, *arguments(self._location, self._port, action)]
        try:
            done = await self._commands.run(command)
        except CommandUnavailable as exc:
            raise DriverFailed(f"the program cannot be run: {exc}") from exc
        if done.status != 0:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise DriverFailed(f"{PROGRAM} ended with code {done.status}: {said[:200]}")
        output = done.stdout.decode("utf-8", "replace")
        return read_state(output, self._location, self._port, switched=action is not None)
