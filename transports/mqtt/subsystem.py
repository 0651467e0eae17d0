"""The MQTT transport: an optional, supervised client of one broker. Implements `MqttPort`.

`serve` connects once, serves until the broker is lost (`Transient`: the supervisor has it try
again, with a new connection object), and says goodbye when it is cancelled. What outlives a
connection stands here: who listens, and the time stamps of requests.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec
import trio

from config.settings.mqtt import MqttSettings
from mrk.api.endpoint import Endpoint
from mrk.database.database_protocols import ItemsPort
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.estimate.estimate_protocols import TimeLeft, time_left_of
from mrk.http.client import HttpGet
from mrk.klippy.klippy_protocols import KlippyRequests
from mrk.mqtt.home_assistant import Device
from mrk.mqtt.mqtt_protocols import BrokerClient
from mrk.mqtt.topics import Topics, check_qos, check_topic
from mrk.short_digests import sha256
from mrk.subsystem import Additions, Needs, Service
from mrk.supervision import OUTSIDE_BACKOFF
from mrk.version import VERSION
from transports.mqtt.announced_topics import AnnouncedTopics
from transports.mqtt.api import Handle
from transports.mqtt.broker_state import BrokerState
from transports.mqtt.broker_stream import BrokerNotReached, open_stream
from transports.mqtt.endpoints import MqttEndpoints
from transports.mqtt.home_assistant import ListWebcams
from transports.mqtt.macro_messages import METHOD, MacroMessages
from transports.mqtt.naming import NameTaken, Naming

# Name look-up, TCP and TLS.
CONNECT_S = 10.0


class SessionLike(Protocol):
    """`broker_session.BrokerSession`, which is imported late."""

    async def run(self) -> None: ...


class Mqtt:
    """`handle` is `Rpc.handle`, `instance_id` names the installation.

    `instance_name` begins all topics unless the settings name another; `webcams` and `http` give
    Home Assistant its pictures, `time_left` what is left of a print by its plan. `items` keeps what
    was announced to it. `camera_address` gives the camera's own address of a path that mrk passes
    on.
    """

    def __init__(
        self,
        settings: MqttSettings,
        klippy: KlippyRequests,
        handle: Handle,
        webcams: ListWebcams,
        http: HttpGet,
        items: ItemsPort,
        *,
        instance_name: str,
        instance_id: str,
        time_left: TimeLeft = lambda _filename, _position: None,
        camera_address: Callable[[str], str] = str,
    ) -> None:
        name = settings.instance_name or instance_name
        self._settings = settings
        self._instance_id = instance_id
        self._naming = Naming(name, installation_mark(instance_id), items)
        self._kept = BrokerState(
            settings,
            Topics(name),
            "",
            Device(device_id(instance_id), name, VERSION),
            klippy,
            handle,
            webcams,
            http,
            camera_address,
            AnnouncedTopics(items),
            self._naming,
            time_left,
        )
        self._audience = self._kept.audience
        self._role = next(role for role in Role if role.word == settings.mqtt_role)
        self._broker: BrokerClient | None = None
        self._followers: list[Callable[[bool], None]] = []

    # Life

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """One connection; raises `Transient`, alone or in a group. Ready at once.

        Another one, under another name, where the first turns out to be another installation's.
        """
        task_status.started()
        await self._naming.load()
        while await self._is_renamed_after_one():
            pass

    async def _is_renamed_after_one(self) -> bool:
        taken = False
        try:
            await self._serve_one()
        except* NameTaken:
            taken = True
        if taken:
            await self._naming.leave()
        return taken

    async def _serve_one(self) -> None:
        settings = self._settings
        make_session = await trio.to_thread.run_sync(_load_session, abandon_on_cancel=True)
        try:
            with trio.fail_after(CONNECT_S):
                stream = await open_stream(settings)
        except trio.TooSlowError:
            place = f"{settings.address}:{settings.port}"
            raise BrokerNotReached(f"no MQTT broker at {place} within {CONNECT_S:.0f} s") from None
        session = make_session(stream, self._state(), self._tell_connection)
        try:
            await session.run()
        finally:
            self._tell_connection(None)

    @property
    def _topics(self) -> Topics:
        return Topics(self._naming.name)

    def _state(self) -> BrokerState:
        name, kept = self._naming.name, self._kept
        return msgspec.structs.replace(
            kept,
            topics=Topics(name),
            client_id=self._settings.client_id or client_id(self._instance_id, name),
            device=msgspec.structs.replace(kept.device, name=name),
        )

    @property
    def warnings(self) -> list[str]:
        """What was found out about our name, for server.info."""
        return self._naming.warnings

    def _tell_connection(self, broker: BrokerClient | None) -> None:
        was_connected, self._broker = self._broker is not None, broker
        if was_connected or broker is not None:
            for follower in self._followers:
                follower(broker is not None)

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return MqttEndpoints(self).endpoints()

    # For subsystems

    @property
    def mqtt_connected(self) -> bool:
        """Whether the broker has accepted us."""
        return self._broker is not None

    def listen(self, topic: str, handler: Callable[[bytes], None], qos: int | None = None) -> None:
        """Have `handler(payload)` called for each message; raises `ClientError` for wildcards."""
        self._audience.listen(check_topic(topic), handler, self._qos(qos))
        if self._broker is not None:
            self._broker.subscribe(topic, self._audience.qos(topic))

    def on_connection(self, handler: Callable[[bool], None]) -> None:
        """Have `handler(connected)` called at each change."""
        self._followers.append(handler)

    async def publish(
        self, topic: str, payload: bytes, qos: int | None = None, retain: bool = False
    ) -> None:
        """Returns once the broker has it, or it was written; raises `ClientError`."""
        topic, qos = check_topic(topic), self._qos(qos)
        if self._broker is None:
            raise ClientError("No connection to the MQTT broker", 503)
        await self._broker.publish(topic, payload, qos, retain)

    def is_acknowledged(self, qos: int | None) -> bool:
        """Whether the broker says that it has a message of that QoS; raises `ClientError`."""
        return self._qos(qos) > 0

    def post(self, topic: str, payload: bytes, qos: int | None, retain: bool) -> None:
        """The same without waiting: into the outgoing queue. Raises `ClientError`."""
        topic, qos = check_topic(topic), self._qos(qos)
        if self._broker is None:
            raise ClientError("No connection to the MQTT broker", 503)
        self._broker.post(topic, payload, qos, retain)

    def macro_messages(self) -> MacroMessages:
        """What macros may publish."""
        return MacroMessages(self.post, self.check_escalation, lambda: self._naming.name)

    def _qos(self, qos: int | None) -> int:
        return self._settings.default_qos if qos is None else check_qos(qos)

    def check_escalation(self, topic: str, role: Role) -> None:
        """Who asks through the broker must not get a higher role; raises `ClientError` 403."""
        if (
            topic == self._topics.request
            and self._settings.enable_moonraker_api
            and role < self._role
        ):
            text = f"Requests over MQTT run with the role {self._role.word}"
            raise ClientError(f"{text}, which is more than yours", 403)

    async def next_payload(self, topic: str, qos: int | None, limit_s: float) -> bytes | None:
        """The next message on a topic; None when there is none within `limit_s`.

        Raises `ClientError`: 400, 403 (refused by the broker), 503.
        """
        topic, qos = check_topic(topic), self._qos(qos)
        try:
            with self._audience.waiting(topic, qos) as waiting:
                if self._broker is not None:
                    self._broker.subscribe(topic, self._audience.qos(topic))
                with trio.move_on_after(limit_s):
                    await waiting.done.wait()
        finally:
            self._forget(topic)
        if waiting.error is not None:
            raise waiting.error
        return waiting.payload if waiting.done.is_set() else None

    def _forget(self, topic: str) -> None:
        own = topic == self._topics.request and self._settings.enable_moonraker_api
        if self._broker is not None and not own and not self._audience.wants(topic):
            self._broker.unsubscribe(topic)


def client_id(instance_id: str, instance_name: str) -> str:
    """The same at every start, so that a broker lets go of what is left of the last connection.

    Otherwise that one's will would be published after us, and we would be taken for away. At most
    23 characters (MQTT 3.1).
    """
    name = f"{instance_id}\n{instance_name}".encode()
    return f"mrk-{sha256(name).hexdigest()[:16]}"


def installation_mark(instance_id: str) -> str:
    """What tells installations apart on a broker; the id itself is nobody else's business."""
    return sha256(instance_id.encode()).hexdigest()[:16]


def device_id(instance_id: str) -> str:
    """What Home Assistant knows the printer by, whatever it is called."""
    return f"mrk_{installation_mark(instance_id)}"


def _load_session() -> Callable[..., SessionLike]:
    """Import paho: 20 ms."""
    from transports.mqtt.broker_session import BrokerSession

    return BrokerSession


def build(settings: MqttSettings, needs: Needs, additions: Additions) -> None:
    """For `[mqtt]`: a transport, which ends with the others."""
    mqtt = Mqtt(
        settings,
        needs.klippy_requests,
        needs.answer,
        needs.webcams,
        needs.http,
        needs.database,
        instance_name=needs.host_name,
        instance_id=needs.instance_id,
        time_left=time_left_of(needs.planned),
        camera_address=needs.camera_address,
    )
    additions.transports.append(Service("mqtt", mqtt.serve, mqtt.endpoints(), OUTSIDE_BACKOFF))
    additions.mqtt = mqtt
    needs.klippy.register_remote_method(METHOD, mqtt.macro_messages().publish)
    additions.warnings.append(lambda: mqtt.warnings)
