"""Klipper's log is rolled over through the provider, and Klipper is never left stopped."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.api.caller import INTERNAL_CALLER
from mrk.klippy.peer import SocketPeer
from nurseries.log.endpoints import LogEndpoints, RolloverAnswer, RolloverParams
from nurseries.log.rollover import LogRollover
from tests.fakes.machine_house import MachineHouse, open_machine
from tests.fakes.no_klippy import NoKlippy
from tests.fakes.systemd import FakeSystemd, FakeUnit, PrivateBus

pytestmark = pytest.mark.e2e
STOPPED = {"klipper": {"active_state": "inactive", "sub_state": "dead"}}
STARTED = {"klipper": {"active_state": "active", "sub_state": "running"}}
CHANGED = "notify_service_state_changed"


class Klippy(NoKlippy):
    """Klipper's side of the link, in standby."""

    peer: SocketPeer | None = SocketPeer(77, 1000, 1000, "klipper")

    def __init__(self, log_file: Path) -> None:
        self.info: Mapping[str, Any] = {"log_file": str(log_file)}

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        return {"status": {"print_stats": {"state": "standby"}}}


class Log:
    """The daemon's own, which these tests leave alone."""

    def roll_over(self) -> None:
        raise AssertionError


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[PrivateBus]:
    bus = PrivateBus(tmp_path)
    bus.start()
    yield bus
    bus.kill()


@pytest.fixture
def klippy_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logs") / "klippy.log"
    path.write_text("old lines")
    return path


async def test_stop_rename_start(tmp_path: Path, bus: PrivateBus, klippy_log: Path) -> None:
    systemd = FakeSystemd({"klipper": FakeUnit()})
    house = MachineHouse(tmp_path, bus_address=bus.address)
    rollover = LogEndpoints(LogRollover(Log(), Klippy(klippy_log), house.machine))
    with trio.fail_after(20):
        async with systemd.on(bus.address), open_machine(house):
            answer = await rollover.rollover(RolloverParams("klipper"), INTERNAL_CALLER)
            await house.note(CHANGED, STOPPED)
            await house.note(CHANGED, STARTED)
    assert answer == RolloverAnswer(["klipper"], {})
    assert systemd.done[-2:] == ["StopUnit klipper.service", "StartUnit klipper.service"]
    assert not klippy_log.exists()


async def test_a_client_that_goes_while_klipper_is_stopped(
    tmp_path: Path, bus: PrivateBus, klippy_log: Path
) -> None:
    systemd = FakeSystemd({"klipper": FakeUnit()}, jobs_end=False)
    house = MachineHouse(tmp_path, bus_address=bus.address)
    rollover = LogEndpoints(LogRollover(Log(), Klippy(klippy_log), house.machine))
    with trio.fail_after(20):
        async with (
            systemd.on(bus.address),
            open_machine(house),
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(rollover.rollover, RolloverParams("klipper"), INTERNAL_CALLER)
            await house.note(CHANGED, STOPPED)
            systemd.jobs_end = True
            nursery.cancel_scope.cancel()
    assert systemd.units["klipper"].state == ("active", "running")


async def test_a_service_control_that_ends_while_klipper_is_stopped(
    tmp_path: Path, bus: PrivateBus, klippy_log: Path
) -> None:
    systemd = FakeSystemd({"klipper": FakeUnit()}, jobs_end=False)
    house = MachineHouse(tmp_path, bus_address=bus.address)
    rollover = LogEndpoints(LogRollover(Log(), Klippy(klippy_log), house.machine))
    with trio.fail_after(20):
        async with (
            systemd.on(bus.address),
            trio.open_nursery() as nursery,
            open_machine(house),
        ):
            nursery.start_soon(rollover.rollover, RolloverParams("klipper"), INTERNAL_CALLER)
            await house.note(CHANGED, STOPPED)
            systemd.jobs_end = True
    assert systemd.units["klipper"].state == ("active", "running")
