"""Sensors of a whole daemon on a real Mosquitto: values, series, junk, fields of the history."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nurseries.virtual_printer.gcodes import sample_gcode
from tests.e2e.processes import DaemonProcess, run_daemon, run_printer
from tests.e2e.wire import UnixClient
from tests.fakes.mosquitto import Mosquitto, run_mosquitto
from tests.polling import wait_until
from tests.process_clock import ProcessClock

pytestmark = pytest.mark.e2e
TOPIC = "tele/meter"
CONFIGURATION = """\
[mqtt]
address: 127.0.0.1
port: {port}

[sensor meter]
type: mqtt
state_topic: tele/meter
qos: 1
state_response_template:
  {{% set reading = payload|fromjson %}}
  {{set_result("power", reading.power)}}
  {{set_result("energy", reading.energy)}}
parameter_power:
  units=W
history_field_used:
  parameter=energy
  strategy=delta
  units=kWh
  init_tracker=true
  report_total=true
history_field_peak:
  parameter=power
  strategy=maximum
  report_maximum=true
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    options = "message_size_limit 0"
    with run_mosquitto(tmp_path_factory.mktemp("broker"), options) as broker:
        yield broker


@pytest.fixture(scope="module")
def daemon(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    folder: Path = tmp_path_factory.mktemp("sensors")
    with (
        run_daemon(folder, sections=CONFIGURATION.format(port=broker.port)) as daemon,
        run_printer(folder, "--speed", "5"),  # no print ends by itself while a test talks
    ):
        daemon.wait_klippy()
        yield daemon


def reading(power: float, energy: float) -> str:
    return json.dumps({"power": power, "energy": energy})


def values(client: UnixClient) -> dict[str, float]:
    found: dict[str, float] = client.call("server.sensors.info", sensor="meter")["values"]
    return found


def said(client: UnixClient, suits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The values of the first notification that suit."""
    while True:
        found: dict[str, Any] = client.wait_for("notify_sensor_update")[0]["meter"]
        if suits(found):
            return found


def test_a_reading_comes_is_told_and_sampled(daemon: DaemonProcess, broker: Mosquitto) -> None:
    with daemon.connect() as client, broker.stranger() as meter:
        # Retained: it comes also if the daemon subscribes only now.
        meter.publish(TOPIC, reading(230.5, 1), qos=1, retain=True)
        assert said(client, lambda found: bool(found)) == {"power": 230.5, "energy": 1}
        wait_until(lambda: len(client.call("server.sensors.measurements")["meter"]["power"]) >= 2)
        series = client.call("server.sensors.measurements", sensor="meter")["meter"]
        assert set(series["power"]) == {230.5}
        assert len(series["power"]) == len(series["energy"])


def test_junk_and_a_burst_harm_nobody(daemon: DaemonProcess, broker: Mosquitto) -> None:
    with daemon.connect() as client, broker.stranger() as meter:
        nan = b'{"power": NaN, "energy": 1}'
        for junk in (b"\xff", b"{", b"[1]", nan, bytes(100_000), bytes(10_000_000)):
            meter.publish(TOPIC, junk)
        for number in range(1000):
            meter.publish(TOPIC, reading(number, number))
        meter.publish(TOPIC, reading(7, 7), qos=1)
        clock = ProcessClock(daemon.process.popen.pid)
        began = clock.now()
        client.call("server.info")
        assert clock.waited_s(began) < 1.0

        def heard() -> bool:
            """A broker may drop what a slow reader does not take; then it hears the next one."""
            meter.publish(TOPIC, reading(7, 7), qos=1)
            return values(client) == {"power": 7, "energy": 7}

        wait_until(heard)
        assert client.call("server.info")["failed_components"] == []
    log = daemon.process.said()
    assert 1 <= log.count("sensor meter: a message is not understood") <= 3
    assert "sensor meter: a message is too large: 100000 bytes" in log


def test_fields_of_a_job(daemon: DaemonProcess, broker: Mosquitto) -> None:
    (daemon.folder / "gcodes" / "part.gcode").write_bytes(sample_gcode()[1])
    with daemon.connect() as client, broker.stranger() as meter:
        meter.publish(TOPIC, reading(100, 10), qos=1)
        wait_until(lambda: values(client) == {"power": 100, "energy": 10})
        client.call("printer.print.start", filename="part.gcode")
        assert client.wait_for("notify_history_changed")[0]["action"] == "added"
        for power, energy in ((400, 11), (200, 12.5)):
            meter.publish(TOPIC, reading(power, energy), qos=1)
        wait_until(lambda: values(client) == {"power": 200, "energy": 12.5})
        client.call("printer.print.cancel")
        job = client.wait_for("notify_history_changed")[0]["job"]
        totals = client.call("server.history.totals")["auxiliary_totals"]
    assert [(field["name"], field["value"]) for field in job["auxiliary_data"]] == [
        ("used", 2.5),
        ("peak", 400),
    ]
    assert {field["provider"] for field in job["auxiliary_data"]} == {"sensor meter"}
    assert {(one["field"], one["total"], one["maximum"]) for one in totals} == {
        ("used", 2.5, None),
        ("peak", None, 400),
    }


def test_a_field_goes_on_through_a_restart(daemon: DaemonProcess, broker: Mosquitto) -> None:
    (daemon.folder / "gcodes" / "long.gcode").write_bytes(sample_gcode()[1])
    with broker.stranger() as meter:
        with daemon.connect() as client:
            meter.publish(TOPIC, reading(1, 20), qos=1, retain=True)
            wait_until(lambda: values(client).get("energy") == 20)
            client.call("printer.print.start", filename="long.gcode")
            assert client.wait_for("notify_history_changed")[0]["action"] == "added"
            meter.publish(TOPIC, reading(1, 21), qos=1, retain=True)
            wait_until(lambda: values(client)["energy"] == 21)
            client.call("server.restart")
        wait_until(lambda: generation(daemon) == 2)
        daemon.wait_klippy()
        with daemon.connect() as client:
            # Kept by the broker: what the meter counts from there on is not missed.
            wait_until(lambda: values(client).get("energy") == 21)
            meter.publish(TOPIC, reading(1, 31.5), qos=1, retain=True)
            wait_until(lambda: values(client)["energy"] == 31.5)
            client.call("printer.print.cancel")
            job = client.wait_for("notify_history_changed")[0]["job"]
    assert job["filename"] == "long.gcode"
    # A slow machine is away for some of the filament, and says so in a field of its own.
    fields = [one for one in job["auxiliary_data"] if one["provider"].startswith("sensor")]
    assert [field["value"] for field in fields] == [11.5, 1]


def generation(daemon: DaemonProcess) -> int:
    return daemon.process.said().count(" is up")


def test_values_go_with_the_broker_and_come_back(daemon: DaemonProcess, broker: Mosquitto) -> None:
    with daemon.connect() as client:
        with broker.stranger() as meter:
            meter.publish(TOPIC, reading(3, 3), qos=1)
            said(client, lambda found: found == {"power": 3, "energy": 3})
        broker.kill()
        assert said(client, lambda found: not found) == {}
        broker.start()
        with broker.stranger() as meter:
            meter.publish(TOPIC, reading(5, 5), qos=1, retain=True)
            assert said(client, lambda found: bool(found)) == {"power": 5, "energy": 5}
