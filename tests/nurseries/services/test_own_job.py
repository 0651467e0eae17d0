"""Whether systemd stops the daemon only to start it again, asked on a real bus."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from nurseries.services.own_job import is_restart
from tests.fakes.systemd import FakeSystemd, FakeUnit, PrivateBus

pytestmark = pytest.mark.e2e
INVOCATION = bytes(range(16))


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[PrivateBus]:
    bus = PrivateBus(tmp_path)
    bus.start()
    yield bus
    bus.kill()


def environ(bus: PrivateBus, invocation: str = INVOCATION.hex()) -> dict[str, str]:
    return {"INVOCATION_ID": invocation, "DBUS_SYSTEM_BUS_ADDRESS": bus.address}


@pytest.mark.parametrize(
    ("queue", "restarts"),
    [
        ({"mrk": "restart"}, True),
        ({"klipper": "restart", "mrk": "restart"}, True),
        ({"mrk": "stop"}, False),
        ({"klipper": "restart"}, False),
        ({}, False),
    ],
)
async def test_our_own_job_counts(bus: PrivateBus, queue: dict[str, str], restarts: bool) -> None:
    units = {"mrk": FakeUnit(), "klipper": FakeUnit()}
    systemd = FakeSystemd(units, invocations={INVOCATION: "mrk"}, queue=queue)
    with trio.fail_after(20):
        async with systemd.on(bus.address):
            assert await is_restart(environ(bus)) is restarts


@pytest.mark.parametrize("invocation", ["", "no hexadecimal number"])
async def test_what_no_service_manager_started_ends_for_good(
    bus: PrivateBus, invocation: str
) -> None:
    assert await is_restart(environ(bus, invocation)) is False


async def test_a_systemd_that_does_not_know_us_or_is_silent(bus: PrivateBus) -> None:
    systemd = FakeSystemd({"mrk": FakeUnit()}, queue={"mrk": "stop"})
    with trio.fail_after(20):
        async with systemd.on(bus.address):
            assert await is_restart(environ(bus)) is True
            systemd.silent = {"GetUnitByInvocationID"}
            began = trio.current_time()
            assert await is_restart(environ(bus)) is True
            assert trio.current_time() - began >= 0.25


async def test_without_a_bus_clients_may_try_to_come_back(bus: PrivateBus) -> None:
    bus.kill()
    with trio.fail_after(20):
        assert await is_restart(environ(bus)) is True
