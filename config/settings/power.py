"""`[power <name>]`: switchable devices, what locks them, and what follows when they are switched.

Read by `read_power`. A section with a mistake is left out with a warning: a device is not worth
the others.
"""

from functools import partial

import msgspec

from config.notices import Notice
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Required, Section
from config.settings.power_drivers import DriverSettings
from config.values import Bounds

_SHUTDOWN_DELAY_S = Bounds(low=0, high=86400)
_RESTART_DELAY_S = Bounds(above=0, high=3600)
_POLL_S = Bounds(low=1, high=86400)
_TIMER_S = Bounds(above=0, high=604800)
# How long a client waits at most for a device that hangs.
_TIMEOUT_S = Bounds(low=0.5, high=60)
MOST_DEVICES = 100


class PowerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One device. `initial_state` None leaves it alone, `poll_interval_s` None does not poll.

    `timer_s` switches off so long after on. `timeout_s` is what a request takes at most.
    """

    name: str
    type: str
    driver: DriverSettings
    initial_state: bool | None = None
    off_when_shutdown: bool = False
    off_when_shutdown_delay_s: float = 0.0
    on_when_job_queued: bool = False
    locked_while_printing: bool = False
    locked_while_paused: bool = True
    restart_klipper_when_powered: bool = False
    restart_delay_s: float = 1.0
    bound_services: tuple[str, ...] = ()
    restrict_action_processing: bool = True
    poll_interval_s: float | None = None
    timer_s: float | None = None
    timeout_s: float = 5.0


def read_power(reader: ConfigReader, paths: Paths) -> tuple[PowerSettings, ...]:
    """Read every `[power <name>]`; mistakes become warnings."""
    found: dict[str, PowerSettings] = {}
    for device in reader.entries("power", partial(_device, reader)):
        if len(found) < MOST_DEVICES:
            found[device.name] = device
        else:
            reader.warn(f"[power {device.name}] is not used: there are more than {MOST_DEVICES}")
    if not reader.has("mqtt"):
        for device in [one for one in found.values() if one.type == "mqtt"]:
            del found[device.name]
            title = f"power {device.name}"
            text = f"[{title}]: the section [mqtt] is missing; the device is not used"
            reader.notices.append(Notice(text, *reader.place(title)))
    return tuple(found.values())


def _device(reader: ConfigReader, title: str) -> PowerSettings:
    # With the first device: its readers take 0.1 MB.
    from config.settings.power_readers import NOT_POLLED, READERS, TIMED

    section = reader.section(title)
    kind = section.choice("type", tuple(READERS), Required("gpio"))
    off_when_shutdown, off_delay_s = _off_when_shutdown(section)
    restarts, restart_delay_s = _restart(section)
    if kind == "klipper_device":
        for option, wanted in (
            ("off_when_shutdown", off_when_shutdown),
            ("restart_klipper_when_powered", restarts),
        ):
            if wanted:
                section.problem(option, "does not go with type klipper_device")
    return PowerSettings(
        name=title.split(maxsplit=1)[1],
        type=kind,
        driver=READERS[kind](section),
        initial_state=section.boolean("initial_state", None),
        off_when_shutdown=off_when_shutdown,
        off_when_shutdown_delay_s=off_delay_s,
        on_when_job_queued=_on_when_job_queued(section),
        locked_while_printing=section.boolean("locked_while_printing", False),
        locked_while_paused=section.boolean("locked_while_paused", True),
        restart_klipper_when_powered=restarts,
        restart_delay_s=restart_delay_s,
        bound_services=_bound_services(section),
        restrict_action_processing=section.boolean("restrict_action_processing", True),
        poll_interval_s=(
            None if kind in NOT_POLLED else section.number("poll_interval", None, _POLL_S)
        ),
        timer_s=section.number("timer", None, _TIMER_S) if kind in TIMED else None,
        timeout_s=section.number("timeout", 5.0, _TIMEOUT_S),
    )


def _off_when_shutdown(section: Section) -> tuple[bool, float]:
    off = section.boolean("off_when_shutdown", False)
    # Without the switch the delay says nothing, and is called unknown.
    return off, section.number("off_when_shutdown_delay", 0.0, _SHUTDOWN_DELAY_S) if off else 0.0


def _restart(section: Section) -> tuple[bool, float]:
    restarts = section.boolean("restart_klipper_when_powered", False)
    return restarts, section.number("restart_delay", 1.0, _RESTART_DELAY_S) if restarts else 1.0


def _on_when_job_queued(section: Section) -> bool:
    wanted = section.boolean("on_when_job_queued", False)
    if section.deprecated("on_when_upload_queued", "Write on_when_job_queued."):
        return section.boolean("on_when_upload_queued", False)
    return wanted


def _bound_services(section: Section) -> tuple[str, ...]:
    names = [*section.items("bound_services", [])]
    if section.written("bound_service"):
        names.append(section.text("bound_service", ""))
    return tuple(dict.fromkeys(name.removesuffix(".service") for name in names if name))
