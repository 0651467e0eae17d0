"""What systemd tells while its units are listed: the newest state counts."""

from collections.abc import Mapping
from typing import Any

import trio

from mrk.machine.bus import BusPeer, Signal
from mrk.machine.machine_protocols import UnitStatus
from nurseries.services.provider import AllowedServices
from nurseries.services.systemd_session import SystemdSession
from tests.fakes.systemd import PROPERTIES, UNIT, unit_path

SYSTEMD = ":1.1"


class ListingBus:
    """A bus with one unit, which changes right behind a reply: in the same chunk of bytes."""

    def __init__(self, *changes: str) -> None:
        self.session = SystemdSession("pi")
        self.lost = trio.Event()
        self._state = "activating"
        self._changes = list(changes)
        self._listings = 0

    async def watch(self, _rule: str) -> None:
        await trio.lowlevel.checkpoint()

    async def call(self, _peer: BusPeer, member: str, *_: Any) -> tuple[Any, ...]:
        await trio.lowlevel.checkpoint()
        match member:
            case "GetNameOwner":
                return (SYSTEMD,)
            case "ListUnitFilesByPatterns":
                return ([("/etc/klipper.service", "enabled")],)
            case "ListUnitsByNames":
                return ([self._listed()],)
        return ([],)

    def _listed(self) -> tuple[Any, ...]:
        path = unit_path("klipper")
        row = ("klipper.service", "", "loaded", self._state, "", "", path, 0, "", "/")
        self._listings += 1
        if self._listings > 1 and self._changes:  # the first one only says what is to be watched
            self._state = self._changes.pop(0)
            changed = {"ActiveState": ("s", self._state)}
            body: tuple[Any, ...] = (UNIT, changed, [])
            signal = Signal(SYSTEMD, path, PROPERTIES, "PropertiesChanged", body)
            self.session.on_signal(signal)
        return row


class Told:
    """`Watcher`: the state of the unit."""

    def __init__(self) -> None:
        self.state = ""
        self.seen = trio.Event()

    def found(self, states: Mapping[str, UnitStatus]) -> None:
        self.state = states["klipper"].active_state
        self.seen.set()

    def changed(self, name: str, status: UnitStatus) -> None:
        self.state = status.active_state


async def told_of(bus: Any) -> str:
    told = Told()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.session.watch, bus, AllowedServices((), None, bool), told)
        await told.seen.wait()
        nursery.cancel_scope.cancel()
    return told.state


async def test_a_change_right_behind_the_reply_is_not_lost() -> None:
    assert await told_of(ListingBus("active")) == "active"
    assert await told_of(ListingBus("inactive", "activating", "active")) == "active"


async def test_a_unit_that_changes_all_the_time_is_told_of_all_the_same() -> None:
    with trio.fail_after(10):
        assert await told_of(ListingBus(*["activating", "failed"] * 1000))
