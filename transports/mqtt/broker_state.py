"""What outlives the connections to a broker, and what each of them needs."""

from collections.abc import Callable

import msgspec

from config.settings.mqtt import MqttSettings
from mrk.estimate.estimate_protocols import TimeLeft
from mrk.http.client import HttpGet
from mrk.klippy.klippy_protocols import KlippyRequests
from mrk.mqtt.home_assistant import Device
from mrk.mqtt.requests import Stamps
from mrk.mqtt.topics import Topics
from transports.mqtt.announced_topics import AnnouncedTopics
from transports.mqtt.api import Handle
from transports.mqtt.audience import Audience
from transports.mqtt.home_assistant import ListWebcams
from transports.mqtt.naming import Naming


class BrokerState(msgspec.Struct, frozen=True):
    """Built by `Mqtt` for each session; all but the name and what follows from it stays."""

    settings: MqttSettings
    topics: Topics
    client_id: str
    device: Device
    klippy: KlippyRequests
    handle: Handle
    webcams: ListWebcams
    http: HttpGet
    camera_address: Callable[[str], str]
    announced: AnnouncedTopics
    naming: Naming
    time_left: TimeLeft
    stamps: Stamps = msgspec.field(default_factory=Stamps)
    audience: Audience = msgspec.field(default_factory=Audience)
