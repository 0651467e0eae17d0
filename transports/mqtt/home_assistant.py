"""Has the printer appear in Home Assistant, over one connection to the broker.

Announces the device when the broker has accepted, and its heaters once Klipper tells of them;
publishes one document with what the entities show, at most once a second, and pictures of webcams.
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import trio

from config.settings.mqtt import MqttSettings
from mrk.definitions.roles import Role
from mrk.errors import ClientError, Transient
from mrk.estimate.estimate_protocols import TimeLeft
from mrk.http.client import HttpGet
from mrk.klippy.events import Disconnected, Ready, Started
from mrk.klippy.klippy_protocols import KlippyRequests
from mrk.mqtt.home_assistant import (
    MOST_CAMERAS,
    OFFLINE,
    ONLINE,
    TEMPERATURE,
    Announcement,
    Camera,
    Device,
    Presence,
    home_state,
    temperature_objects,
)
from mrk.mqtt.mqtt_protocols import BrokerClient
from mrk.mqtt.topics import Topics
from mrk.status.subscriptions import Wanted
from mrk.status.update import StatusUpdate
from mrk.webcams.addresses import completed
from mrk.webcams.webcam import Webcam
from transports.mqtt.announced_topics import AnnouncedTopics

logger = logging.getLogger(__name__)
AWAY = ("disconnected", "startup")
# Between two documents, and while nothing is printed; a change of state is told after the first.
STATE_S, IDLE_STATE_S = 1.0, 5.0
PICTURE_S, IDLE_PICTURE_S = 10.0, 60.0
FETCH_S = 5.0
PICTURE_BYTES = 512 * 1024
LOCALHOST = "127.0.0.1"
BASE: Wanted = {
    "webhooks": frozenset({"state"}),
    "heaters": None,
    "virtual_sdcard": frozenset({"progress", "file_position"}),
    "print_stats": None,
}
_encode = msgspec.json.Encoder().encode
ListWebcams = Callable[[], Awaitable[Sequence[Webcam]]]


class HomeAssistant:
    """A `StatusReader` that keeps the entities of one printer up to date."""

    def __init__(
        self,
        settings: MqttSettings,
        topics: Topics,
        device: Device,
        klippy: KlippyRequests,
        outlet: BrokerClient,
        webcams: ListWebcams,
        http: HttpGet,
        camera_address: Callable[[str], str],
        told: AnnouncedTopics,
        time_left: TimeLeft,
    ) -> None:
        self._qos = settings.default_qos
        self._topics = topics
        self._klippy = klippy
        self._outlet = outlet
        self._webcams = webcams
        self._http = http
        self._camera_address = camera_address
        self._told = told
        self._time_left = time_left
        prefix = settings.homeassistant_prefix
        self._announcement = Announcement(prefix, topics, device, settings.default_qos)
        role = next(role for role in Role if role.word == settings.mqtt_role)
        self._buttons = settings.enable_moonraker_api and role >= Role.OPERATE
        self._status: dict[str, dict[str, Any]] = {}
        self._sensors: list[str] = []
        # Whether these are all that there are; a Klipper without its configuration tells of none.
        self._sensors_known = self._cameras_known = False
        self._cameras: list[Camera] = []
        self._announced: dict[str, bytes] = {}
        self._changed = trio.Event()
        self._state_changed = trio.Event()
        self._appearance_changed = trio.Event()
        self._appearance_changed.set()
        # A picture of a camera that was not announced would be shown to nobody.
        self._cameras_announced = trio.Event()
        self._printing_changed = trio.Event()
        self._printing = False
        # Whether the printer told of all its objects: before that a state would be half of one.
        self._known = False
        self._shown = b""
        self.open = True

    def push_status(self, update: StatusUpdate) -> None:
        """Called by the link's reader, also for changes that come before the first answer."""
        if not self._known:
            return
        self._merge(update.delta)
        stats = update.delta.get("print_stats", {})
        if "webhooks" in update.delta or "state" in stats or "filename" in stats:
            self._state_changed.set()

    def _merge(self, delta: dict[str, dict[str, Any]]) -> None:
        for name, fields in delta.items():
            self._status[name] = {**self._status.get(name, {}), **fields}
        self._changed.set()

    def tell_absence(self) -> None:
        """The printer counts as away until it is known, whatever the broker kept of the last run.

        To be said before mrk itself is told to be there.
        """
        self._outlet.post(self._topics.printer, OFFLINE, self._qos, retain=True)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._announce, name="home assistant entities")
                nursery.start_soon(self._publish_state, name="home assistant state")
                nursery.start_soon(self._publish_pictures, name="home assistant pictures")
                await self._follow()
        finally:
            self.open = False
            self._klippy.unsubscribe_reader(self)

    async def _follow(self) -> None:
        # Three events a restart of Klipper; 16 would be five of them while one is subscribed to.
        with self._klippy.open_events("home assistant", 16, Started, Ready, Disconnected) as events:
            if self._klippy.klippy_state not in AWAY:
                await self._started()
            async for event in events:
                if isinstance(event, Disconnected):
                    self._known = False
                    self._status.clear()
                    await self._post(self._topics.printer, OFFLINE)
                else:
                    await self._started()

    async def _started(self) -> None:
        try:
            answer = await self._klippy.subscribe_reader(self, BASE)
            heaters = answer["status"].get("heaters", {})
            ready = answer["status"].get("webhooks", {}).get("state") == "ready"
            told = ready or heaters.get("available_heaters") is not None
            sensors = temperature_objects(heaters) if told else self._sensors
            fields = frozenset({"temperature", "target"})
            wanted = {**BASE, **dict.fromkeys(sensors, fields)}
            answer = await self._klippy.subscribe_reader(self, wanted)
        except ClientError as exc:
            logger.warning("mqtt: Home Assistant is not notified of the printer: %s", exc.message)
            return
        self._status.clear()
        self._merge(answer["status"])
        self._sensors = sensors
        self._sensors_known = self._sensors_known or told
        self._known = True
        self._appearance_changed.set()
        await self._show_state()
        await self._post(self._topics.printer, ONLINE)

    async def _announce(self) -> None:
        while True:
            await self._appearance_changed.wait()
            self._appearance_changed = trio.Event()
            await self._announce_once()

    async def _announce_once(self) -> None:
        # Klipper may answer null for a field that an object does not have.
        targets = {n for n in self._sensors if self._status.get(n, {}).get("target") is not None}
        presence = Presence(self._sensors, frozenset(targets), self._cameras, self._buttons)
        cameras_announced = self._cameras_announced
        messages = self._announcement.messages(presence)
        await self._told.load()
        await self._told.add(messages)
        for topic, document in messages.items():
            if self._announced.get(topic) != document:
                await self._post(topic, document)
        self._announced = messages
        cameras_announced.set()
        gone = [topic for topic in self._told.others(messages) if self._is_judged(topic)]
        await self._told.take_back(gone, self._outlet)

    def _is_judged(self, topic: str) -> bool:
        """Whether it is known by now that such an entity is no more."""
        component, _device, key, _config = topic.split("/")[-4:]
        if component == "camera":
            return self._cameras_known
        return self._sensors_known or not key.startswith(TEMPERATURE)

    async def _publish_state(self) -> None:
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            if await self._show_state():
                await trio.sleep(STATE_S)
            if not self._printing:
                with trio.move_on_after(IDLE_STATE_S - STATE_S):
                    await self._state_changed.wait()
            self._state_changed = trio.Event()

    async def _show_state(self) -> bool:
        """Publish the state if the printer is known and it differs from what was shown last."""
        if not self._known:
            return False
        state = home_state(self._status, self._sensors, self._time_left)
        self._note_printing(state["printing"])
        document = _encode(state)
        if document == self._shown:
            return False
        self._shown = document
        await self._post(self._topics.home_state, document)
        return True

    def _note_printing(self, printing: bool) -> None:
        if printing != self._printing:
            self._printing = printing
            self._printing_changed.set()

    async def _publish_pictures(self) -> None:
        while True:
            await self._find_cameras()
            await self._cameras_announced.wait()
            for camera in self._cameras:
                picture = await self._picture(camera)
                if picture is not None:
                    await self._post(self._topics.camera(camera.key), picture, retain=False)
            self._printing_changed = trio.Event()
            with trio.move_on_after(PICTURE_S if self._printing else IDLE_PICTURE_S):
                await self._printing_changed.wait()

    async def _find_cameras(self) -> None:
        try:
            webcams = await self._webcams()
        except (ClientError, Transient) as exc:
            logger.debug("mqtt: no webcams: %s", exc)
            return
        cameras = [
            Camera(webcam.uid, webcam.name, self._whole(webcam.snapshot_url))
            for webcam in webcams
            if webcam.enabled and webcam.snapshot_url
        ][:MOST_CAMERAS]
        if cameras != self._cameras or not self._cameras_known:
            self._cameras, self._cameras_known = cameras, True
            self._cameras_announced = trio.Event()
            self._appearance_changed.set()

    def _whole(self, url: str) -> str:
        """Where mrk asks for a picture: paths are this host's, and those of cameras their own."""
        return completed(self._camera_address(url), LOCALHOST)

    async def _picture(self, camera: Camera) -> bytes | None:
        with trio.move_on_after(FETCH_S), contextlib.suppress(Transient):
            got = await self._http.get(camera.url, most_bytes=PICTURE_BYTES, local=True)
            if 200 <= got.status < 300 and got.whole and got.body:
                return got.body
        return None

    async def _post(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        await self._outlet.wait_for_space()
        try:
            self._outlet.post(topic, payload, self._qos, retain)
        except ClientError as exc:
            logger.warning("mqtt: Home Assistant: %s", exc.message)
