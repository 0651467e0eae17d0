"""Services through systemd on the system's D-Bus, and the host's power through logind.

`watch` owns the one lasting connection. A request that comes while there is none opens one for
itself, so that what was stopped can be started again while this daemon ends.
"""

from collections.abc import Awaitable, Callable

from mrk.errors import leaves
from mrk.machine.bus import BusAbsent, BusLost
from mrk.machine.services import PowerAction, ServiceAway, ServiceError, Verb
from nurseries.services.bus import Bus, open_bus
from nurseries.services.provider import AllowedServices, ProviderAbsent, Watcher
from nurseries.services.systemd_session import SystemdSession

DEFAULT_ADDRESS = "unix:path=/run/dbus/system_bus_socket"


class SystemdDbus:
    """Provider `systemd_dbus`; `user` is who we are, for messages."""

    name = "systemd_dbus"

    def __init__(self, address: str, user: str) -> None:
        self._address = address
        self._user = user
        self._live: tuple[SystemdSession, Bus] | None = None

    async def watch(self, allowance: AllowedServices, watcher: Watcher) -> None:
        """`Provider.watch`."""
        session = SystemdSession(self._user)
        absent: ProviderAbsent | None = None
        try:
            async with open_bus(self._address, session.on_signal) as bus:
                try:
                    await session.open(bus)
                    self._live = session, bus
                    await session.watch(bus, allowance, watcher)
                except ProviderAbsent as exc:
                    absent = exc
        except BusAbsent as exc:
            absent = ProviderAbsent(str(exc))
        finally:
            self._live = None
        if absent is not None:
            raise absent

    async def act(self, verb: Verb, service: str) -> None:
        """`Provider.act`."""
        await self._with_bus(lambda session, bus: session.act(bus, verb, service))

    async def restart_own(self, service: str) -> None:
        """`Provider.restart_own`."""
        await self._with_bus(lambda session, bus: session.begin(bus, Verb.RESTART, service))

    async def power(self, action: PowerAction) -> None:
        """`Provider.power`."""
        await self._with_bus(lambda session, bus: session.power(bus, action))

    async def _with_bus(self, do: Callable[[SystemdSession, Bus], Awaitable[object]]) -> None:
        if self._live is not None and not self._live[1].lost.is_set():
            await do(*self._live)
            return
        failure: ServiceError | None = None
        session = SystemdSession(self._user)
        try:
            async with open_bus(self._address, session.on_signal) as bus:
                # Kept until the connection's nursery has ended, which would make a group of it.
                try:
                    await session.open(bus)
                    await do(session, bus)
                except ServiceError as exc:
                    failure = exc
        except* (BusAbsent, BusLost, ProviderAbsent) as group:
            failure = ServiceAway(f"systemd cannot be asked: {leaves(group)[0]}")
        if failure is not None:
            raise failure
