"""The host's services and its power: what may be done to them, and the services' states.

`Machine` chooses a provider, lets it watch, and notifies clients of each change. Without a service
manager it runs on and controls nothing. Siblings start and stop services through it
(`ServiceControl`) and show what it knows (`ServiceFacts`).
"""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import trio

from config.settings.machine import MachineSettings
from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.errors import ClientError, Transient
from mrk.klippy.klippy_protocols import KlippyFacts, RemoteMethodsPort
from mrk.klippy.macro_orders import MacroOrders
from mrk.machine.host_commands import FedCommands
from mrk.machine.machine_protocols import InstanceIds, UnitStatus
from mrk.machine.service_rules import check_power, check_service, is_allowed
from mrk.machine.service_states import ServiceStates
from mrk.machine.services import (
    PowerAction,
    ServiceAway,
    ServiceError,
    StillUnderWay,
    Verb,
)
from nurseries.services.choice import candidates
from nurseries.services.endpoints import ServiceEndpoints
from nurseries.services.host import HostFacts, read_host
from nurseries.services.provider import (
    AllowedServices,
    NoCommands,
    NoProvider,
    Provider,
    ProviderAbsent,
)
from nurseries.services.sudo import Sudo
from nurseries.services.sudo_endpoints import SudoEndpoints

logger = logging.getLogger(__name__)
# The answer leaves before the service that gave it is restarted.
_ANSWER_LEAVES_S = 0.1
_MACRO = "a macro"


class Machine:
    """The component `machine`.

    `request_restart` restarts this server within its process, where no service manager can.
    Macros reach its power through `macros`.
    `bus_address` is as in DBUS_SYSTEM_BUS_ADDRESS; `in_container` is asked at each shutdown;
    providers that look by command do so every `beat_s` (Moonraker's beat). `simulated` is for
    demonstrations and tests: the host is neither read nor touched.
    """

    def __init__(
        self,
        settings: MachineSettings,
        data: Path,
        clients: Clients,
        commands: FedCommands,
        klippy: KlippyFacts,
        is_printing: Callable[[], bool],
        request_restart: Callable[[], None],
        in_container: Callable[[], bool],
        macros: RemoteMethodsPort,
        *,
        bus_address: str | None = None,
        cgroup: Path = Path("/proc/self/cgroup"),
        units: Path = Path("/etc/systemd/system"),
        environ: Mapping[str, str] = os.environ,
        as_root: bool | None = None,
        beat_s: float = 2.0,
        simulated: bool = False,
    ) -> None:
        self._settings = settings
        self._data = data
        self._clients = clients
        self._klippy = klippy
        self._is_printing = is_printing
        self._request_restart = request_restart
        self._in_container = in_container
        self._cgroup = cgroup
        self._units = units
        self._environ = environ
        commands = NoCommands() if simulated else commands
        self.sudo = Sudo(commands, clients, settings.sudo_password, as_root=as_root)
        address = bus_address or environ.get("DBUS_SYSTEM_BUS_ADDRESS")
        self._simulated = simulated
        self._candidates: list[Provider] = [NoProvider(self.sudo)]
        if not simulated:
            self._candidates = candidates(settings, commands, self.sudo, address, beat_s)
        self._provider: Provider = self._candidates[0]
        self._seen: set[str] = set()  # providers that worked once
        self._board = ServiceStates()
        self._host = HostFacts((), None)
        # For server.info.
        self.warnings: list[str] = []
        self._missed: list[str] = []  # why providers were passed over
        self._own_restart_asked = trio.Event()
        self._macros = MacroOrders(
            macros, {"shutdown_machine": self._shut_down, "reboot_machine": self._reboot}
        )
        self.known = trio.Event()  # set once the services were looked at

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [*ServiceEndpoints(self).endpoints(), *SudoEndpoints(self.sudo).endpoints()]

    # Life

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch the services until cancelled; raises `Transient` when their manager is away."""
        if not self._simulated:
            await self._read_host()
        self._macros.register()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._restart_own_when_asked, name="own restart")
                nursery.start_soon(self._watch_first_present, name="services")
                await self.known.wait()
                nursery.start_soon(self._macros.obey, name="orders of macros")
                task_status.started()
        finally:
            self._macros.unregister()

    async def _read_host(self) -> None:
        supervised = self._settings.provider == "supervisord_cli"
        self._host = await trio.to_thread.run_sync(
            read_host, self._data, self._cgroup, self._environ, supervised, self._units,
            abandon_on_cancel=True,
        )  # fmt: skip
        if self._host.warning is not None:
            self._warn(self._host.warning)

    async def _watch_first_present(self) -> None:
        host = self._host
        allowance = AllowedServices(host.listed, host.own, self._allows)
        self._missed = []
        for provider in self._candidates:
            self._provider = provider
            try:
                await provider.watch(allowance, self)
            except ProviderAbsent as exc:
                if provider.name in self._seen:
                    raise Transient(str(exc)) from exc
                self._missed.append(f"{provider.name}: {exc}")

    async def _restart_own_when_asked(self) -> None:
        while True:
            await self._own_restart_asked.wait()
            self._own_restart_asked = trio.Event()
            await trio.sleep(_ANSWER_LEAVES_S)
            await self._restart_own()

    async def _restart_own(self) -> None:
        own = self._host.own
        try:
            if own is None:
                raise ServiceError("this server runs in no service")
            await self._provider.restart_own(own)
        except ServiceError as exc:
            logger.warning("restarting within this process, because %s", exc)
            self._request_restart()

    # What the provider tells

    def found(self, states: Mapping[str, UnitStatus]) -> None:
        """`Watcher.found`."""
        self._seen.add(self._provider.name)
        self.known.set()
        if self._missed:
            self._warn(
                f"[machine]: provider '{self._provider.name}' takes the place of the one wanted "
                f"({'; '.join(self._missed)}). Name it in the configuration to be rid of this"
            )
            self._missed = []
        for name, status in self._board.replace(states).items():
            self._notify(name, status)

    def changed(self, name: str, status: UnitStatus) -> None:
        """`Watcher.changed`."""
        if self._board.update(name, status):
            self._notify(name, status)

    def _notify(self, name: str, status: UnitStatus) -> None:
        self._clients.broadcast("notify_service_state_changed", [{name: status}])

    # What clients ask

    async def control(self, verb: Verb, asked: str, asker: str) -> None:
        """Start, stop or restart a service. Raises `ClientError` 400, 500 or 503."""
        name = self._named(asked.removesuffix(".service"))
        own = self._own
        check_service(name, verb, self._host.listed, self._board.states, own)
        logger.info("%s of %s, asked for by %s", verb, name, asker)
        if name == own:
            self._own_restart_asked.set()
            return
        try:
            await self._provider.act(verb, name)
        except StillUnderWay as exc:
            # Accepted; what becomes of it is told by notify_service_state_changed.
            logger.info("%s", exc)
        except ServiceError as exc:
            raise _client_error(exc) from exc

    async def power(self, action: PowerAction | None, force: bool, asker: str) -> None:
        """Reboot, or end the host as configured (None). Raises `ClientError` 400, 500 or 503."""
        action = action or PowerAction(self._settings.shutdown_action)
        if self._simulated:
            raise ClientError("The host of a demonstration is left alone")
        container = self._in_container()
        check_power(action, printing=self._is_printing(), force=force, in_container=container)
        logger.info("%s of this host, asked for by %s", action, asker)
        try:
            await self._provider.power(action)
        except StillUnderWay as exc:
            logger.info("%s", exc)
        except ServiceError as exc:
            raise _client_error(exc) from exc

    # A macro may end the print that calls it with these: during a print they go through.

    async def _shut_down(self) -> None:
        await self.power(None, force=True, asker=_MACRO)

    async def _reboot(self) -> None:
        await self.power(PowerAction.REBOOT, force=True, asker=_MACRO)

    def _named(self, asked: str) -> str:
        """Front ends say `moonraker` and `klipper` whatever the units are called."""
        if asked in self._host.aliases and self._host.own is not None:
            return self._host.own
        if asked in self._board.states:
            return asked
        ids = self.instance_ids
        return {"moonraker": ids.moonraker, "klipper": ids.klipper}.get(asked, asked)

    @property
    def _own(self) -> str | None:
        # Where Moonraker runs beside us, its name is not ours.
        return self._host.own or (None if "moonraker" in self._board.states else "moonraker")

    def _allows(self, name: str) -> bool:
        return is_allowed(name, self._host.listed, self._host.own)

    # What siblings need

    async def start(self, unit: str) -> None:
        """`ServiceControl.start`; not bound to the allowed services."""
        await self._provider.act(Verb.START, unit)

    async def stop(self, unit: str) -> None:
        """`ServiceControl.stop`."""
        await self._provider.act(Verb.STOP, unit)

    async def restart(self, unit: str) -> None:
        """`ManagedServices.restart`."""
        await self._provider.act(Verb.RESTART, unit)

    def restart_own(self) -> None:
        """`ManagedServices.restart_own`."""
        self._own_restart_asked.set()

    def is_allowed(self, unit: str) -> bool:
        """`ManagedServices.is_allowed`."""
        return self._allows(unit)

    def is_own(self, unit: str) -> bool:
        """`ManagedServices.is_own`."""
        return unit == self._own or unit in self._host.aliases

    @property
    def provider(self) -> str:
        """`ServiceFacts.provider`: the one in use."""
        return self._provider.name

    @property
    def available_services(self) -> list[str]:
        """`ServiceFacts.available_services`, in alphabetical order."""
        return list(self._board.states)

    @property
    def service_state(self) -> Mapping[str, UnitStatus]:
        """`ServiceFacts.service_state`."""
        return self._board.states

    @property
    def instance_ids(self) -> InstanceIds:
        """`ServiceFacts.instance_ids`."""
        peer = self._klippy.peer
        unit = None if peer is None else peer.unit
        if unit is None or unit.startswith("user@") or unit == self._host.own:
            unit = "klipper"
        return InstanceIds(moonraker=self._host.own or "moonraker", klipper=unit)

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            logger.warning("%s", text)
            self.warnings.append(text)


def _client_error(error: ServiceError) -> ClientError:
    return ClientError(str(error), 503 if isinstance(error, ServiceAway) else 500)
