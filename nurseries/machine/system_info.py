"""What the host is, which networks it is in, which services it runs.

Owns what was read of the hardware, once, when first asked. Networks are read at each request, in
a thread. No task.
"""

from collections.abc import Callable
from typing import Any

from mrk.machine.interfaces import CanInterface, Interface, canbus, network
from mrk.machine.machine_protocols import InstanceIds, ServiceFacts
from mrk.machine.netlink import Address, Link
from nurseries.machine.hardware import (
    Hardware,
    Uname,
    read_hardware,
    read_virtualization,
    this_uname,
)
from nurseries.machine.host_tree import HostTree
from nurseries.machine.netlink_socket import read_addresses, read_links
from nurseries.machine.shared_reading import SharedReading

# Everything is in memory or asked of the kernel; a card that went bad is the slowest of it.
DEADLINE_S = 5.0


class SystemInfo(Hardware, frozen=True, kw_only=True):
    """Members by Moonraker's names; the services' come from `ServiceFacts`."""

    provider: str
    network: dict[str, Interface]
    canbus: dict[str, CanInterface]
    available_services: list[str]
    service_state: dict[str, Any]
    instance_ids: InstanceIds


class SystemInfoReader:
    """Describes the host. `read_links` and `read_addresses` block, and never raise."""

    def __init__(
        self,
        services: ServiceFacts,
        *,
        tree: HostTree | None = None,
        read_links: Callable[[], list[Link]] = read_links,
        read_addresses: Callable[[], list[Address]] = read_addresses,
        uname: Callable[[], Uname] = this_uname,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._services = services
        self._tree = tree or HostTree()
        self._read_links = read_links
        self._read_addresses = read_addresses
        self._uname = uname
        self._hardware: Hardware | None = None
        self._reading = SharedReading[tuple[list[Link], list[Address]]](
            "The host's description", deadline_s
        )

    async def read(self) -> SystemInfo:
        """The host as it is now; raises `ClientError` 503 when reading does not end."""
        links, addresses = await self._reading.get(self._read_host)
        assert self._hardware is not None
        services = self._services
        return SystemInfo(
            **{name: getattr(self._hardware, name) for name in Hardware.__struct_fields__},
            provider=services.provider,
            network=network(links, addresses),
            canbus=canbus(links),
            available_services=list(services.available_services),
            service_state=dict(services.service_state),
            instance_ids=services.instance_ids,
        )

    def in_container(self) -> bool:
        """Whether this host is a container (for siblings); reads small files when first asked."""
        if self._hardware is not None:
            found = self._hardware.virtualization
        else:
            found = read_virtualization(self._tree, self._uname)
        return found.virt_type == "container"

    def _read_host(self) -> tuple[list[Link], list[Address]]:
        # One thread at a time: nobody else sets it.
        if self._hardware is None:
            self._hardware = read_hardware(self._tree, self._uname)
        return self._read_links(), self._read_addresses()
