"""Packages of the operating system through PackageKit on the system's D-Bus.

Each call opens the bus for itself and runs one transaction on it, which ends by its `Finished`, by
silence, or by the caller's cancellation, of which PackageKit is told.
"""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import trio

from mrk.errors import leaves
from mrk.machine.bus import (
    BusAbsent,
    BusLost,
    BusPeer,
    BusPort,
    BusRefused,
    OpenBus,
    Signal,
)
from mrk.updates.item import Tell
from mrk.updates.packagekit import (
    ACTIONS,
    DAEMON,
    NAME,
    NEW_PACKAGES,
    ONLY_TRUSTED,
    POLKIT,
    SUCCESS,
    TRANSACTION,
    SystemPackage,
    exit_text,
    status_text,
)
from mrk.updates.update_errors import UpdateFailed

LISTING_S = 600.0
CHANGING_S = 3600.0
# PackageKit tells its progress; a package's own script may take long without a word.
SILENCE_S = 600.0
_STEP_PERCENT = 10
_UNKNOWN_PERCENT = 101
_MOST_PACKAGES = 5000
Answer = TypeVar("Answer")
_FAILURES = (BusAbsent, BusLost, BusRefused)


class PackageKit:
    """Implements `SystemPackages`."""

    prefix = "PackageKit"

    def __init__(self, open_bus: OpenBus, *, silence_s: float = SILENCE_S) -> None:
        self._open_bus = open_bus
        self._silence_s = silence_s

    async def absence(self) -> str | None:
        """Why it cannot be used; None when it can."""

        async def ask(bus: BusPort, _signals: "_Signals") -> str | None:
            bus_daemon = BusPeer("org.freedesktop.DBus", "/org/freedesktop/DBus", _BUS)
            (names,) = await bus.call(bus_daemon, "ListActivatableNames")
            (running,) = await bus.call(bus_daemon, "ListNames")
            if NAME not in names and NAME not in running:
                return "PackageKit is not installed"
            return await _refused_action(bus)

        try:
            return await self._with_bus(ask)
        except UpdateFailed as exc:
            return str(exc)

    async def refresh(self) -> None:
        """Have the lists of packages renewed; raises `UpdateFailed`."""
        await self._run("RefreshCache", "b", (False,), LISTING_S)

    async def updates(self) -> list[str]:
        """Names of packages that have newer versions; raises `UpdateFailed`."""
        return [package.name for package in await self._updates()]

    async def upgrade(self, tell: Tell) -> None:
        """Install all newer versions; raises `UpdateFailed`."""
        ids = [package.id for package in await self._updates()]
        if ids:
            body = (ONLY_TRUSTED, ids)
            await self._run("UpdatePackages", "tas", body, CHANGING_S, tell)

    async def install(self, names: tuple[str, ...], tell: Tell) -> None:
        """Install those of `names` that are not there yet; raises `UpdateFailed`."""
        found = await self._run("Resolve", "tas", (NEW_PACKAGES, list(names)), LISTING_S)
        ids = {package.name: package.id for package in found if package.name in names}
        if not ids:
            tell("All of them are installed already, or not known here")
            return
        body = (ONLY_TRUSTED, list(ids.values()))
        await self._run("InstallPackages", "tas", body, CHANGING_S, tell)

    async def _updates(self) -> list[SystemPackage]:
        return await self._run("GetUpdates", "t", (0,), LISTING_S)

    async def _run(
        self,
        method: str,
        signature: str,
        body: tuple[Any, ...],
        limit_s: float,
        tell: Tell | None = None,
    ) -> list[SystemPackage]:
        async def run(bus: BusPort, signals: "_Signals") -> list[SystemPackage]:
            (path,) = await bus.call(DAEMON, "CreateTransaction")
            transaction = _Transaction(bus, str(path), tell, self._silence_s)
            signals.take = transaction.on_signal
            with trio.move_on_after(limit_s):
                return await transaction.run(method, signature, body)
            raise UpdateFailed(f"PackageKit did not end {method} within {limit_s:g} s")

        return await self._with_bus(run)

    async def _with_bus(self, do: "Callable[[BusPort, _Signals], Awaitable[Answer]]") -> Answer:
        failure: UpdateFailed | None = None
        signals = _Signals()
        try:
            async with self._open_bus(signals.on_signal) as bus:
                # Kept until the connection's nursery has ended, which would make a group of it.
                try:
                    return await do(bus, signals)
                except UpdateFailed as exc:
                    failure = exc
        except* _FAILURES as group:
            failure = UpdateFailed(f"PackageKit cannot be asked: {leaves(group)[0]}")
        assert failure is not None
        raise failure


_BUS = "org.freedesktop.DBus"


class _Signals:
    """Hands signals to the transaction that there is."""

    def __init__(self) -> None:
        self.take: Callable[[Signal], None] = lambda _signal: None

    def on_signal(self, signal: Signal) -> None:
        self.take(signal)


class _Transaction:
    """One transaction: what it found, and how it ended."""

    def __init__(self, bus: BusPort, path: str, tell: Tell | None, silence_s: float) -> None:
        self._bus = bus
        self._peer = BusPeer(NAME, path, TRANSACTION)
        self._tell = tell
        self._silence_s = silence_s
        self._packages: list[SystemPackage] = []
        self._error: str | None = None
        self._exit: int | None = None
        self._told: tuple[str | None, int] = (None, -1)
        self._ended = trio.Event()
        self._silence = trio.CancelScope()

    async def run(self, method: str, signature: str, body: tuple[Any, ...]) -> list[SystemPackage]:
        path = self._peer.path
        await self._bus.watch(f"type='signal',sender='{NAME}',path='{path}'")
        with suppress(BusRefused):
            await self._bus.call(self._peer, "SetHints", "as", (["interactive=false"],))
        ended = False
        try:
            await self._bus.call(self._peer, method, signature, body)
            await self._wait()
            ended = True
        finally:
            if not ended:
                with trio.move_on_after(0.5, shield=True), suppress(*_FAILURES):
                    await self._bus.call(self._peer, "Cancel")
        if self._exit != SUCCESS:
            why = self._error or exit_text(self._exit or 0)
            raise UpdateFailed(f"PackageKit could not do {method}: {why}")
        return self._packages

    async def _wait(self) -> None:
        self._heard()
        with self._silence:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._end_when_lost)
                await self._ended.wait()
                nursery.cancel_scope.cancel()
        if self._exit is None:
            raise UpdateFailed(self._error or f"PackageKit was silent for {self._silence_s:g} s")

    async def _end_when_lost(self) -> None:
        await self._bus.wait_lost()
        self._error = "the system's bus was lost"
        self._ended.set()

    def _heard(self) -> None:
        self._silence.deadline = trio.current_time() + self._silence_s

    def on_signal(self, signal: Signal) -> None:
        if signal.path != self._peer.path:
            return
        self._heard()
        body = signal.body
        if signal.member == "Package" and len(body) == 3 and len(self._packages) < _MOST_PACKAGES:
            self._packages.append(SystemPackage(str(body[1]), str(body[2])))
            if self._tell is not None:
                package = self._packages[-1]
                self._tell(f"{package.name} ({package.version})")
        elif signal.member == "ErrorCode" and len(body) == 2:
            self._error = str(body[1])
        elif signal.member == "Finished" and len(body) == 2:
            self._exit = int(body[0])
            self._ended.set()
        elif signal.member == "PropertiesChanged" and len(body) == 3:
            self._show(body[1])

    def _show(self, properties: Any) -> None:
        """What it does now, and each tenth of it."""
        values = {key: value[1] for key, value in dict(properties).items()}
        text, percent = self._told
        if "Status" in values:
            text = status_text(int(values["Status"])) or text
        found = int(values.get("Percentage", _UNKNOWN_PERCENT))
        if found < _UNKNOWN_PERCENT:
            percent = found - found % _STEP_PERCENT
        if (text, percent) != self._told and self._tell is not None and text is not None:
            self._tell(text if percent < 0 else f"{text} ({percent} %)")
        self._told = text, percent


async def _refused_action(bus: BusPort) -> str | None:
    """What we may not do; polkit is asked about this process."""
    subject = ("unix-process", {"pid": ("u", os.getpid()), "start-time": ("t", _start_time())})
    for action in ACTIONS:
        body: tuple[Any, ...] = (subject, action, {}, 0, "")
        (answer,) = await bus.call(POLKIT, "CheckAuthorization", "(sa{sv})sa{ss}us", body)
        if not answer[0]:
            return f"this server's user may not do {action} (a rule of polkit would allow it)"
    return None


def _start_time() -> int:
    """proc(5): field 22, behind the name, which may hold anything."""
    text = Path("/proc/self/stat").read_text()
    return int(text.rpartition(")")[2].split()[19])
