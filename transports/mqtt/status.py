"""Publishes changes of printer objects over one connection.

The link hands changes over without waiting; they merge until the broker has room for them, and
for `status_interval` if one is set. A Klipper that starts is published in full once.
"""

import logging

import trio

from config.settings.mqtt import MqttSettings
from mrk.errors import ClientError
from mrk.klippy.events import Disconnected, Ready, Started
from mrk.klippy.klippy_protocols import KlippyRequests
from mrk.mqtt.mqtt_protocols import BrokerPublisher
from mrk.mqtt.status import PendingStatus, status_messages
from mrk.mqtt.topics import Topics
from mrk.status.subscriptions import wanted
from mrk.status.update import StatusUpdate

logger = logging.getLogger(__name__)
AWAY = ("disconnected", "startup")


class StatusPublisher:
    """A `StatusReader` that publishes `settings.status_objects`."""

    def __init__(
        self,
        settings: MqttSettings,
        topics: Topics,
        klippy: KlippyRequests,
        outlet: BrokerPublisher,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._klippy = klippy
        self._outlet = outlet
        self._pending = PendingStatus()
        self._changed = trio.Event()
        self._flush = trio.Event()
        self.open = True

    def push_status(self, update: StatusUpdate) -> None:
        """Called by the link's reader."""
        self._pending.add(update)
        self._changed.set()

    async def run(self) -> None:
        """Publish until cancelled; returns at once when nothing is to be published."""
        if not self._settings.status_objects:
            return
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._publish, name="mqtt status publisher")
                await self._follow()
        finally:
            self.open = False
            self._klippy.unsubscribe_reader(self)

    async def _follow(self) -> None:
        # Three events a restart of Klipper; 16 would be five of them while one is subscribed to.
        with self._klippy.open_events("mqtt status", 16, Started, Ready, Disconnected) as events:
            state = self._klippy.klippy_state
            if state not in AWAY:
                await self._subscribe()
            async for event in events:
                match event:
                    case Started(state=state):
                        await self._subscribe()
                    case Ready() if state != "ready":
                        state = "ready"
                        await self._subscribe()
                    case Disconnected():
                        state = AWAY[0]
                        self._flush.set()

    async def _subscribe(self) -> None:
        try:
            answer = await self._klippy.subscribe_reader(
                self, wanted(self._settings.status_objects)
            )
        except ClientError as exc:
            logger.warning("mqtt: status_objects are not published: %s", exc.message)
            return
        self._pending.take()  # the answer has newer values
        self._pending.add(StatusUpdate(answer["status"], answer["eventtime"]))
        self._changed.set()
        self._flush.set()

    async def _publish(self) -> None:
        interval_s = self._settings.status_interval_s
        next_at = trio.current_time()
        while True:
            await self._changed.wait()
            if interval_s:
                with trio.move_on_at(next_at):
                    await self._flush.wait()
                self._flush = trio.Event()
                next_at = max(next_at, trio.current_time() - interval_s) + interval_s
            self._changed = trio.Event()
            update = self._pending.take()
            if update is not None:
                await self._send(update)

    async def _send(self, update: StatusUpdate) -> None:
        split = self._settings.publish_split_status
        for topic, payload in status_messages(self._topics, update, split=split):
            await self._outlet.wait_for_space()
            try:
                self._outlet.post(topic, payload, self._settings.default_qos, split)
            except ClientError as exc:
                logger.warning("mqtt: status: %s", exc.message)
