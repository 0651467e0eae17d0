"""What outlives the connections to a broker, and what each of them needs."""

from dataclasses import dataclass, field

from config.settings.mqtt import MqttSettings
from mrk.http_client import HttpGet
from mrk.mqtt.home_assistant import Device
from mrk.mqtt.ports import MqttKlippy
from mrk.mqtt.requests import Stamps
from mrk.mqtt.topics import Topics
from transports.mqtt.api import Handle
from transports.mqtt.audience import Audience
from transports.mqtt.home_assistant import ListWebcams


@dataclass(frozen=True, slots=True)
class Lasting:
    """Built once by `Mqtt`, handed to each session."""

    settings: MqttSettings
    topics: Topics
    client_id: str
    device: Device
    klippy: MqttKlippy
    handle: Handle
    webcams: ListWebcams
    http: HttpGet
    stamps: Stamps = field(default_factory=Stamps)
    audience: Audience = field(default_factory=Audience)
