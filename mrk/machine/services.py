"""What service control is to those who need a unit started or stopped, and what can go wrong.

Types only; `nurseries/services` does it. Names are units without `.service`, or the programs of a
supervisord.
"""

import enum
from collections.abc import Mapping
from typing import Protocol

from mrk.errors import MrkError
from mrk.machine.machine_protocols import InstanceIds, UnitStatus


class Verb(enum.StrEnum):
    """What can be done to a service."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


class PowerAction(enum.StrEnum):
    """What can be done to the host."""

    POWEROFF = "poweroff"
    HALT = "halt"
    REBOOT = "reboot"


class ServiceError(MrkError):
    """A unit could not be started or stopped; the text is for a person."""


class ServiceAway(ServiceError):
    """Who would do it cannot be reached now."""


class StillUnderWay(ServiceError):
    """It was accepted and has not ended yet."""


class ServiceControl(Protocol):
    """Starts and stops units of the host. Both return when it is done, or raise `ServiceError`."""

    async def start(self, unit: str) -> None: ...

    async def stop(self, unit: str) -> None: ...


class ManagedServices(ServiceControl, Protocol):
    """Restarts units, and knows their states."""

    async def restart(self, unit: str) -> None: ...

    def restart_own(self) -> None:
        """Have this server restarted soon: its answers get out first."""

    def is_allowed(self, unit: str) -> bool:
        """Whether clients may control the unit (moonraker.asvc)."""

    def is_own(self, unit: str) -> bool:
        """Whether the unit is this server itself, by any of its names."""

    @property
    def service_state(self) -> Mapping[str, UnitStatus]:
        """The last known state of each available service."""

    @property
    def instance_ids(self) -> InstanceIds:
        """The unit names really in use."""
