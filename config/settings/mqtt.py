"""`[mqtt]`: the broker, what is published there, and whether the API is offered over it.

Read by `read_mqtt`; None without the section. Secrets are rendered when the file is read.
"""

from pathlib import Path

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.secret import Secret
from config.section import Required, Section
from config.values import PORT, QOS, Bounds, is_host, split_items
from mrk.definitions.roles import ROLE_WORDS

PROTOCOLS = ("v3.1", "v3.1.1", "v5")
_KEEPALIVE_S = Bounds(low=1, high=3600)
# Usual, and with Home Assistant: a broker gives a silent client one and a half times that long.
KEEPALIVE_S = 30
KEEPALIVE_WATCHED_S = 3
# MQTT's texts carry their length in two bytes; topics are made of the instance name and more.
_NAME_BYTES = 1000
_API_OFF = (
    "is not written, so the API is not offered over MQTT, unlike in Moonraker. Write "
    '"enable_moonraker_api: True" to switch it on, or False to end this message.'
)


class MqttSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One broker. `client_id` "" and `instance_name` None are chosen at the start.

    `status_objects`: printer object -> names of its fields, None for all of them.
    `status_interval_s` 0 publishes changes as they come.
    """

    address: str
    port: int = 1883
    client_id: str = ""
    enable_tls: bool = False
    # System store when None.
    tls_ca_path: Path | None = None
    tls_cert_path: Path | None = None
    tls_key_path: Path | None = None
    username: Secret | None = None
    password: Secret | None = None
    mqtt_protocol: str = "v3.1.1"
    keepalive_s: int = KEEPALIVE_S
    enable_moonraker_api: bool = False
    mqtt_role: str = "operate"
    instance_name: str | None = None
    status_objects: dict[str, tuple[str, ...] | None] = {}
    status_interval_s: float = 0.0
    publish_split_status: bool = False
    default_qos: int = 0
    api_qos: int = 0
    enable_homeassistant_discovery: bool = False
    homeassistant_prefix: str = "homeassistant"


def read_mqtt(reader: ConfigReader, paths: Paths) -> MqttSettings | None:
    """Read `[mqtt]`; mistakes and warnings go to `reader`."""
    if not reader.has("mqtt"):
        return None
    section = reader.section("mqtt")
    default_qos = section.integer("default_qos", 0, QOS)
    watched = section.boolean("enable_homeassistant_discovery", False)
    username = _given(section.secret("username", None))
    if not section.written("enable_moonraker_api"):
        section.warn("enable_moonraker_api", _API_OFF, mild=True)
    return MqttSettings(
        address=section.custom("address", Required("192.168.1.5"), _host),
        port=section.integer("port", 1883, PORT),
        client_id=section.custom("client_id", "", _client_id),
        enable_tls=section.boolean("enable_tls", False),
        tls_ca_path=_file(section, "tls_ca_path"),
        **_client_certificate(section),
        username=username,
        password=_password(section, username is not None),
        mqtt_protocol=section.choice("mqtt_protocol", PROTOCOLS, "v3.1.1"),
        keepalive_s=section.integer(
            "keepalive", KEEPALIVE_WATCHED_S if watched else KEEPALIVE_S, _KEEPALIVE_S
        ),
        enable_moonraker_api=section.boolean("enable_moonraker_api", False),
        mqtt_role=section.choice("mqtt_role", ROLE_WORDS, "operate"),
        instance_name=section.custom("instance_name", None, _topic_part),
        status_objects=_status_objects(section),
        status_interval_s=section.number("status_interval", 0.0, Bounds(above=0.25)),
        publish_split_status=section.boolean("publish_split_status", False),
        default_qos=default_qos,
        api_qos=section.integer("api_qos", default_qos, QOS),
        enable_homeassistant_discovery=watched,
        homeassistant_prefix=section.custom("homeassistant_prefix", "homeassistant", _topic_part),
    )


def _client_certificate(section: Section) -> dict[str, Path | None]:
    certificate, key = _file(section, "tls_cert_path"), _file(section, "tls_key_path")
    if key is not None and certificate is None:
        section.problem("tls_key_path", "a key needs its certificate in tls_cert_path")
    return {"tls_cert_path": certificate, "tls_key_path": key}


def _file(section: Section, option: str) -> Path | None:
    path = section.path(option, None)
    try:
        if path is not None and not path.is_file():
            section.problem(option, f"there is no file {path}")
    except OSError as exc:
        section.problem(option, f"{path} cannot be read: {exc.strerror}")
    return path


def _given(secret: Secret | None) -> Secret | None:
    """None for an option that is left empty."""
    return secret if secret is not None and secret.reveal() else None


def _password(section: Section, has_user: bool) -> Secret | None:
    old = None
    if section.deprecated("password_file", "Use password, with a secret such as {secrets.mqtt}."):
        old = _password_of(section, section.path("password_file", None))
    password = _given(section.secret("password", None))
    if password is not None and not has_user:
        section.problem("password", "a password needs a username")
    return old if password is None else password


def _password_of(section: Section, path: Path | None) -> Secret | None:
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "is not UTF-8 text"
        section.problem("password_file", f"{path}: {reason}")
        return None
    return section.found_secret(text)


def _host(text: str) -> str:
    if not is_host(text):
        expected = "(expected an address or a name alone; the port belongs in the option port)"
        raise ValueError(f"{quoted(text)} is not a host {expected}")
    return text


def _client_id(text: str) -> str:
    if "\0" in text or len(text.encode()) > _NAME_BYTES:
        raise ValueError(f"{quoted(text)} is not a client identifier")
    return text


def _topic_part(text: str) -> str:
    if not text or any(char in "+#\0\n" for char in text) or len(text.encode()) > _NAME_BYTES:
        expected = f"expected 1 to {_NAME_BYTES} bytes without + and #"
        raise ValueError(f"{quoted(text)} cannot begin a topic ({expected})")
    return text


def _status_objects(section: Section) -> dict[str, tuple[str, ...] | None]:
    written = section.mapping("status_objects", {}, bare_keys=True)
    return {
        name: tuple(split_items(fields, ",")) if fields else None
        for name, fields in written.items()
        if name
    }
