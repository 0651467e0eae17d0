"""All that the cloud may know of the printer, as it is now: a message of each kind. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mrk.klippy.extruders import extruder_number
from mrk.simplyprint.layers import current_layer
from mrk.simplyprint.printer_state import ERROR, JobWish, printer_state
from mrk.simplyprint.told_reports import Report
from mrk.status.numbers import finite
from mrk.webcams.webcam import Webcam

MOST_OBJECTS = 500
_LEAST_ESTIMATE_S = 10.0
_NONE: Mapping[str, Any] = {}


class HostLook(msgspec.Struct, frozen=True):
    """What is asked for now and then. `cpu` and `machine` as the cloud gets them; None: unknown."""

    machine: Report | None = None
    cpu: Report | None = None
    power_on: bool | None = None
    webcam: Webcam | None = None
    webcam_connected: bool | None = None


class Look(msgspec.Struct, frozen=True):
    """Klipper's state, and fields by printer object, while it is ready. `job_id` is the cloud's.

    `metadata` is of the file that is printed, `ambient` in °C.
    """

    klippy_state: str
    error: str = ""
    version: str = ""
    objects: Mapping[str, Mapping[str, Any]] = {}
    extruders: Sequence[str] = ()
    filament_sensor: str | None = None
    ambient: float | None = None
    metadata: Mapping[str, Any] | None = None
    wish: JobWish | None = None
    job_id: str | None = None
    host: HostLook = HostLook()

    def fields(self, name: str) -> Mapping[str, Any]:
        """Of one object; empty when it is not there."""
        return self.objects.get(name) or _NONE

    @property
    def job_state(self) -> str:
        """That of `print_stats`."""
        return str(self.fields("print_stats").get("state", ""))

    @property
    def is_busy(self) -> bool:
        """Whether much changes: it prints, heats, or was asked for something."""
        if self.wish is not None or self.job_state in ("printing", "paused"):
            return True
        heaters = (*self.extruders, "heater_bed")
        return any((finite(self.fields(name).get("target")) or 0.0) > 0 for name in heaters)


def reports(look: Look) -> dict[str, Report]:
    """By kind; what is not known is left out."""
    state = printer_state(look.klippy_state, look.job_state, look.wish)
    ready = look.klippy_state == "ready"
    found: dict[str, Report | None] = {
        "connection": {"new": "connected" if ready else "disconnected"},
        "state_change": {"new": state},
        "printer_error": {"error": look.error} if state == ERROR and look.error else None,
        "machine_data": look.host.machine,
        "firmware": _firmware(look.version),
        "webcam": _webcam(look.host.webcam),
        "webcam_status": _single("connected", look.host.webcam_connected),
        "cpu": look.host.cpu,
        "power_controller": _single("on", look.host.power_on),
        "ambient": _single("new", None if look.ambient is None else round(look.ambient)),
    }
    if ready:
        found |= _of_printer(look)
    return {kind: report for kind, report in found.items() if report}


def _of_printer(look: Look) -> dict[str, Report | None]:
    return {
        "tool": _single("new", extruder_number(str(look.fields("toolhead").get("extruder")))),
        "filament_sensor": _filament(look),
        "mesh_data": _mesh(look.fields("bed_mesh")),
        "objects": _objects(look.fields("exclude_object")),
        "temps": _temps(look),
        "job_info": _job(look),
    }


def _single(name: str, value: Any) -> Report | None:
    return None if value is None else {name: value}


def _firmware(version: str) -> Report | None:
    return {"fw": {"firmware": "Klipper", "firmware_version": version}} if version else None


def _webcam(webcam: Webcam | None) -> Report | None:
    if webcam is None:
        return None
    quarter = webcam.rotation in (90, 270)
    return {"flipH": webcam.flip_horizontal, "flipV": webcam.flip_vertical, "rotate90": quarter}


def _filament(look: Look) -> Report | None:
    sensor = look.fields(look.filament_sensor or "")
    detected = sensor.get("filament_detected")
    if not isinstance(detected, bool) or sensor.get("enabled") is False:
        return None
    return {"state": "loaded" if detected else "runout"}


def _mesh(mesh: Mapping[str, Any]) -> Report | None:
    matrix = mesh.get("mesh_matrix")
    if not isinstance(matrix, list) or len(matrix) < 2 or not mesh.get("profile_name"):
        return None
    return {
        "profile": mesh["profile_name"],
        "mesh_min": mesh.get("mesh_min"),
        "mesh_max": mesh.get("mesh_max"),
        "mesh": matrix,
    }


def _objects(exclude: Mapping[str, Any]) -> Report | None:
    listed = _named(exclude.get("objects"))
    told = [
        {"id": at, "name": one["name"], "center": one.get("center")}
        for at, one in enumerate(listed)
    ]
    return {"objects": told} if told else None


def _named(objects: object) -> list[dict[str, Any]]:
    listed = objects if isinstance(objects, list) else []
    named = [one for one in listed if isinstance(one, dict) and isinstance(one.get("name"), str)]
    return named[:MOST_OBJECTS]


def _temps(look: Look) -> Report:
    heaters = {f"tool{at}": name for at, name in enumerate(look.extruders)}
    told = {}
    for short, name in {**heaters, "bed": "heater_bed"}.items():
        temperature = finite(look.fields(name).get("temperature"))
        if temperature is not None:
            target = finite(look.fields(name).get("target")) or 0.0
            told[short] = [round(temperature), round(target)]
    return told


def _job(look: Look) -> Report | None:
    if look.job_state not in ("printing", "paused"):
        return None
    progress = finite(look.fields("virtual_sdcard").get("progress")) or 0.0
    place = look.fields("gcode_move").get("gcode_position")
    z_mm = finite(place[2]) if isinstance(place, list) and len(place) > 2 else None
    stats = look.fields("print_stats")
    info = stats.get("info")
    job: dict[str, Any] = {
        "progress": round(progress * 100),
        "layer": current_layer(info if isinstance(info, dict) else {}, z_mm, look.metadata),
        "time": _time_left(look, progress),
        "filament": round(finite(stats.get("filament_used")) or 0.0),
        "job_id": look.job_id,
        **_excluded(look.fields("exclude_object")),
    }
    return {name: value for name, value in job.items() if value is not None}


def _time_left(look: Look, progress: float) -> int | None:
    estimate = finite((look.metadata or {}).get("estimated_time"))
    if estimate is not None and estimate > _LEAST_ESTIMATE_S:
        return round(estimate * (1 - min(max(progress, 0.0), 1.0)))
    duration = finite(look.fields("print_stats").get("print_duration"))
    if duration is None or progress <= 0:
        return None
    return round(duration / progress - duration)


def _excluded(exclude: Mapping[str, Any]) -> dict[str, Any]:
    names = [one["name"] for one in _named(exclude.get("objects"))]
    skipped = exclude.get("excluded_objects")
    current = exclude.get("current_object")
    told: dict[str, Any] = {}
    if current in names:
        told["object"] = names.index(current)
    if isinstance(skipped, list) and skipped:
        told["skipped_objects"] = [names.index(name) for name in skipped if name in names]
    return told
