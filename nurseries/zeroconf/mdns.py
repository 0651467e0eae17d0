"""mDNS with the library zeroconf, which has a thread and a loop of its own.

`serve` is one announcement: it ends when cancelled, and then takes back what it announced.
"""

import logging
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

import trio

from mrk.errors import Transient
from mrk.zeroconf.services import AnnouncedService

logger = logging.getLogger(__name__)
# Each service is probed for 0.7 s, and told of three times within a second.
ANNOUNCE_S = 30.0
# The whole shutdown has 2 s; the library needs 0.4 s for its three goodbyes.
GOODBYE_S = 1.0


class MdnsFailed(Transient):
    """The library cannot announce now: no network, or nothing but conflicts."""


class MdnsAnnouncement:
    """`server` is the host's name without `.local`; `names` are what came out of conflicts."""

    def __init__(
        self, services: Sequence[AnnouncedService], server: str, addresses: Sequence[str]
    ) -> None:
        self._services = services
        self._server = server
        self._addresses = addresses
        self.names: list[str] = []
        self._threads = trio.CapacityLimiter(8)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Announce; started when it is done. Raises `MdnsFailed`."""
        responder = await self._in_thread(_open)
        try:
            async with trio.open_nursery() as nursery:
                for service in self._services:
                    nursery.start_soon(self._announce, responder, service, name="mdns name")
            task_status.started()
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(GOODBYE_S, shield=True):
                await trio.to_thread.run_sync(
                    responder.close, abandon_on_cancel=True, limiter=self._threads
                )

    async def _announce(self, responder: Any, service: AnnouncedService) -> None:
        name = await self._in_thread(partial(self._register, responder, service))
        self.names.append(name)
        logger.info("announced as %s", name)

    async def _in_thread(self, call: Any) -> Any:
        try:
            with trio.fail_after(ANNOUNCE_S):
                return await trio.to_thread.run_sync(
                    call, abandon_on_cancel=True, limiter=self._threads
                )
        except trio.TooSlowError:
            raise MdnsFailed(f"mDNS: nothing came out within {ANNOUNCE_S:g} s") from None

    def _register(self, responder: Any, service: AnnouncedService) -> str:
        """The name under which it stands now. Blocks for 1.7 s."""
        import zeroconf

        kind = f"{service.type}.local."
        info = zeroconf.ServiceInfo(
            kind,
            f"{service.instance}.{kind}",
            port=service.port,
            properties=service.txt,
            server=f"{self._server}.local.",
            addresses=[ip_address(one).packed for one in self._addresses],
        )
        try:
            # Other printers, and other programs of this host, may have the same name.
            responder.register_service(info, allow_name_change=True)
        except (OSError, zeroconf.Error) as exc:
            raise MdnsFailed(f"mDNS: {type(exc).__name__}: {exc}") from exc
        return str(info.name)


def _open() -> Any:
    import zeroconf

    try:
        return zeroconf.Zeroconf()
    except (OSError, zeroconf.Error) as exc:
        raise MdnsFailed(f"mDNS: {exc}") from exc
