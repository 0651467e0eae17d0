"""`Machine` wired as the root does, with a client that hears everything."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from config.settings.machine import MachineSettings
from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.definitions.roles import Role
from mrk.klippy.remote_methods import RemoteMethod
from mrk.supervision import Backoff, Supervision
from nurseries.services.subsystem import Machine
from nurseries.supervise import guarded, supervise
from tests.fakes.commands import FakeCommands
from tests.fakes.no_klippy import NoKlippyFacts
from tests.fakes.results import settled


class MachineHouse:
    """What runs, and short ways to use it; change the plain attributes between calls."""

    def __init__(
        self,
        folder: Path,
        settings: MachineSettings | None = None,
        commands: Any = None,
        *,
        own: str | None = "mrk",
        bus_address: str = "unix:path=/nowhere/bus",
        environ: dict[str, str] | None = None,
        as_root: bool = False,
        simulated: bool = False,
    ) -> None:
        cgroup = folder / "cgroup"
        cgroup.write_text(f"0::/system.slice/{own}.service\n" if own else "0::/\n")
        self.data = folder
        self.klippy = NoKlippyFacts()
        self.methods: dict[str, RemoteMethod] = {}
        self.printing = False
        self.contained = False
        self.restarts = trio.Event()
        self.commands = FakeCommands() if commands is None else commands
        clients = Clients()
        self.client = Client(
            clients.next_id(),
            Transport.WEBSOCKET,
            Outbox(lambda payload: payload + b"\n", 4_000_000, self._on_note),
            authorized=True,
        )
        clients.add(self.client)
        self._noted = trio.Event()
        self._notes: list[tuple[str, Any]] = []
        self.machine = Machine(
            settings or MachineSettings(),
            folder,
            clients,
            self.commands,
            self.klippy,
            lambda: self.printing,
            self.restarts.set,
            lambda: self.contained,
            self,
            bus_address=bus_address,
            cgroup=cgroup,
            units=folder / "units",
            environ={} if environ is None else environ,
            as_root=as_root,
            beat_s=0.02,
            simulated=simulated,
        )
        self.part = Supervision("machine", backoff=Backoff(first_s=0.05, limit_s=0.05))
        self.table = Table(guarded(self.part, self.machine.endpoints()))

    # `RemoteMethodsPort`

    def register_remote_method(self, name: str, method: RemoteMethod) -> None:
        self.methods[name] = method

    def unregister_remote_method(self, name: str) -> None:
        del self.methods[name]

    def _on_note(self) -> None:
        self._noted.set()
        self._noted = trio.Event()

    def notes(self) -> list[tuple[str, Any]]:
        """What the client was told since the last call: (method, first param)."""
        messages = [json.loads(line) for line in self.client.outbox.take().splitlines()]
        found = self._notes + [(one["method"], one["params"][0]) for one in messages]
        self._notes = []
        return found

    async def note(self, method: str, wanted: Any) -> None:
        """Wait until the client was told exactly that; what came before is dropped."""
        with trio.fail_after(10):
            while True:
                heard = self._noted
                found = self.notes()
                if (method, wanted) in found:
                    self._notes = found[found.index((method, wanted)) + 1 :]
                    return
                await heard.wait()

    async def call(self, rpc: str, role: Role = Role.ADMIN, **params: Any) -> Any:
        caller = Caller(Transport.WEBSOCKET, connection_id=self.client.id, role=role)
        outcome = self.table.method(rpc, Transport.WEBSOCKET).call(params, caller)
        result = await settled(outcome)
        return json.loads(msgspec.json.encode(result))


@asynccontextmanager
async def open_machine(house: MachineHouse) -> AsyncIterator[MachineHouse]:
    """Run it as the root does; the block begins when the services are known."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervise, house.part, house.machine.serve)
        with trio.fail_after(10):
            await house.machine.known.wait()
        yield house
        nursery.cancel_scope.cancel()
