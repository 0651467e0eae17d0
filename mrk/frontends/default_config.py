"""The `config.json` that Mainsail and Fluidd ask for, made from options.

Pure. Each reads its own members and ignores the other's.
"""

from collections.abc import Sequence
from typing import Any

import msgspec


class Instance(msgspec.Struct, frozen=True):
    """Another printer that a front end may show; `path` is its route prefix."""

    host: str
    port: int = 7125
    path: str = ""


class FrontEndConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What options say; None and empty: the front end's own default."""

    locale: str = "en"
    mode: str = "dark"
    theme: str = "mainsail"
    instances: tuple[Instance, ...] = ()


def config_json(config: FrontEndConfig, route_prefix: str) -> bytes:
    """The file; front ends find this server where they come from, behind `route_prefix`."""
    answer: dict[str, Any] = {
        "defaultLocale": config.locale,
        "defaultMode": config.mode,
        "defaultTheme": config.theme,
        "hostname": None,
        "port": None,
        "path": route_prefix or None,
        # Where Mainsail keeps the list of printers: here, or in this server's database.
        "instancesDB": "json" if config.instances else "moonraker",
        "instances": _mainsail(config.instances),
        "blacklist": [],
        "endpoints": _fluidd(config.instances),
        "hosted": False,
        "themePresets": [],
    }
    return msgspec.json.format(msgspec.json.encode(answer), indent=2)


def _mainsail(instances: Sequence[Instance]) -> list[dict[str, Any]]:
    return [{"hostname": one.host, "port": one.port, "path": one.path} for one in instances]


def _fluidd(instances: Sequence[Instance]) -> list[str]:
    return [f"http://{one.host}:{one.port}{one.path}" for one in instances]
