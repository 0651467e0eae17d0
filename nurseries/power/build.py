"""Builds the power devices: a supervised service for each, and one for what they share."""

from collections.abc import Sequence

from config.settings.power import PowerSettings
from mrk.errors import MrkError
from mrk.power.state_machine import PowerRules
from mrk.subsystem import Additions, Needs, Service
from mrk.supervision import Backoff
from nurseries.power.bound_services import BoundServices
from nurseries.power.device import DeviceFacts, PowerDevice
from nurseries.power.follow_ups import FollowUps
from nurseries.power.make_driver import make_driver
from nurseries.power.power import Power
from nurseries.power.print_lock import PrintLock

# A device that is away should be seen soon when it comes.
DEVICE_BACKOFF = Backoff(first_s=1.0, limit_s=5.0)


def build(settings: Sequence[PowerSettings], needs: Needs, additions: Additions) -> None:
    """For `[power ...]`. A device that cannot be built is left out, with a warning."""
    devices: list[PowerDevice] = []
    problems: list[str] = []
    lock = PrintLock(needs.klippy, needs.job_state)
    for one in settings:
        try:
            devices.append(_device(one, needs, additions, lock))
        except MrkError as exc:
            problems.append(f"[power {one.name}] is not used: {exc}")
    power = Power(devices, needs.klippy, needs.clients)
    for device in devices:
        device.told = power.told
    additions.add("power", power)
    additions.services += [
        Service(f"power {device.name}", device.serve, backoff=DEVICE_BACKOFF, part_of="power")
        for device in devices
    ]
    additions.warnings.append(lambda: problems)
    if power.switches_on_for_jobs:
        needs.queue.on_jobs_added(power.on_jobs_added)


def _device(one: PowerSettings, needs: Needs, additions: Additions, lock: PrintLock) -> PowerDevice:
    rules = PowerRules(
        locked_while_printing=one.locked_while_printing,
        locked_while_paused=one.locked_while_paused,
        restrict_action_processing=one.restrict_action_processing,
        restart_klipper_when_powered=one.restart_klipper_when_powered,
        initial_state=one.initial_state,
        timer_s=one.timer_s,
    )
    facts = DeviceFacts(
        name=one.name,
        type=one.type,
        rules=rules,
        poll_interval_s=one.poll_interval_s,
        timeout_s=one.timeout_s,
        off_when_shutdown=one.off_when_shutdown,
        off_when_shutdown_delay_s=one.off_when_shutdown_delay_s,
        on_when_job_queued=one.on_when_job_queued,
    )
    bound = BoundServices(
        one.name, one.bound_services, needs.services, of_klipper=one.type == "klipper_device"
    )
    follow_ups = FollowUps(one.name, needs.klippy, needs.gcode, bound, one.restart_delay_s)
    device = PowerDevice(facts, make_driver(one, needs, additions.mqtt), follow_ups, lock)
    if bound.names:
        additions.warnings.append(bound.warnings)
    return device
