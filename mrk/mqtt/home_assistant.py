"""Home Assistant's discovery documents for one printer: one device, its entities. Pure.

Source: home-assistant.io, integrations/mqtt, "MQTT Discovery". Each entity has a retained document
at `<prefix>/<component>/<device>/<key>/config`; all name the same device, and say by two topics
whether they are available: mrk's own (its last will), and the printer's.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mrk.estimate.estimate_protocols import TimeLeft
from mrk.mqtt.topics import Topics
from mrk.status.numbers import finite

ONLINE, OFFLINE = b"online", b"offline"
# Temperatures of one printer; each is an entity.
MOST_SENSORS = 64
MOST_CAMERAS = 4
# How keys of temperatures begin.
TEMPERATURE = "temperature_"
_encode = msgspec.json.Encoder().encode
Document = dict[str, Any]


class Device(msgspec.Struct, frozen=True):
    """`id` names the installation in entity ids, `name` the printer for people."""

    id: str
    name: str
    version: str

    @property
    def document(self) -> Document:
        """The device, as each of its entities repeats it."""
        return {
            "identifiers": [self.id],
            "name": self.name,
            "manufacturer": "Klipper",
            "model": "3D printer",
            "sw_version": self.version,
        }


class Camera(msgspec.Struct, frozen=True):
    """A webcam with pictures; `key` is its lasting name in topics."""

    key: str
    name: str
    url: str


class Presence(msgspec.Struct, frozen=True):
    """What is announced: `sensors` are names of printer objects with a temperature.

    `buttons` says that requests over MQTT may run them.
    """

    sensors: Sequence[str] = ()
    with_target: frozenset[str] = frozenset()
    cameras: Sequence[Camera] = ()
    buttons: bool = False


# Key, name, template, and what Home Assistant makes of it.
_SENSORS: tuple[tuple[str, str, str, Document], ...] = (
    ("state", "State", "state", {"icon": "mdi:printer-3d"}),
    ("file", "File", "filename", {"icon": "mdi:file"}),
    (
        "progress",
        "Progress",
        "progress",
        {"unit_of_measurement": "%", "state_class": "measurement", "icon": "mdi:percent"},
    ),
    (
        "print_duration",
        "Print duration",
        "print_duration",
        {"unit_of_measurement": "s", "device_class": "duration"},
    ),
    (
        "total_duration",
        "Total duration",
        "total_duration",
        {"unit_of_measurement": "s", "device_class": "duration"},
    ),
    (
        "time_left",
        "Time left",
        "time_left",
        {"unit_of_measurement": "s", "device_class": "duration"},
    ),
    (
        "filament_used",
        "Filament used",
        "filament_used",
        {"unit_of_measurement": "mm", "device_class": "distance"},
    ),
)
_BUTTONS = (
    ("pause", "Pause", "printer.print.pause", "mdi:pause"),
    ("resume", "Resume", "printer.print.resume", "mdi:play"),
    ("cancel", "Cancel", "printer.print.cancel", "mdi:stop"),
    ("emergency_stop", "Emergency stop", "printer.emergency_stop", "mdi:alert-octagon"),
)


class Announcement:
    """Topics and documents of everything that one printer is to Home Assistant."""

    def __init__(self, prefix: str, topics: Topics, device: Device, qos: int) -> None:
        self._prefix = prefix
        self._topics = topics
        self._device = device
        self._qos = qos

    def messages(self, presence: Presence) -> dict[str, bytes]:
        """Topic -> document, all to be retained."""
        found = [*self._sensors(), *self._binary_sensors(), *self._temperatures(presence)]
        found += self._cameras(presence.cameras)
        if presence.buttons:
            found += self._buttons()
        return {
            f"{self._prefix}/{component}/{self._device.id}/{key}/config": _encode(document)
            for component, key, document in found
        }

    def _entity(self, key: str, name: str, *, needs_printer: bool = True) -> Document:
        availability = [
            {
                "topic": self._topics.server,
                "value_template": _template("{{ json.get('server', 'offline') }}"),
                "payload_available": "online",
                "payload_not_available": "offline",
            }
        ]
        if needs_printer:
            availability.append({"topic": self._topics.printer})
        return {
            "name": name,
            "unique_id": f"{self._device.id}_{key}",
            "device": self._device.document,
            "origin": {"name": "mrk", "sw_version": self._device.version},
            "availability": availability,
            "availability_mode": "all",
            "qos": self._qos,
        }

    def _shown(self, key: str, name: str, template: str) -> Document:
        return {
            **self._entity(key, name),
            "state_topic": self._topics.home_state,
            "value_template": _template(template),
        }

    def _sensors(self) -> Iterable[tuple[str, str, Document]]:
        for key, name, field, more in _SENSORS:
            yield "sensor", key, self._shown(key, name, f"{{{{ json.get('{field}') }}}}") | more

    def _binary_sensors(self) -> Iterable[tuple[str, str, Document]]:
        printing = (
            "{% set on = json.get('printing') %}{{ None if on is none else 'ON' if on else 'OFF' }}"
        )
        yield (
            "binary_sensor",
            "printing",
            self._shown("printing", "Printing", printing) | {"device_class": "running"},
        )
        connected = {
            **self._entity("klippy", "Klipper", needs_printer=False),
            "state_topic": self._topics.printer,
            "payload_on": ONLINE.decode(),
            "payload_off": OFFLINE.decode(),
            "device_class": "connectivity",
            "entity_category": "diagnostic",
        }
        yield "binary_sensor", "klippy", connected

    def _temperatures(self, presence: Presence) -> Iterable[tuple[str, str, Document]]:
        more = {
            "unit_of_measurement": "°C",
            "device_class": "temperature",
            "state_class": "measurement",
        }
        for sensor, key in zip(presence.sensors, _keys(presence.sensors), strict=True):
            title = _title(sensor)
            field = f"{{{{ json.get('temperatures', {{}}).get({_quoted(sensor)}, {{}}).get"
            yield "sensor", key, self._shown(key, title, f"{field}('temperature') }}}}") | more
            if sensor in presence.with_target:
                key = f"{key}_target"
                yield (
                    "sensor",
                    key,
                    self._shown(key, f"{title} target", f"{field}('target') }}}}") | more,
                )

    def _buttons(self) -> Iterable[tuple[str, str, Document]]:
        for key, name, method, icon in _BUTTONS:
            request = {"jsonrpc": "2.0", "method": method}  # without an id: nobody reads answers
            yield (
                "button",
                key,
                {
                    **self._entity(key, name),
                    "command_topic": self._topics.request,
                    "payload_press": _encode(request).decode(),
                    "icon": icon,
                },
            )

    def _cameras(self, cameras: Sequence[Camera]) -> Iterable[tuple[str, str, Document]]:
        for camera in cameras[:MOST_CAMERAS]:
            key = f"camera_{_key(camera.key)}"
            document = self._entity(key, camera.name) | {"topic": self._topics.camera(camera.key)}
            del document["qos"]  # not among a camera's options
            yield "camera", key, document


def _keys(sensors: Sequence[str]) -> list[str]:
    """What names the entities of temperatures; those that would look alike get numbers."""
    seen: dict[str, int] = {}
    keys = []
    for sensor in sensors:
        key = f"{TEMPERATURE}{_key(sensor)}"
        seen[key] = seen.get(key, 0) + 1
        keys.append(key if seen[key] == 1 else f"{key}_{seen[key]}")
    return keys


def _key(name: str) -> str:
    """A name as ids may hold it."""
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in name.lower())


def _title(sensor: str) -> str:
    """`temperature_sensor mcu_temp` -> `Mcu temp`; `heater_bed` -> `Heater bed`."""
    name = sensor.split(" ", 1)[-1].replace("_", " ")
    return name[:1].upper() + name[1:]


def _template(text: str) -> str:
    """A template over `json`, the payload as a mapping: empty for what is none.

    Home Assistant takes `None` as unknown; an attribute of what is absent would be an error.
    """
    return "{% set json = value_json if value_json is mapping else {} %}" + text


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def temperature_objects(heaters: Mapping[str, Any]) -> list[str]:
    """Printer objects with a temperature, as `heaters` lists them; heaters first."""
    listed: dict[str, None] = {}
    for field in ("available_heaters", "available_sensors"):
        names = heaters.get(field)
        if isinstance(names, list):
            listed |= {name: None for name in names if isinstance(name, str)}
    return list(listed)[:MOST_SENSORS]


def _unknown(_filename: str, _position: int) -> float | None:
    return None


def home_state(
    status: Mapping[str, Mapping[str, Any]], sensors: Iterable[str], time_left: TimeLeft = _unknown
) -> Document:
    """What the entities show, from the last known fields of printer objects.

    `time_left` gives it by Klipper's own time; where that is not known, the file's bytes do.

    A printer without `print_stats` is `ready`.

    Progress in percent, times in seconds, filament in millimetres; null where nothing is known.
    """
    stats = status.get("print_stats", {})
    state = status.get("webhooks", {}).get("state")
    if state == "ready":
        state = stats.get("state", state)
    progress = _number(status.get("virtual_sdcard", {}).get("progress"))
    duration_s = _number(stats.get("print_duration"))
    printing = state in ("printing", "paused")
    position = _number(status.get("virtual_sdcard", {}).get("file_position"))
    planned = time_left(str(stats.get("filename") or ""), int(position or 0)) if printing else None
    left = _whole(planned) if planned is not None else _time_left_s(duration_s, progress)
    return {
        "state": state,
        "printing": state == "printing",
        "filename": stats.get("filename") or "",
        "progress": None if progress is None else round(progress * 100, 1),
        "print_duration": _whole(duration_s),
        "total_duration": _whole(_number(stats.get("total_duration"))),
        "time_left": left if printing else None,
        "filament_used": _whole(_number(stats.get("filament_used"))),
        "temperatures": {name: _temperature(status.get(name, {})) for name in sensors},
    }


def _temperature(fields: Mapping[str, Any]) -> Document:
    shown = {"temperature": _number(fields.get("temperature"))}
    if fields.get("target") is not None:
        shown["target"] = _number(fields["target"])
    return {name: None if value is None else round(value, 1) for name, value in shown.items()}


def _number(value: Any) -> float | None:
    return None if finite(value) is None else value


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _time_left_s(duration_s: float | None, progress: float | None) -> int | None:
    """By the part of the file that was read so far; it says little at the very beginning."""
    if not duration_s or progress is None or not 0.01 <= progress <= 1:
        return None  # heating, which the duration leaves out
    return int(duration_s / progress - duration_s)
