"""Whether systemd stops this process only to start it again.

Asked once, at SIGTERM, on a bus connection of its own: the parts that hold one are about to end.
"""

from collections.abc import Mapping

import trio

from mrk.machine import systemd
from mrk.machine.bus import BusAbsent, BusLost, BusRefused
from nurseries.services.bus import Bus, open_bus
from nurseries.services.systemd_dbus import DEFAULT_ADDRESS
from nurseries.services.systemd_session import MANAGER

# Of the 3 s that a shutdown may take; systemd answers within a few ms.
ASK_S = 0.3


async def is_restart(environ: Mapping[str, str]) -> bool:
    """Whether systemd's job for this service is a restart.

    False for what no service manager started. True also where systemd cannot be asked: clients
    that then try to come back in vain give up by themselves after some seconds.
    """
    invocation = _invocation(environ)
    if invocation is None:
        return False
    address = environ.get("DBUS_SYSTEM_BUS_ADDRESS") or DEFAULT_ADDRESS
    kind = "restart"
    try:
        with trio.move_on_after(ASK_S):
            async with open_bus(address, lambda _signal: None) as bus:
                kind = await _job_kind(bus, invocation)
    except* (BusAbsent, BusLost, BusRefused):
        pass
    return "restart" in kind


def _invocation(environ: Mapping[str, str]) -> bytes | None:
    """systemd's number of this start of the service (systemd.exec(5))."""
    try:
        return bytes.fromhex(environ.get("INVOCATION_ID", "")) or None
    except ValueError:
        return None


async def _job_kind(bus: Bus, invocation: bytes) -> str:
    """The type of the job for our unit; empty without one."""
    (own,) = await bus.call(MANAGER, "GetUnitByInvocationID", "ay", (invocation,))
    (jobs,) = await bus.call(MANAGER, "ListJobs")
    return systemd.job_type(own, jobs)
