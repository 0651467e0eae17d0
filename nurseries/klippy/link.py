"""The link to Klipper, as everybody else sees it.

Outlives connections: the supervisor calls `serve` again each time one ends, and every call
builds a new `LinkedKlippy`. Clients hear of states and console lines from here, in order.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import trio
from trio.abc import Stream

from mrk.api.outcome import AskedOther
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.fanout import EventReader, Fanout
from mrk.klippy.events import (
    Disconnected,
    GcodeResponse,
    KlippyEvent,
    Ready,
    Shutdown,
)
from mrk.klippy.peer import SocketPeer
from mrk.klippy.remote_methods import RemoteMethod, RemoteMethods
from mrk.klippy.round_trips import RoundTrips
from mrk.klippy.state import DISCONNECTED
from mrk.status.subscriptions import StatusReader, Wanted, wanted
from mrk.supervision import Backoff
from nurseries.klippy.klippy_request import KlippyRequest
from nurseries.klippy.linked import LinkedKlippy
from nurseries.klippy.socket import read_peer
from nurseries.klippy.startup import Startup

logger = logging.getLogger(__name__)
OpenStream = Callable[[], Awaitable[Stream]]
# While Klipper is away: connecting costs little, and front ends wait for it.
RECONNECT = Backoff(first_s=0.25, limit_s=0.25)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class KlippyLink:
    """Implements `KlippyPort` and `KlippyRequests` of `mrk/klippy/klippy_protocols.py`.

    `open_stream` connects, and raises `Transient` when Klipper is away.
    """

    def __init__(self, open_stream: OpenStream, clients: Clients) -> None:
        self._open_stream = open_stream
        self._clients = clients
        self._linked: LinkedKlippy | None = None
        self._events: Fanout[KlippyEvent] = Fanout()
        self._methods = RemoteMethods()
        self.round_trips = RoundTrips()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Link to one Klipper until it is lost; raises `Transient`, alone or in a group.

        Ready at once: while Klipper is away, requests are answered with 503.
        """
        task_status.started()
        async with await self._open_stream() as stream:
            linked = LinkedKlippy(
                stream,
                self._methods,
                self._publish,
                self._events.publish,
                self._clients.send_batch,
                self.round_trips,
            )
            self._linked = linked
            logger.info("connected to Klipper")
            try:
                await self._run(linked, stream)
            finally:
                self._linked = None
                linked.connection.lose()
                self._publish(Disconnected())
                logger.info("disconnected from Klipper")

    async def _run(self, linked: LinkedKlippy, stream: Stream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(linked.connection.run, name="klippy connection")
            linked.peer = await read_peer(stream)
            nursery.start_soon(Startup(linked).run, name="klippy set-up")

    def _publish(self, event: KlippyEvent) -> None:
        match event:
            case Ready():
                logger.info("Klipper is ready")
                self._clients.broadcast_klippy_state("notify_klippy_ready")
            case Shutdown():
                logger.info("Klipper is in shutdown: %s", event.message)
                self._clients.broadcast_klippy_state("notify_klippy_shutdown")
            case Disconnected():
                self._clients.broadcast_klippy_state("notify_klippy_disconnected")
            case GcodeResponse():
                self._clients.broadcast("notify_gcode_response", [event.text])
        self._events.publish(event)

    # What is known

    @property
    def klippy_connected(self) -> bool:
        """Whether Klipper's socket is open."""
        return self._linked is not None and not self._linked.connection.lost

    @property
    def klippy_state(self) -> str:
        """disconnected, startup, ready, error, shutdown, or what a fork says."""
        linked = self._linked
        return linked.session.state if linked and self.klippy_connected else DISCONNECTED

    @property
    def klippy_message(self) -> str:
        """Klipper's `state_message`; empty while not connected."""
        return "" if self._linked is None else self._linked.session.message

    @property
    def missing_klippy_requirements(self) -> list[str]:
        """Printer objects that front ends need and that are not loaded; known when ready."""
        return [] if self._linked is None else self._linked.missing_requirements

    @property
    def info(self) -> Mapping[str, Any]:
        """Klipper's answer to `info`; empty while not connected."""
        return _NOTHING if self._linked is None else self._linked.info

    @property
    def peer(self) -> SocketPeer | None:
        """Klipper's process, where the kernel tells."""
        return None if self._linked is None else self._linked.peer

    @property
    def endpoint_names(self) -> tuple[str, ...]:
        """What `list_endpoints` said last on this connection."""
        return () if self._linked is None else self._linked.endpoint_names

    @property
    def object_names(self) -> frozenset[str]:
        """All printer objects; empty until Klipper has told them."""
        return frozenset() if self._linked is None else self._linked.object_names

    @property
    def virtual_sd_path(self) -> str | None:
        """The folder Klipper prints from; known when ready."""
        return None if self._linked is None else self._linked.virtual_sd_path

    def status(self, name: str) -> Mapping[str, Any]:
        """The last known fields of a subscribed printer object; empty while not connected."""
        return _NOTHING if self._linked is None else self._linked.board.fields(name)

    # What can be asked

    def _now(self) -> LinkedKlippy:
        if self._linked is None:
            raise ClientError("Klippy Host not connected", 503)
        return self._linked

    async def request(
        self, method: str, params: Mapping[str, Any] | None = None, *, urgent: bool = False
    ) -> msgspec.Raw | str:
        """One of Klippy's endpoints: the raw result, or `ok`; raises `ClientError`."""
        return await self._now().request(method, params, urgent=urgent)

    def asking(self, method: str, params: Mapping[str, Any], *, urgent: bool = False) -> AskedOther:
        """The same without waiting, for a handler to return."""
        return KlippyRequest(self._now().connection, method, dict(params), urgent=urgent)

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """The same with the result decoded."""
        return await self._now().call(method, params)

    async def subscribe(self, objects: Mapping[str, Collection[str] | None]) -> Mapping[str, Any]:
        """Add to what subsystems hear of; returns the status of `objects`."""
        answer = await self._now().subscribe_shared(wanted(objects))
        status: Mapping[str, Any] = answer["status"]
        return status

    async def subscribe_reader(self, reader: StatusReader, wanted: Wanted) -> dict[str, Any]:
        """Replace one reader's subscription; returns `{"eventtime", "status"}`."""
        return await self._now().subscribe(reader, wanted)

    def unsubscribe_reader(self, reader: StatusReader) -> None:
        """Forget a reader that is gone."""
        if self._linked is not None:
            self._linked.board.remove(reader)

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[KlippyEvent]:
        """Events of the given classes from now on; `size` of them may wait."""
        return self._events.open_reader(name, size, *kinds)

    def register_remote_method(self, name: str, method: RemoteMethod) -> None:
        """Let macros call `method(**params)`; raises `ClientError` for a name that is taken."""
        self._methods.register(name, method)
        if self._linked is not None:
            self._linked.register_remote_method(name)

    def unregister_remote_method(self, name: str) -> None:
        """Forget a remote method; Klipper's calls of it are only logged from now on."""
        self._methods.unregister(name)
        if self._linked is not None:
            self._linked.registered.discard(name)
