"""A private bus (the real `dbus-daemon`) and a stand-in for systemd and logind on it.

`FakeSystemd` answers on the bus as PID 1 and logind do, for what the daemon asks of them: units,
jobs, changes of properties, power; refusals, silence and slowness on request.
"""

import contextlib
import fnmatch
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jeepney
import trio
from jeepney.io.trio import (
    DBusConnection,
    open_dbus_connection,
)

CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
UNIT = "org.freedesktop.systemd1.Unit"
PROPERTIES = "org.freedesktop.DBus.Properties"
DENIED = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
STATES = {
    "StartUnit": ("active", "running"),
    "StopUnit": ("inactive", "dead"),
    "RestartUnit": ("active", "running"),
}


class PrivateBus:
    """A dbus-daemon in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "bus"
        self._config = folder / "bus.conf"
        self._config.write_text(CONFIG.format(socket=self._socket))
        self.address = f"unix:path={self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when connections are accepted."""
        self._process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self._config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "dbus-daemon did not start"

    def kill(self) -> None:
        """Returns when it is gone, and its socket with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
            self._socket.unlink(missing_ok=True)


@dataclass
class FakeUnit:
    """A unit: `state` is (active, sub); `installed` without being loaded is a file only."""

    state: tuple[str, str] = ("active", "running")
    load_state: str = "loaded"
    loaded: bool = True
    result: str = "done"


@dataclass
class FakeSystemd:
    """`units` by name without `.service`; `denied` and `silent` hold names of methods."""

    units: dict[str, FakeUnit] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    can: str = "yes"
    jobs_end: bool = True
    done: list[str] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)  # name -> unit
    invocations: dict[bytes, str] = field(default_factory=dict)  # of units' processes
    queue: dict[str, str] = field(default_factory=dict)  # unit -> type of its job
    connection: DBusConnection | None = None
    _jobs: int = 0

    @contextlib.asynccontextmanager
    async def on(self, address: str) -> AsyncIterator["FakeSystemd"]:
        """Answer on that bus while the block lasts."""
        connection = await open_dbus_connection(address)
        async with connection, trio.open_nursery() as nursery:
            self.connection = connection
            bus = jeepney.DBus()
            for name in ("org.freedesktop.systemd1", "org.freedesktop.login1"):
                async with connection.router() as router:
                    await router.send_and_get_reply(bus.RequestName(name))
            nursery.start_soon(self._serve, connection)
            yield self
            nursery.cancel_scope.cancel()

    async def leave(self) -> None:
        """Go from the bus; `on` comes back to it."""
        assert self.connection is not None
        await self.connection.aclose()

    async def _serve(self, connection: DBusConnection) -> None:
        # A killed bus ends this stand-in as it ends systemd's own connection.
        gone = (trio.EndOfChannel, trio.BrokenResourceError, trio.ClosedResourceError)
        with contextlib.suppress(*gone):
            while True:
                message = await connection.receive()
                if message.header.message_type is jeepney.MessageType.method_call:
                    await self._answer(connection, message)

    async def _answer(self, connection: DBusConnection, message: Any) -> None:
        member = message.header.fields[jeepney.HeaderFields.member]
        self.done.append(f"{member} {message.body[0]}" if message.body else member)
        if member in self.silent:
            return
        if member in self.denied:
            text = "Interactive authentication required."
            await connection.send(jeepney.new_error(message, DENIED, "s", (text,)))
            return
        reply = self._reply(member, message.body)
        if reply is None:
            await connection.send(jeepney.new_error(message, UNKNOWN_METHOD, "s", (member,)))
            return
        await connection.send(jeepney.new_method_return(message, *reply))
        if member in STATES:
            await self._run_job(member, message.body[0].removesuffix(".service"))

    def _reply(self, member: str, body: tuple[Any, ...]) -> tuple[Any, ...] | None:
        match member:
            case "Subscribe" | "PowerOff" | "Reboot" | "Halt":
                return ()
            case "CanPowerOff" | "CanReboot" | "CanHalt":
                return "s", (self.can,)
            case "ListUnitFilesByPatterns":
                files = [(f"/etc/{name}.service", "enabled") for name in self._matching(body[1])]
                return "a(ss)", (files,)
            case "ListUnitsByPatterns":
                found = [n for n in self._matching(body[1]) if n in self.units]
                rows = [self._row(n) for n in found if self.units[n].loaded]
                return "a(ssssssouso)", (rows,)
            case "ListUnitsByNames":
                rows = [self._row(name.removesuffix(".service")) for name in body[0]]
                return "a(ssssssouso)", (rows,)
            case "GetUnitByInvocationID" if bytes(body[0]) in self.invocations:
                return "o", (unit_path(self.invocations[bytes(body[0])]),)
            case "ListJobs":
                jobs = [
                    (n, f"{name}.service", kind, "running", f"{PATH}/job/{n}", unit_path(name))
                    for n, (name, kind) in enumerate(self.queue.items())
                ]
                return "a(usssoo)", (jobs,)
            case "StartUnit" | "StopUnit" | "RestartUnit":
                self._jobs += 1
                return "o", (f"{PATH}/job/{self._jobs}",)
        return None

    def _matching(self, patterns: list[str]) -> list[str]:
        return [
            name
            for name in (*self.units, *self.aliases)
            if any(fnmatch.fnmatchcase(f"{name}.service", pattern) for pattern in patterns)
        ]

    def _row(self, name: str) -> tuple[Any, ...]:
        name = self.aliases.get(name, name)
        unit = self.units.get(name, FakeUnit(("inactive", "dead"), "not-found"))
        active, sub = unit.state
        path = unit_path(name)
        return (f"{name}.service", name, unit.load_state, active, sub, "", path, 0, "", "/")

    async def _run_job(self, member: str, name: str) -> None:
        unit = self.units[name]
        job = f"{PATH}/job/{self._jobs}"
        if unit.result == "done":
            await self.change(name, *STATES[member])
        if self.jobs_end:
            body = (self._jobs, job, f"{name}.service", unit.result)
            await self.signal(PATH, MANAGER, "JobRemoved", "uoss", body)

    async def change(self, name: str, active: str, sub: str) -> None:
        """A unit comes into another state, as systemd tells it."""
        self.units[name].state = (active, sub)
        changed = {"ActiveState": ("s", active), "SubState": ("s", sub)}
        body = (UNIT, changed, ["Job"])
        await self.signal(unit_path(name), PROPERTIES, "PropertiesChanged", "sa{sv}as", body)

    async def unit_files_changed(self) -> None:
        """Units were installed or removed."""
        await self.signal(PATH, MANAGER, "UnitFilesChanged", None, ())

    async def signal(
        self, path: str, interface: str, member: str, signature: str | None, body: tuple[Any, ...]
    ) -> None:
        assert self.connection is not None
        address = jeepney.DBusAddress(path, interface=interface)
        await self.connection.send(jeepney.new_signal(address, member, signature, body))


def unit_path(name: str) -> str:
    """systemd's escaping of names in object paths."""
    escaped = "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in name)
    return f"{PATH}/unit/{escaped}_2eservice"
