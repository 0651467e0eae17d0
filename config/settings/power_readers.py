"""The reading of what each type of `[power <name>]` needs to know (`power_drivers.py`).

An `address` may hold a port, which the option `port` says as well, and of HTTP devices a path.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from urllib.parse import quote

from config.config_errors import quoted
from config.secret import Secret
from config.secret_options import is_password
from config.section import Required, Section
from config.settings.power_drivers import (
    NO_SECRET,
    DomoticzSettings,
    DriverSettings,
    GpioSettings,
    HomeassistantSettings,
    HomeseerSettings,
    HttpTemplateSettings,
    HueSettings,
    KlipperPinSettings,
    LoxoneSettings,
    MqttSwitchSettings,
    ProcessDriverSettings,
    RfSettings,
    ShellySettings,
    SmartthingsSettings,
    TasmotaSettings,
    TplinkSmartplugSettings,
    UhubctlSettings,
    WebDeviceSettings,
)
from config.values import PORT, QOS, Bounds, integer, topic, url_host
from mrk.definitions.pins import Pin, read_pin

_OUTPUT = Bounds(low=0, high=255)
# A day; the devices' own limits are lower.
_DEVICE_TIMER_S = Bounds(low=0, high=86400)
_DELAY_S = Bounds(low=0, high=60)
_ANSWER_S = Bounds(above=0, high=60)


def _pin(section: Section) -> Pin:
    return section.custom(
        "pin", Required("gpiochip0/gpio26"), lambda text: read_pin(text, bias_allowed=False)
    )


def _gpio(section: Section) -> GpioSettings:
    return GpioSettings(_pin(section))


def _code(text: str) -> str:
    """Bits, padded with zeros in front; blanks and the like between them are left out."""
    bits = "".join(character for character in text if character in "01")
    if not bits or len(bits) > 128:
        raise ValueError(f"{quoted(text)} is not a code (expected 24 to 128 digits 0 and 1)")
    return bits.rjust(24, "0")


def _rf(section: Section) -> RfSettings:
    example = Required("001110100000111100001011")
    return RfSettings(
        _pin(section),
        section.custom("on_code", example, _code),
        section.custom("off_code", example, _code),
    )


def _klipper(section: Section) -> KlipperPinSettings:
    def read(text: str) -> KlipperPinSettings:
        kind, _, name = text.partition(" ")
        name = name.split()[-1] if name.split() else ""
        # Both stand in g-code: what is no word there could be another command.
        if kind not in ("output_pin", "gcode_macro") or not re.fullmatch(r"[\w.\-]+", name):
            raise ValueError(
                f"{quoted(text)} cannot be switched (expected output_pin NAME or gcode_macro NAME)"
            )
        return KlipperPinSettings(text, kind, name)

    return section.custom("object_name", Required("output_pin chamber_light"), read)


def _host_and_port(text: str) -> tuple[str, int | None]:
    name, port = text, None
    is_bare_ipv6 = not text.startswith("[") and text.count(":") > 1
    if not is_bare_ipv6 and (found := re.fullmatch(r"(.+):([0-9]{1,10})", text)):
        name, port = found[1], integer(found[2], PORT)
    host = url_host(name)
    if host is None:
        raise ValueError(
            f"{quoted(text)} is not a host (expected a name or an address, as 192.168.1.20 or"
            " plug.local:8080; the scheme belongs in the option protocol)"
        )
    return host, port


def _address(text: str) -> tuple[str, int | None, str]:
    """Host, port and the path below which the device answers: empty, or with a slash in front."""
    place, _, path = text.rstrip("/").partition("/")
    host, port = _host_and_port(place)
    path = quote(path.strip("/"))
    return host, port, path and f"/{path}"


def _host(section: Section, port: int | None) -> tuple[str, int | None, str]:
    host, named, path = section.custom("address", Required("192.168.1.20"), _address)
    if named is not None and port is not None and named != port:
        section.problem("port", f"{port} contradicts the port {named} of the option address")
    return host, named or port, path


def _port(section: Section, default: int | None) -> int | None:
    """None when it is not written, or -1, Moonraker's word for that."""

    def read(text: str) -> int | None:
        return None if text == "-1" else integer(text, PORT)

    written = section.custom("port", None, read)
    return default if written is None else written


def _web(
    section: Section,
    *,
    port: int | None = None,
    protocol: str = "http",
    user: str = "",
    password: str = "",
) -> WebDeviceSettings:
    written = section.written("port")
    chosen = _port(section, port)
    host, chosen, path = _host(section, chosen if written else None)
    if chosen is None:
        chosen = port
    scheme = section.choice("protocol", ("http", "https"), protocol, ignore_case=True)
    return WebDeviceSettings(
        f"{scheme}://{host}" + (f":{chosen}" if chosen else "") + path,
        section.secret("user", Secret(user)),
        section.secret("password", Secret(password)),
        section.boolean("verify_certificate", True),
    )


def _device_timer(section: Section) -> int | None:
    """None, or 0, for an off without delay."""
    return section.custom("timer", None, lambda text: integer(text, _DEVICE_TIMER_S)) or None


def _tplink(section: Section) -> TplinkSmartplugSettings:
    index: list[int] = []

    def read(text: str) -> tuple[str, int | None]:
        host, slash, number = text.partition("/")
        if slash:
            index.append(integer(number, _OUTPUT))
        return _host_and_port(host)

    port = _port(section, None)
    host, named = section.custom("address", Required("192.168.1.20"), read)
    output_id = section.integer("output_id", None, _OUTPUT)
    if index:
        section.warn("address", "should not hold the socket of a strip: write output_id", mild=True)
        output_id = index[0] if output_id is None else output_id
    return TplinkSmartplugSettings(
        host.strip("[]"), port or named or 9999, output_id, _device_timer(section)
    )


def _tasmota(section: Section) -> TasmotaSettings:
    web = _web(section, user="admin")
    return TasmotaSettings(web, section.integer("output_id", 1, _OUTPUT), _device_timer(section))


def _shelly(section: Section) -> ShellySettings:
    web = _web(section, user="admin")
    return ShellySettings(web, section.integer("output_id", 0, _OUTPUT), _device_timer(section))


def _homeseer(section: Section) -> HomeseerSettings:
    return HomeseerSettings(_web(section, user="admin"), section.integer("device", Required("42")))


def _word(text: str) -> str:
    if not text or quote(text, safe=".-_:~") != text:
        raise ValueError(f"{quoted(text)} has characters that no such name has")
    return text


def _homeassistant(section: Section) -> HomeassistantSettings:
    return HomeassistantSettings(
        _web(section, port=8123),
        section.secret("token", Required("{secrets.homeassistant.token}")),
        section.custom("device", Required("switch.printer"), _word),
        section.custom("domain", "switch", _word),
        section.number("status_delay", 1.0, _DELAY_S),
    )


def _loxone(section: Section) -> LoxoneSettings:
    web = _web(section, user="admin", password="admin")
    return LoxoneSettings(web, section.text("output_id", Required("Printer")))


def _smartthings(section: Section) -> SmartthingsSettings:
    return SmartthingsSettings(
        _web(section, protocol="https", port=443),
        section.secret("token", Required("{secrets.smartthings.token}")),
        section.custom("device", Required("6f5ea629-4c05-4a90-a244-cc129b0a80c3"), _word),
    )


def _hue(section: Section) -> HueSettings:
    return HueSettings(
        _web(section, port=80),
        section.custom("device_id", Required("3"), _word),
        section.choice("device_type", ("light", "group"), "light") == "group",
    )


def _domoticz(section: Section) -> DomoticzSettings:
    return DomoticzSettings(_web(section, port=8080), section.integer("device", Required("99")))


def _url(section: Section, name: str) -> Secret:
    url = section.secret(name, Required("http://192.168.1.20/on"))
    if not url.reveal().lower().startswith(("http://", "https://")):
        section.problem(name, "is not a web address (expected one that begins with http://)")
    return url


def _http(section: Section) -> HttpTemplateSettings:
    return HttpTemplateSettings(
        _url(section, "on_url"),
        _url(section, "off_url"),
        _url(section, "status_url"),
        section.async_template("request_template", None),
        section.async_template("response_template", Required('{"on"}')),
        section.secret("user", NO_SECRET),
        section.secret("password", NO_SECRET),
        section.boolean("verify_certificate", True),
    )


def _mqtt(section: Section) -> MqttSwitchSettings:
    return MqttSwitchSettings(
        section.custom("command_topic", Required("cmnd/plug/POWER"), topic),
        section.event_template("command_payload", Required("{command}")),
        section.boolean("retain_command_state", False),
        section.custom("state_topic", Required("stat/plug/POWER"), topic),
        section.event_template("state_response_template", None),
        section.number("state_timeout", 2.0, _ANSWER_S),
        section.custom("query_topic", None, topic),
        section.event_template("query_payload", None),
        section.boolean("query_after_command", False),
        section.integer("qos", None, QOS),
    )


def _location(text: str) -> str:
    if not re.fullmatch(r"[0-9][0-9.\-]*", text):
        raise ValueError(f"{quoted(text)} is not a hub's location (expected such as 1-1)")
    return text


def _uhubctl(section: Section) -> UhubctlSettings:
    port = section.integer("port", None, Bounds(low=1, high=255))
    return UhubctlSettings(section.custom("location", Required("1-1"), _location), port)


def _words(text: str) -> tuple[str, ...]:
    words = shlex.split(text)
    if not words or not words[0]:
        raise ValueError("there is no program (expected a program and its arguments)")
    return tuple(words)


def _driver(section: Section) -> ProcessDriverSettings:
    command = section.custom("command", Required("/home/pi/plug.sh 192.168.1.20"), _words)
    environment: dict[str, Secret] = {}
    for line in section.secret("environment", NO_SECRET).reveal().splitlines():
        name, equals, value = line.strip().partition("=")
        if not line.strip():
            continue
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name.strip()):
            section.problem("environment", "has a line that is not NAME=value")
            continue
        keep = section.found_secret if is_password(name.strip().lower()) else Secret
        environment[name.strip()] = keep(value.strip())
    return ProcessDriverSettings(command, environment)


READERS: Mapping[str, Callable[[Section], DriverSettings]] = {
    "gpio": _gpio,
    "klipper_device": _klipper,
    "rf": _rf,
    "tplink_smartplug": _tplink,
    "tasmota": _tasmota,
    "shelly": _shelly,
    "homeseer": _homeseer,
    "homeassistant": _homeassistant,
    "loxonev1": _loxone,
    "smartthings": _smartthings,
    "hue": _hue,
    "domoticz": _domoticz,
    "http": _http,
    "mqtt": _mqtt,
    "uhubctl": _uhubctl,
    "driver": _driver,
}
# Which have no use for `poll_interval`: they are told, or know by themselves.
NOT_POLLED = frozenset({"gpio", "klipper_device", "rf", "mqtt", "driver"})
# Of these `timer` is mrk's own; others leave it to the device, or have none.
TIMED = frozenset({"gpio", "klipper_device", "rf"})
