"""Home Assistant itself: its switches as power devices, and the printer among its own devices."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import run_daemon, run_printer
from tests.e2e.wire import UnixClient
from tests.fakes.home_assistant import HomeAssistant, run_home_assistant
from tests.fakes.mosquitto import run_mosquitto

pytestmark = [pytest.mark.e2e, pytest.mark.strangers]
SWITCH = "input_boolean.printer"
POWER = """\
[power by_rest]
type: homeassistant
address: 127.0.0.1
port: {port}
token: {token}
device: {switch}
domain: input_boolean
poll_interval: 1

[power by_hue]
type: hue
address: 127.0.0.1
port: {hue_port}
user: anybody
device_id: {hue_id}
poll_interval: 1
"""
MQTT = """\
[mqtt]
address: 127.0.0.1
port: {port}
instance_name: shop
enable_homeassistant_discovery: True
enable_moonraker_api: True
mqtt_role: operate
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistant]:
    with run_home_assistant(tmp_path_factory.mktemp("home") / "config") as home:
        yield home


def power_until(client: UnixClient, name: str, state: str) -> None:
    """Wait until the device is in a state, whoever brought it there."""
    while client.call("machine.device_power.get_device", device=name)[name] != state:
        client.wait_for("notify_power_changed")


def test_its_switches_are_power_devices(tmp_path: Path, home: HomeAssistant) -> None:
    told: dict[str, Any] = {"port": home.port, "hue_port": home.hue_port, "token": home.token}
    options = POWER.format(**told, switch=SWITCH, hue_id=home.hue_id("Printer"))
    with run_daemon(tmp_path / "data", sections=options) as daemon, daemon.connect() as client:
        for name, other in (("by_rest", "by_hue"), ("by_hue", "by_rest")):
            power_until(client, name, "off")
            for state in ("on", "off"):
                path = "machine.device_power.post_device"
                assert client.call(path, device=name, action=state) == {name: state}
                assert home.state(SWITCH) == state
                power_until(client, other, state)
        home.ask("services/input_boolean/turn_on", {"entity_id": SWITCH})
        for name in ("by_rest", "by_hue"):
            power_until(client, name, "on")


def test_the_printer_appears_prints_and_is_unavailable_when_killed(
    tmp_path: Path, home: HomeAssistant
) -> None:
    folder = tmp_path / "data"
    with run_mosquitto(tmp_path / "broker") as broker:
        home.connect_to_broker(broker.port)
        before = set(home.states())
        options = MQTT.format(port=broker.port)
        with (
            run_daemon(folder, sections=options) as daemon,
            run_printer(folder, "--speed", "20"),
            daemon.connect() as client,
        ):
            daemon.wait_klippy()
            home.until(shows("standby", before))
            for kind in ("sensor.", "binary_sensor.", "button."):
                home.until(has(kind, before))
            (gcode,) = [one["path"] for one in client.call("server.files.list")]
            client.call("printer.print.start", filename=gcode)
            home.until(shows("printing", before))
            for button, state in (("pause", "paused"), ("resume", "printing")):
                (entity,) = [one for one in home.states() if one.endswith(f"_{button}")]
                home.ask("services/button/press", {"entity_id": entity})
                home.until(shows(state, before))
            home.until(shows("complete", before))
            daemon.process.send(signal.SIGKILL)
            gone = home.until(lambda states: set(news(states, before).values()) == {"unavailable"})
            assert len(news(gone, before)) > 5


def shows(state: str, before: set[str]) -> Callable[[dict[str, str]], bool]:
    """Whether one of what is new has that state."""
    return lambda states: state in news(states, before).values()


def has(kind: str, before: set[str]) -> Callable[[dict[str, str]], bool]:
    """Whether an entity of that kind is new."""
    return lambda states: any(name.startswith(kind) for name in news(states, before))


def news(states: dict[str, str], before: set[str]) -> dict[str, str]:
    """What was not there before."""
    return {name: state for name, state in states.items() if name not in before}
