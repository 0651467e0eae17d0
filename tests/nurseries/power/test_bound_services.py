"""bound_services that are left alone, and what server.info says of them."""

import pytest

from mrk.machine.machine_protocols import InstanceIds, UnitStatus
from tests.fakes.power_house import PowerHouse

RUNNING = UnitStatus("active", "running")


@pytest.fixture
def house():
    return PowerHouse()


async def switched(house):
    """What was done to services when the device went on, and off."""
    async with house.running():
        for method in ("on", "off"):
            await house.call(method, {"psu": None})
            await house.settle()
    return house.services.done


def warnings(house):
    return [text for bound in house.bound for text in bound.warnings()]


@pytest.mark.parametrize("name", ["moonraker", "mrk"])
async def test_the_server_itself_is_never_stopped(autojump_clock, house, name):
    house.services.own = {"moonraker", "mrk"}
    house.add("psu", services=(name, "webcamd"))
    assert await switched(house) == ["start webcamd", "stop webcamd"]
    assert warnings(house) == [
        f"[power psu]: bound_services: {name} is this server itself, and is left alone"
    ]


@pytest.mark.parametrize(("kind", "left_alone"), [("klipper_device", True), ("gpio", False)])
async def test_a_device_of_klipper_does_not_stop_klipper(autojump_clock, house, kind, left_alone):
    house.services.instance_ids = InstanceIds("moonraker", "klipper-2")
    house.add("psu", type=kind, services=("klipper-2", "klipper"))
    done = await switched(house)
    assert done[-1] == "stop klipper"
    assert ("stop klipper-2" in done) is not left_alone
    assert [("klipper-2 is Klipper's own" in text) for text in warnings(house)] == [
        True
    ] * left_alone


async def test_a_service_that_is_not_there_is_told(autojump_clock, house):
    house.add("psu", services=("klipper", "kliper"))
    assert warnings(house) == []  # the host was not looked at yet
    house.services.service_state = {"klipper": RUNNING}
    assert warnings(house) == [
        "[power psu]: bound_services: kliper is not installed, or not listed in moonraker.asvc"
    ]
    # It is tried all the same: its owner may have a reason not to list it.
    assert await switched(house) == ["start klipper", "start kliper", "stop klipper", "stop kliper"]
