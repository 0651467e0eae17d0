"""Which services clients may control, and which requests about services and power are refused.

Pure. The file of allowed services is Moonraker's `moonraker.asvc`: a name a line, without
`.service`.
"""

import re
from collections.abc import Collection

from mrk.errors import ClientError
from mrk.machine.services import PowerAction, Verb

# What printers' hosts usually run; written to `moonraker.asvc` when there is none.
USUAL_SERVICES = (
    "klipper_mcu",
    "webcamd",
    "MoonCord",
    "KlipperScreen",
    "moonraker-telegram-bot",
    "moonraker-obico",
    "sonar",
    "crowsnest",
    "octoeverywhere",
    "ratos-configurator",
)
ALWAYS_ALLOWED = ("klipper", "moonraker")
# Each is asked of the service manager by name at every look.
MOST_LISTED = 200
# systemd.unit(5), "unit names"; a leading dash would be an option, a pattern another unit.
_UNIT_NAME = r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,246}"


def is_unit_name(name: str) -> bool:
    """Whether `name` can be that of a service, with or without `.service`."""
    return re.fullmatch(_UNIT_NAME, name) is not None


def parse_allowed(data: bytes) -> tuple[str, ...]:
    """The names listed in `moonraker.asvc`; blank lines, comments (#) and junk are skipped."""
    names: dict[str, None] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        name = line.strip().removesuffix(".service")
        if is_unit_name(name):
            names[name] = None
    return tuple(names)[:MOST_LISTED]


def is_allowed(name: str, listed: Collection[str], own: str | None) -> bool:
    """Whether clients may control the service: listed, our own, or of Klipper or Moonraker."""
    return is_unit_name(name) and (name in listed or name == own or name.startswith(ALWAYS_ALLOWED))


def check_service(
    name: str, verb: Verb, listed: Collection[str], available: Collection[str], own: str | None
) -> None:
    """Raises `ClientError` 400 unless `verb` may be done to the service `name`."""
    shown = name[:60]
    if name == own and verb is not Verb.RESTART:
        raise ClientError(f"Service '{shown}' is this server itself and can only be restarted", 400)
    if name in available or name == own:
        return
    if is_allowed(name, listed, own):
        raise ClientError(f"Service '{shown}' is not installed, or its manager cannot be asked")
    raise ClientError(
        f"Service '{shown}' is not allowed; add its name to moonraker.asvc in the data folder"
    )


def check_power(action: PowerAction, *, printing: bool, force: bool, in_container: bool) -> None:
    """Raises `ClientError` 400 unless the host may be shut down or rebooted now."""
    what = "Reboot" if action is PowerAction.REBOOT else "Shutdown"
    if in_container:
        raise ClientError(f"{what} is not possible from inside a container; do it on its host")
    if printing and not force:
        raise ClientError(
            f"{what} refused: a print is under way. Cancel it first, or send 'force': true"
        )
