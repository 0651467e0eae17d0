"""The link to Klipper where there is none; fakes derive from it and say what they know better."""

from collections.abc import Collection, Mapping
from typing import Any

from mrk.errors import ClientError
from mrk.fanout import EventReader, Fanout
from mrk.klippy.events import KlippyEvent
from mrk.klippy.peer import SocketPeer
from mrk.klippy.remote_methods import RemoteMethod


class NoKlippyFacts:
    """Implements `KlippyFacts`."""

    missing_klippy_requirements: list[str] = []
    info: Mapping[str, Any] = {}
    peer: SocketPeer | None = None

    @property
    def klippy_connected(self) -> bool:
        return False

    @property
    def klippy_state(self) -> str:
        return "disconnected"

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[KlippyEvent]:
        fanout: Fanout[KlippyEvent] = Fanout()
        return fanout.open_reader(name, size, *kinds)


class NoKlippy(NoKlippyFacts):
    """Implements `KlippyPort`."""

    @property
    def virtual_sd_path(self) -> str | None:
        return None

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        raise ClientError("Klippy Host not connected", 503)

    async def subscribe(self, objects: Mapping[str, Collection[str] | None]) -> Mapping[str, Any]:
        raise ClientError("Klippy Host not connected", 503)

    def status(self, name: str) -> Mapping[str, Any]:
        return {}

    def register_remote_method(self, name: str, method: RemoteMethod) -> None:
        raise AssertionError(name)

    def unregister_remote_method(self, name: str) -> None:
        raise AssertionError(name)
