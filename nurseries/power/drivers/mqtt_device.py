"""A switch behind an MQTT broker.

Messages of `state_topic` come through the MQTT transport from the beginning; `run` follows the
connection to the broker. Queries and commands wait for a message of the device.
"""

import logging
from collections.abc import Callable

import msgspec
import trio

from config.settings.power_drivers import MqttSwitchSettings
from config.template_errors import TemplateFailed
from mrk.errors import ClientError
from mrk.mqtt.mqtt_protocols import MqttPort
from mrk.power.driver import Report
from mrk.power.mqtt_payload import DISCARD, read_payload
from mrk.power.states import DriverFailed, PowerState

logger = logging.getLogger(__name__)
QUERY_AGAIN_S = 2.0
PAYLOAD_BYTES = 64 * 1024


class _Heard(msgspec.Struct):
    """What was asked last, and how many messages came since."""

    last_request: str = ""
    count: int = 0


class MqttDriver:
    """Implements `PowerDriver`. Build it before MQTT is served."""

    initialises_each_time = False

    def __init__(self, name: str, settings: MqttSwitchSettings, mqtt: MqttPort) -> None:
        self._name = name
        self._settings = settings
        self._mqtt = mqtt
        self.least_s = settings.state_timeout_s
        self._state = PowerState.INIT
        self._heard = _Heard()
        self._answered = trio.Event()
        self._changed = trio.Event()
        self._report: Report | None = None
        mqtt.listen(settings.state_topic, self._take, settings.qos)
        mqtt.on_connection(self._on_connection)

    # What comes in

    def _on_connection(self, _connected: bool) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    def _take(self, payload: bytes) -> None:
        if len(payload) > PAYLOAD_BYTES:
            return
        self._heard.count += 1
        try:
            text = payload.decode()
            if self._settings.state_response_template is not None:
                text = self._settings.state_response_template.render(
                    payload=text,
                    last_request=self._heard.last_request,
                    response_count=self._heard.count,
                )
            state = read_payload(text)
        except (UnicodeDecodeError, TemplateFailed) as exc:
            logger.debug("power device %s: a message is not understood: %s", self._name, exc)
            state = PowerState.ERROR
        if state is DISCARD:
            return
        self._state = state
        self._answered.set()
        if self._report is not None:
            self._report(state)

    # What runs

    async def run(
        self, report: Report, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Follow the broker."""
        self._report = report
        task_status.started()
        while True:
            changed = self._changed
            if self._mqtt.mqtt_connected:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._find_out, report, name="first state")
                    await changed.wait()
                    nursery.cancel_scope.cancel()
            else:
                if self._state is not PowerState.INIT:
                    self._state = PowerState.ERROR
                    report(self._state)
                await changed.wait()

    async def _find_out(self, report: Report) -> None:
        """The state, when the broker is there: a retained message, or an answer to the query."""
        if self._state.is_known:
            report(self._state)
            return
        self._state = PowerState.INIT
        report(self._state)
        while True:
            self._begin("refresh")
            try:
                await self._query()
            except DriverFailed as exc:
                logger.info("power device %s: %s", self._name, exc.message)
            if await self._wait():
                return
            if self._settings.query_topic is None:
                # A retained state would have come by now.
                self._state = PowerState.ERROR
                report(self._state)
                return
            await trio.sleep(QUERY_AGAIN_S)

    # Requests

    async def status(self) -> PowerState:
        """Ask, where there is something to ask by and a need to."""
        settings = self._settings
        needed = settings.query_after_command or not self._state.is_known
        if settings.query_topic is None or not needed:
            return self._state
        self._begin("refresh")
        await self._query()
        if not await self._wait():
            raise self._failure(f"no answer within {settings.state_timeout_s:g} s")
        return self._state

    async def switch(self, on: bool) -> PowerState:
        """Publish the command; what the device reports is the state."""
        settings = self._settings
        command = "on" if on else "off"
        self._begin(f"power_{command}")
        await self._publish(
            settings.command_topic,
            lambda: settings.command_payload.render(command=command),
            retain=settings.retain_command_state,
        )
        if settings.query_after_command and settings.query_topic is not None:
            await self._query()
        if not await self._wait() or not self._state.is_known:
            raise DriverFailed(f"Failed to set device to state '{command}'", 500)
        return self._state

    def _begin(self, request: str) -> None:
        self._heard = _Heard(request)
        self._answered = trio.Event()

    async def _wait(self) -> bool:
        """Whether the device spoke in time. Raises `DriverFailed` when the broker is lost."""
        lost = self._changed
        with trio.move_on_after(self._settings.state_timeout_s):
            await self._answered_or(lost)
        if not self._answered.is_set() and not self._mqtt.mqtt_connected:
            raise self._failure("MQTT Disconnected", 503)
        self._heard.last_request = ""
        return self._answered.is_set()

    async def _answered_or(self, lost: trio.Event) -> None:
        async with trio.open_nursery() as nursery:

            async def wait(event: trio.Event) -> None:
                await event.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(wait, self._answered)
            nursery.start_soon(wait, lost)

    async def _query(self) -> None:
        if self._settings.query_topic is None:
            return
        payload = self._settings.query_payload
        await self._publish(
            self._settings.query_topic, lambda: "" if payload is None else payload.render()
        )

    async def _publish(
        self, topic: str, render: Callable[[], str], *, retain: bool = False
    ) -> None:
        if not self._mqtt.mqtt_connected:
            raise self._failure("MQTT Not Connected", 503)
        try:
            payload = render().encode()
        except TemplateFailed as exc:
            raise DriverFailed(f"the template of its payload fails: {exc}", 500) from exc
        try:
            await self._mqtt.publish(topic, payload, self._settings.qos, retain)
        except ClientError as exc:
            raise self._failure(exc.message, exc.status) from exc

    def _failure(self, text: str, status: int = 500) -> DriverFailed:
        return DriverFailed(text, status)
