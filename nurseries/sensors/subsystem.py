"""What sensors measure, kept for some minutes, and sent to clients when it changes.

`serve` reads the messages that came and samples once a second; it ends when cancelled. Values and
series outlive restarts of `serve`. The history asks for its fields (`AuxiliaryProvider`).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import trio

from config.settings.sensors import SensorSettings
from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.errors import MrkError
from mrk.jobs.job_protocols import AuxiliaryValue, JobStatePort
from mrk.jobs.print_stats import PAUSED
from mrk.mqtt.mqtt_protocols import MqttPort
from mrk.sensors.measurements import Value
from mrk.subsystem import Additions, Needs
from nurseries.sensors.endpoints import SensorEndpoints
from nurseries.sensors.sensor import Sensor

SAMPLE_S = 1.0


class Sensors:
    """All sensors. They listen from the beginning, so build them before MQTT is served."""

    def __init__(
        self,
        settings: Sequence[SensorSettings],
        mqtt: MqttPort,
        job_state: JobStatePort,
        clients: Clients,
    ) -> None:
        self._mqtt = mqtt
        self._job_state = job_state
        self._clients = clients
        self._sensors = {
            one.id: Sensor(one, self._is_paused, trio.current_time) for one in settings
        }
        self._told: dict[str, Mapping[str, Value]] = {name: {} for name in self._sensors}
        self._arrived = trio.Event()
        for sensor in self._sensors.values():
            put = partial(self._put, sensor)
            mqtt.listen(sensor.settings.state_topic, put, sensor.settings.qos)

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return SensorEndpoints(self._sensors).endpoints()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read and sample."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, name="sensor messages")
            nursery.start_soon(self._sample, name="sensor samples")
            task_status.started()

    def _put(self, sensor: Sensor, payload: bytes) -> None:
        """A message has come; called by the MQTT transport, which must not be held up."""
        sensor.put(payload)
        self._arrived.set()

    async def _read(self) -> None:
        while True:
            # Before the look: what comes behind it wakes us again.
            self._arrived = trio.Event()
            if not await self._read_round():
                await self._arrived.wait()

    async def _read_round(self) -> bool:
        """One message of each sensor, with a turn for everybody else after each; False: none."""
        any_read = False
        for sensor in self._sensors.values():
            if sensor.read_one():
                any_read = True
                await trio.lowlevel.checkpoint()
        return any_read

    async def _sample(self) -> None:
        due = trio.current_time()
        while True:
            # Absolute instants; those missed (a suspended machine) are not made up for.
            due = max(due + SAMPLE_S, trio.current_time())
            await trio.sleep_until(due)
            self._beat()

    def _beat(self) -> None:
        if not self._mqtt.mqtt_connected:
            for sensor in self._sensors.values():
                sensor.lose()
        changed: dict[str, Mapping[str, Value]] = {}
        for name, sensor in self._sensors.items():
            sensor.measurements.sample()
            values = sensor.measurements.values
            if values != self._told[name]:
                self._told[name] = changed[name] = values
        if changed:
            self._clients.broadcast("notify_sensor_update", [changed])

    def _is_paused(self) -> bool:
        snapshot = self._job_state.snapshot
        return snapshot is not None and snapshot.stats.state == PAUSED

    # For the history

    def begin_job(self) -> None:
        """A job starts."""
        for sensor in self._sensors.values():
            for field in sensor.fields:
                field.begin(sensor.known(field))

    def resume_job(self, fields: Sequence[Mapping[str, Any]]) -> None:
        """A job goes on that was stored before mrk was away."""
        for sensor in self._sensors.values():
            for field in sensor.fields:
                field.resume(fields, sensor.known(field))

    def values(self) -> Sequence[AuxiliaryValue]:
        """The fields as they are now."""
        sensors = self._sensors.values()
        return [field.auxiliary() for sensor in sensors for field in sensor.fields]


def build(settings: Sequence[SensorSettings], needs: Needs, additions: Additions) -> None:
    """For `[sensor ...]`: they listen through the broker."""
    if additions.mqtt is None:
        raise MrkError("it needs [mqtt], which does not run")
    sensors = Sensors(settings, additions.mqtt, needs.job_state, needs.clients)
    additions.add("sensor", sensors)
    additions.auxiliary.append(sensors)
