"""What the cloud is told of the host, from answers of the API. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from mrk.simplyprint.told_reports import Report
from mrk.status.numbers import finite


def machine_report(answer: Any, host_name: str, version: str) -> Report:
    """From `machine.system_info`. Addresses and serial numbers are nobody's business."""
    info = _member(answer, "system_info")
    cpu = _member(info, "cpu_info")
    python = _member(info, "python").get("version_string")
    told = {
        "api": "mrk",
        "api_version": version,
        "ui": "mrk",
        "ui_version": version,
        "hostname": host_name,
        "machine": cpu.get("model") or cpu.get("cpu_desc"),
        "os": _member(info, "distribution").get("name"),
        "python_version": str(python).split(" ")[0] if python else None,
        "core_count": cpu.get("cpu_count"),
        "total_memory": cpu.get("total_memory"),
    }
    return {name: value for name, value in told.items() if value}


def cpu_report(answer: Any) -> Report | None:
    """From `machine.proc_stats`: percent, °C, percent."""
    usage = finite(_member(answer, "system_cpu_usage").get("cpu"))
    temperature = finite(answer.get("cpu_temp")) if isinstance(answer, dict) else None
    memory = _member(answer, "system_memory")
    used, total = finite(memory.get("used")), finite(memory.get("total"))
    told = {
        "usage": None if usage is None else round(usage),
        "temp": None if temperature is None else round(temperature),
        "memory": round(100 * used / total) if used is not None and total else None,
    }
    return {name: value for name, value in told.items() if value is not None} or None


def chosen_power_device(answer: Any, wanted: str | None) -> Mapping[str, Any] | None:
    """From `machine.device_power.devices`: the one of that name, else the only one whose name
    contains `printer`; None without it."""
    devices = [one for one in _list(answer, "devices") if isinstance(one.get("device"), str)]
    if wanted is not None:
        return next((one for one in devices if one["device"] == wanted), None)
    found = [one for one in devices if "printer" in one["device"].lower()]
    return found[0] if len(found) == 1 else None


def _member(value: Any, name: str) -> Mapping[str, Any]:
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _list(value: Any, name: str) -> Iterable[Mapping[str, Any]]:
    inner = value.get(name) if isinstance(value, dict) else None
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []
