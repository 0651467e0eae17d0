"""Announces this host over mDNS and, where it is enabled, SSDP; anew when its addresses change.

`serve` ends when cancelled, and what was announced is taken back then.
"""

import time
from collections.abc import Callable, Sequence

import trio

from config.settings.zeroconf import ZeroconfSettings
from mrk.errors import leaves
from mrk.version import VERSION
from mrk.web.own_address import OwnAddress
from mrk.zeroconf.services import (
    FRONTEND_PORT,
    OwnNames,
    announced_addresses,
    is_served,
    own_services,
)
from mrk.zeroconf.ssdp import SsdpDevice, description
from nurseries.zeroconf.mdns import MdnsAnnouncement, MdnsFailed
from nurseries.zeroconf.network import (
    AddressChanges,
    address_towards,
    open_address_changes,
    read_addresses,
    read_tcp_tables,
)
from nurseries.zeroconf.ssdp import SsdpResponder

# A web server may start after us; two small files of /proc are read.
LOOK_S = 60.0


class Announcer:
    """`unit` is the name of our service, known once the generation runs."""

    def __init__(
        self,
        settings: ZeroconfSettings,
        own: OwnAddress,
        uuid: str,
        host_name: str,
        unit: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._own = own
        self._uuid = uuid
        self._host = settings.mdns_hostname or host_name.partition(".")[0] or address_towards()
        self._unit = unit
        self._device: SsdpDevice | None = None
        self._mdns: MdnsAnnouncement | None = None

    @property
    def names(self) -> list[str]:
        """The instances under which we stand now, after conflicts."""
        return [] if self._mdns is None else self._mdns.names

    def document(self) -> bytes | None:
        """For SSDP's description."""
        if self._device is None:
            return None
        return description(self._device, self._url(address_towards(), ""))

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Announce until cancelled. Raises `MdnsFailed`."""
        task_status.started()
        try:
            with open_address_changes() as changes:
                while True:
                    await self._announce_until_changed(changes)
        except* MdnsFailed as group:
            raise MdnsFailed(str(leaves(group)[0])) from group
        finally:
            self._device = self._mdns = None

    async def _announce_until_changed(self, changes: AddressChanges) -> None:
        names = OwnNames(self._unit(), self._host, self._uuid, f"v{VERSION}")
        found = await trio.to_thread.run_sync(read_addresses, abandon_on_cancel=True)
        addresses = announced_addresses(found, self._own.host)
        frontend = await self._frontend()
        services = own_services(names, self._own, frontend)
        async with trio.open_nursery() as nursery:
            self._mdns = MdnsAnnouncement(services, names.server, addresses)
            nursery.start_soon(self._mdns.serve, name="mdns")
            if self._settings.enable_ssdp:
                nursery.start_soon(self._serve_ssdp, names, addresses, name="ssdp")
            await self._change(changes, frontend)
            nursery.cancel_scope.cancel()

    async def _serve_ssdp(self, names: OwnNames, addresses: Sequence[str]) -> None:
        device = SsdpDevice(self._uuid, names.title, names.host, VERSION, int(time.time()))
        self._device = device
        path = "/server/zeroconf/ssdp"
        responder = SsdpResponder(device, lambda one: self._url(one, path), addresses)
        await responder.serve()

    def _url(self, address: str, path: str) -> str:
        host = f"[{address}]" if ":" in address else address
        return f"http://{host}:{self._own.port}{self._own.route_prefix}{path}"

    async def _change(self, changes: AddressChanges, frontend: int | None) -> None:
        """Return when something has to be announced in another way."""
        while True:
            with trio.move_on_after(LOOK_S) as pause:
                await changes.wait()
            if not pause.cancelled_caught or await self._frontend() != frontend:
                return

    async def _frontend(self) -> int | None:
        """The port at which pages are served for everybody."""
        written = self._settings.frontend_port
        if written is not None:
            await trio.lowlevel.checkpoint()
            return written or None
        tables = await trio.to_thread.run_sync(read_tcp_tables, abandon_on_cancel=True)
        return FRONTEND_PORT if is_served(FRONTEND_PORT, *tables) else None
