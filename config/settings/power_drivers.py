"""What each type of `[power <name>]` needs to know: one struct a type.

Read by `power_readers.py`; options that all types share stand in `power.py`.
"""

from collections.abc import Mapping

import msgspec

from config.secret import Secret
from config.template import AsyncTemplate, EventTemplate
from mrk.definitions.pins import Pin

NO_SECRET = Secret("")


class GpioSettings(msgspec.Struct, frozen=True):
    """A relay on a line."""

    pin: Pin


class RfSettings(msgspec.Struct, frozen=True):
    """A 433 MHz transmitter on a line; codes of at least 24 bits."""

    pin: Pin
    on_code: str
    off_code: str


class KlipperPinSettings(msgspec.Struct, frozen=True):
    """`kind` is output_pin or gcode_macro, `name` the rest."""

    object_name: str
    kind: str
    name: str


class TplinkSmartplugSettings(msgspec.Struct, frozen=True):
    """`output_id` None is a single plug; `delay_s` has the plug count down to off."""

    host: str
    port: int
    output_id: int | None
    delay_s: int | None


class WebDeviceSettings(msgspec.Struct, frozen=True):
    """Where an HTTP device is: `base` is scheme, host, port and perhaps a path; who asks it."""

    base: str
    user: Secret = NO_SECRET
    password: Secret = NO_SECRET
    verify_certificate: bool = True


class TasmotaSettings(msgspec.Struct, frozen=True):
    """`output_id` counts from 1; `delay_s`: off comes so much later."""

    web: WebDeviceSettings
    output_id: int
    delay_s: int | None


class ShellySettings(msgspec.Struct, frozen=True):
    """`output_id` counts from 0; `delay_s`: off comes so much later."""

    web: WebDeviceSettings
    output_id: int
    delay_s: int | None


class HomeseerSettings(msgspec.Struct, frozen=True):
    """`device` is the reference number."""

    web: WebDeviceSettings
    device: int


class HomeassistantSettings(msgspec.Struct, frozen=True):
    """`device` is an entity; after a command its state is read `status_delay_s` later."""

    web: WebDeviceSettings
    token: Secret
    device: str
    domain: str
    status_delay_s: float


class LoxoneSettings(msgspec.Struct, frozen=True):
    """`output_id` is the name of an output."""

    web: WebDeviceSettings
    output_id: str


class SmartthingsSettings(msgspec.Struct, frozen=True):
    """`device` is a GUID."""

    web: WebDeviceSettings
    token: Secret
    device: str


class HueSettings(msgspec.Struct, frozen=True):
    """A light or a group of a bridge, whose key is `web.user`."""

    web: WebDeviceSettings
    device_id: str
    is_group: bool


class DomoticzSettings(msgspec.Struct, frozen=True):
    """`device` is the index (idx)."""

    web: WebDeviceSettings
    device: int


class HttpTemplateSettings(msgspec.Struct, frozen=True):
    """Addresses may hold secrets."""

    on_url: Secret
    off_url: Secret
    status_url: Secret
    request_template: AsyncTemplate | None
    response_template: AsyncTemplate
    user: Secret
    password: Secret
    verify_certificate: bool


class MqttSwitchSettings(msgspec.Struct, frozen=True):
    """`qos` None is that of `[mqtt]`."""

    command_topic: str
    command_payload: EventTemplate
    retain_command_state: bool
    state_topic: str
    state_response_template: EventTemplate | None
    state_timeout_s: float
    query_topic: str | None
    query_payload: EventTemplate | None
    query_after_command: bool
    qos: int | None


class UhubctlSettings(msgspec.Struct, frozen=True):
    """`port` None is the whole hub."""

    location: str
    port: int | None


class ProcessDriverSettings(msgspec.Struct, frozen=True):
    """A program that speaks JSON lines; `environment` may hold secrets."""

    command: tuple[str, ...]
    environment: Mapping[str, Secret]


DriverSettings = (
    GpioSettings
    | RfSettings
    | KlipperPinSettings
    | TplinkSmartplugSettings
    | TasmotaSettings
    | ShellySettings
    | HomeseerSettings
    | HomeassistantSettings
    | LoxoneSettings
    | SmartthingsSettings
    | HueSettings
    | DomoticzSettings
    | HttpTemplateSettings
    | MqttSwitchSettings
    | UhubctlSettings
    | ProcessDriverSettings
)
