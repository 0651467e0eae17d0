"""What runs over one connection to a broker: API, status, Home Assistant. Dies with it.

Imports paho, so `subsystem.py` imports it in a thread, when it first connects.
"""

import logging
from collections.abc import Callable

import trio

from mrk.errors import ClientError, Transient
from mrk.log.throttle import LogThrottle
from mrk.mqtt.instance_name import NameClaim
from mrk.mqtt.mqtt_protocols import BrokerClient
from mrk.mqtt.payloads import OFFLINE, ONLINE
from transports.mqtt.api import REQUEST_BYTES, MqttApi
from transports.mqtt.broker_connection import GOODBYE_S, LIMIT_BYTES, BrokerConnection
from transports.mqtt.broker_state import BrokerState
from transports.mqtt.home_assistant import HomeAssistant
from transports.mqtt.naming import NameTaken
from transports.mqtt.status import StatusPublisher

logger = logging.getLogger(__name__)
ACCEPT_S = 10.0
# For what the broker has kept of our name; one that does not let us read it costs so much.
PROBE_S = 1.0


class NotAccepted(Transient):
    """The broker did not answer in time."""


class BrokerSession:
    """`on_up` is told when the broker has accepted."""

    def __init__(
        self, stream: trio.abc.Stream, state: BrokerState, on_up: Callable[[BrokerClient], None]
    ) -> None:
        settings, topics, klippy = state.settings, state.topics, state.klippy
        self._stream = stream
        self._settings = settings
        self._topics = topics
        self._audience = state.audience
        self._on_up = on_up
        self._heard: set[str] = set()
        self._throttle = LogThrottle()
        will = (topics.server, OFFLINE)
        self._connection = BrokerConnection(
            stream, settings, state.client_id, will, self._on_message, state.audience.refuse
        )
        self._api = MqttApi(settings, topics, state.handle, state.stamps, self._connection)
        self._status = StatusPublisher(settings, topics, klippy, self._connection)
        self._home = HomeAssistant(
            settings,
            topics,
            state.device,
            klippy,
            self._connection,
            state.webcams,
            state.http,
            state.camera_address,
            state.announced,
            state.time_left,
        )
        self._announced = state.announced
        self._naming = state.naming
        self._claim = state.naming.claim()
        # Whether the broker has sent all that it has kept of our name; and whether that is ours.
        self._probed = trio.Event()
        self._is_named = self._claim is None
        self._taken = trio.Event()

    async def run(self) -> None:
        """Until cancelled, or the broker is lost (`Transient`, in a group); closes `stream`."""
        lost = False
        try:
            await self._run()
        except* NameTaken:
            self._is_named = False
            raise
        except* Transient:
            lost = True
            raise
        finally:
            with trio.move_on_after(GOODBYE_S, shield=True):
                if not lost:
                    last = (self._topics.server, OFFLINE) if self._is_named else None
                    await self._connection.say_goodbye(last)
            self._connection.lose()
            with trio.move_on_after(GOODBYE_S, shield=True):
                await trio.aclose_forcefully(self._stream)

    async def _run(self) -> None:
        settings, topics, connection = self._settings, self._topics, self._connection
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.run, name="mqtt connection")
            try:
                with trio.fail_after(ACCEPT_S):
                    await connection.accepted.wait()
            except trio.TooSlowError:
                text = f"the MQTT broker does not answer within {ACCEPT_S:.0f} s"
                raise NotAccepted(f"{text}; check port and enable_tls in [mqtt]") from None
            logger.info("connected to the MQTT broker at %s:%d", settings.address, settings.port)
            if self._claim is not None:
                await self._claim_name(self._claim)
                nursery.start_soon(self._watch_name, name="mqtt name")
            if settings.enable_homeassistant_discovery:
                self._home.tell_absence()
            connection.post(topics.server, ONLINE, settings.default_qos, retain=True)
            if settings.enable_moonraker_api:
                await nursery.start(self._api.run, name="mqtt api")
                connection.subscribe(topics.request, settings.api_qos)
            for topic, qos in self._audience.topics().items():
                connection.subscribe(topic, qos)
            nursery.start_soon(self._status.run, name="mqtt status")
            if settings.enable_homeassistant_discovery:
                nursery.start_soon(self._home.run, name="home assistant")
            else:
                nursery.start_soon(self._take_all_back, name="home assistant entities")
            self._on_up(connection)

    async def _claim_name(self, claim: NameClaim) -> None:
        """Leave our mark at our name; raises `NameTaken` when it is another's."""
        topics, connection = self._topics, self._connection
        connection.subscribe(topics.server, 0)
        connection.subscribe(topics.installation, 0)
        connection.post(topics.installation, claim.probe, 0)
        with trio.move_on_after(PROBE_S):
            await self._probed.wait()
        self._probed.set()
        if claim.is_taken:
            raise NameTaken(f"the name {topics.instance} is another installation's")
        if not self._audience.wants(topics.server):
            connection.unsubscribe(topics.server)
        connection.post(topics.installation, claim.mark, self._settings.default_qos, retain=True)
        self._is_named = True
        await self._naming.keep()

    async def _watch_name(self) -> None:
        await self._taken.wait()
        raise NameTaken(f"another installation came by the name {self._topics.instance} as well")

    def _hear_of_name(self, claim: NameClaim, topic: str, payload: bytes) -> None:
        probed = self._probed.is_set()
        if topic == self._topics.server and not probed:
            claim.hear_status(payload, ONLINE)
        elif topic == self._topics.installation and payload == claim.probe:
            self._probed.set()
        elif topic == self._topics.installation and not probed:
            claim.hear(payload)
        elif topic == self._topics.installation:
            answer = claim.answer(payload)
            if answer is not None:
                self._connection.post(topic, answer, self._settings.default_qos, retain=True)
            elif claim.is_taken:
                self._taken.set()

    async def _take_all_back(self) -> None:
        """Home Assistant is told of nothing any more."""
        await self._announced.load()
        await self._announced.take_back(self._announced.others(()), self._connection)

    def _on_message(self, topic: str, payload: bytes, retain: bool) -> None:
        """Whatever the broker sends: a request, a message for listeners, or both."""
        oversized = self._connection.is_oversized(payload)
        if self._claim is not None:
            self._hear_of_name(self._claim, topic, payload)
        if topic == self._topics.request and self._settings.enable_moonraker_api:
            if retain:
                # It was published some time, and would run again at each connection.
                self._warn("a retained request is not run; clear it from the broker")
            elif oversized or len(payload) > REQUEST_BYTES:
                self._api.refuse_oversized()
            else:
                self._api.hear(payload)
        if oversized:
            text = f"The message on {topic[:200]} was larger than {LIMIT_BYTES} bytes"
            self._warn(text)
            self._audience.tell_error(topic, ClientError(text, 413))
            return
        # A retained message comes again for each client that waits on the same topic.
        again = retain and topic in self._heard
        if self._audience.wants(topic):
            self._heard.add(topic)
        self._audience.tell(topic, payload, again=again)

    def _warn(self, text: str) -> None:
        self._throttle.log(logger, f"mqtt: {text}", trio.current_time())
