"""What the machine's parts need of each other: types only.

The service control (`nurseries/services`) implements `ServiceFacts`; the description of the host
shows it.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class UnitStatus(msgspec.Struct, frozen=True):
    """A service's state in systemd's words: `active`/`running`, `inactive`/`dead`, ..."""

    active_state: str
    sub_state: str


class InstanceIds(msgspec.Struct, frozen=True):
    """The unit names really in use, which differ on a host of several printers."""

    moonraker: str
    klipper: str


class ServiceFacts(Protocol):
    """What `machine.system_info` tells of services; reading it never waits.

    Names carry no `.service`. Everything is empty, and `provider` as configured, before the first
    look at the host.
    """

    @property
    def provider(self) -> str:
        """What is in use now: systemd_dbus, systemd_cli, supervisord_cli or none."""

    @property
    def available_services(self) -> Sequence[str]:
        """Installed services that clients may control, sorted."""

    @property
    def service_state(self) -> Mapping[str, UnitStatus]:
        """The last known state of each available service."""

    @property
    def instance_ids(self) -> InstanceIds:
        """Our own unit and Klipper's; `moonraker` and `klipper` where that is not known."""
