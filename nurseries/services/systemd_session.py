"""What systemd and logind are asked over one connection to the bus, and what they say.

`SystemdSession` lives as long as its `Bus`; `on_signal` is called in the bus's reading task.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import trio

from mrk.machine import systemd
from mrk.machine.bus import BusLost, BusPeer, BusRefused, Signal
from mrk.machine.machine_protocols import UnitStatus
from mrk.machine.services import (
    PowerAction,
    ServiceAway,
    ServiceError,
    StillUnderWay,
    Verb,
)
from nurseries.services.bus import THE_BUS, Bus
from nurseries.services.provider import AllowedServices, ProviderAbsent, Watcher

MANAGER = BusPeer(systemd.SYSTEMD, systemd.SYSTEMD_PATH, systemd.MANAGER)
LOGIND = BusPeer(systemd.LOGIND, systemd.LOGIND_PATH, systemd.LOGIND_MANAGER)
_PROPERTIES = "org.freedesktop.DBus.Properties"
# systemd itself stops a service by force after 90 s; a client is answered before that.
JOB_S = 30.0
# Units are listed again where one changed right behind the list, which tells of it no more; a unit
# that crashes all the time must not keep the others from being told of.
_MOST_LISTS = 5
# Jobs that end while one of ours is under way; a booting host ends dozens a second.
_MOST_RESULTS = 500


class SystemdSession:
    """Conversations with systemd over `bus`, in the name of `user` (for messages)."""

    def __init__(self, user: str) -> None:
        self.look_again = trio.Event()
        self._user = user
        self._owner = ""
        # Object path -> services: a unit may have several names.
        self._watched: dict[str, tuple[str, ...]] = {}
        self._states: dict[str, UnitStatus] = {}
        self._has_changed = False
        self._watcher: Watcher | None = None
        self._acts = 0
        self._results: dict[str, str] = {}  # job -> how it ended
        self._job_ended = trio.Event()

    # What comes by itself

    def on_signal(self, signal: Signal) -> None:
        """Signals of others than systemd and the bus are not believed."""
        if signal.sender == THE_BUS.name and signal.member == "NameOwnerChanged":
            self.look_again.set()
        elif signal.sender != self._owner:
            return
        elif signal.member == "JobRemoved" and len(signal.body) == 4:
            self._on_job(str(signal.body[1]), str(signal.body[3]))
        elif signal.member == "PropertiesChanged" and len(signal.body) == 3:
            self._on_properties(signal)
        elif signal.member == "UnitFilesChanged" or _ends_reload(signal):
            self.look_again.set()

    def _on_job(self, job: str, result: str) -> None:
        if self._acts and len(self._results) < _MOST_RESULTS:
            self._results[job] = result
            self._job_ended.set()
            self._job_ended = trio.Event()

    def _on_properties(self, signal: Signal) -> None:
        interface, properties, _ = signal.body
        if self._watcher is None or interface != systemd.UNIT:
            return
        self._has_changed = True
        for service in self._watched.get(signal.path, ()):
            before = self._states.get(service)
            status = None if before is None else systemd.changed(before, properties)
            if status is not None and status != before:
                self._states[service] = status
                self._watcher.changed(service, status)

    # Watching

    async def open(self, bus: Bus) -> None:
        """Find systemd on the bus and hear of its jobs; raises `ProviderAbsent` or `BusLost`."""
        try:
            (self._owner,) = await bus.call(THE_BUS, "GetNameOwner", "s", (systemd.SYSTEMD,))
            rule = f"type='signal',sender='{systemd.SYSTEMD}',path='{systemd.SYSTEMD_PATH}'"
            await bus.watch(rule)
        except BusRefused as exc:
            if exc.name in systemd.NO_SUCH_NAME:
                raise ProviderAbsent("systemd is not on the system bus") from exc
            raise BusLost(f"the system bus refuses: {exc}") from exc

    async def watch(self, bus: Bus, allowance: AllowedServices, watcher: Watcher) -> None:
        """Tell all states and then each change, until the bus is lost (`BusLost`)."""
        self._watcher = watcher
        await bus.watch(
            f"type='signal',sender='{THE_BUS.name}',member='NameOwnerChanged',"
            f"arg0='{systemd.SYSTEMD}'"
        )
        while True:
            self.look_again = trio.Event()
            try:
                await self._look(bus, allowance)
            except BusRefused as exc:
                raise BusLost(f"systemd refuses to list its units: {exc}") from exc
            watcher.found(self._states)
            await _either(self.look_again, bus.lost)
            if bus.lost.is_set():
                raise BusLost("the connection to the system bus was lost")

    async def _look(self, bus: Bus, allowance: AllowedServices) -> None:
        (self._owner,) = await bus.call(THE_BUS, "GetNameOwner", "s", (systemd.SYSTEMD,))
        with contextlib.suppress(BusRefused):  # AlreadySubscribed
            await bus.call(MANAGER, "Subscribe")
        patterns = systemd.patterns(allowance.listed, allowance.own)
        names = {*await self._installed(bus, patterns), *await self._loaded(bus, patterns)}
        allowed = sorted(name for name in names if allowance.allows(name))
        found = await self._units(bus, allowed)
        for path in {path for path, _ in found.values()} - self._watched.keys():
            await self._watch_unit(bus, path)
            self._watched[path] = ()
        # Changes during the watching above reached nobody: what is asked last is what holds.
        for _ in range(_MOST_LISTS):
            self._has_changed = False
            found = await self._units(bus, allowed)
            if not self._has_changed:
                break
        self._states = {name: state for name, (_, state) in found.items()}
        names_of: dict[str, list[str]] = {}
        for name, (path, _) in found.items():
            names_of.setdefault(path, []).append(name)
        self._watched = {path: tuple(names) for path, names in names_of.items()}

    async def _watch_unit(self, bus: Bus, path: str) -> None:
        await bus.watch(
            f"type='signal',sender='{systemd.SYSTEMD}',interface='{_PROPERTIES}',"
            f"member='PropertiesChanged',path='{path}',arg0='{systemd.UNIT}'"
        )

    async def _installed(self, bus: Bus, patterns: list[str]) -> list[str]:
        (rows,) = await bus.call(MANAGER, "ListUnitFilesByPatterns", "asas", ([], patterns))
        return systemd.file_names(rows)

    async def _loaded(self, bus: Bus, patterns: list[str]) -> list[str]:
        (rows,) = await bus.call(MANAGER, "ListUnitsByPatterns", "asas", ([], patterns))
        return systemd.unit_names(rows)

    async def _units(self, bus: Bus, names: list[str]) -> Mapping[str, tuple[str, UnitStatus]]:
        if not names:
            return {}
        units = [f"{name}.service" for name in names]
        (rows,) = await bus.call(MANAGER, "ListUnitsByNames", "as", (units,))
        return systemd.states(names, rows)

    # Acting

    async def act(self, bus: Bus, verb: Verb, service: str) -> None:
        """Have systemd do it and wait for its end; raises `ServiceError`."""
        with self._hearing_of_jobs():
            job = await self.begin(bus, verb, service)
            failure = systemd.job_failure(verb, service, await self._result(bus, verb, job))
        if failure is not None:
            raise ServiceError(failure)

    async def begin(self, bus: Bus, verb: Verb, service: str) -> str:
        """Have systemd accept it and return the job's path; raises `ServiceError`."""
        body = (f"{service}.service", "replace")
        answer = await self._ask(
            bus, MANAGER, systemd.METHODS[verb], f"{verb} {service}", "ss", body
        )
        return str(answer[0])

    async def power(self, bus: Bus, action: PowerAction) -> None:
        """Have logind do it; returns once it is accepted. Raises `ServiceError`."""
        method, doing = systemd.POWER_METHODS[action], f"{action} this host"
        (can,) = await self._ask(bus, LOGIND, f"Can{method}", doing)
        refused = systemd.power_refusal(action, self._user, str(can))
        if refused is not None:
            raise ServiceError(refused)
        # False: nobody sits there to be asked for a password.
        await self._ask(bus, LOGIND, method, doing, "b", (False,))

    @contextlib.contextmanager
    def _hearing_of_jobs(self) -> Iterator[None]:
        # A job may have ended before the reply that names it is looked at.
        self._acts += 1
        try:
            yield
        finally:
            self._acts -= 1
            if not self._acts:
                self._results.clear()

    async def _result(self, bus: Bus, verb: Verb, job: str) -> str:
        with trio.move_on_after(JOB_S):
            while job not in self._results:
                if bus.lost.is_set():
                    text = f"The system bus was lost during the {verb}; it may still go on"
                    raise ServiceAway(text)
                await _either(self._job_ended, bus.lost)
            return self._results[job]
        raise StillUnderWay(f"systemd did not end the {verb} within {JOB_S:g} s; it goes on")

    async def _ask(
        self,
        bus: Bus,
        peer: BusPeer,
        member: str,
        doing: str,
        signature: str | None = None,
        body: tuple[Any, ...] = (),
    ) -> tuple[Any, ...]:
        try:
            return await bus.call(peer, member, signature, body)
        except BusRefused as exc:
            raise ServiceError(systemd.refusal(doing, self._user, exc.name, exc.text)) from exc
        except BusLost as exc:
            raise ServiceAway(f"Could not {doing}: {exc}") from exc


def _ends_reload(signal: Signal) -> bool:
    """Units may have been installed or removed before a daemon-reload."""
    return signal.member == "Reloading" and signal.body == (False,)


async def _either(event: trio.Event, other: trio.Event) -> None:
    """Wait for the first of two."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_when, other, nursery.cancel_scope)
        await event.wait()
        nursery.cancel_scope.cancel()


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
