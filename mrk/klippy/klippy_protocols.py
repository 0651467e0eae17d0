"""The link to Klipper as others see it, and what runs g-code; the root hands over who does it."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import msgspec

from mrk.api.outcome import AskedOther
from mrk.fanout import EventReader
from mrk.klippy.events import KlippyEvent
from mrk.klippy.peer import SocketPeer
from mrk.klippy.remote_methods import RemoteMethod
from mrk.status.subscriptions import StatusReader, Wanted


class KlippyFacts(Protocol):
    """The link to Klipper, for who only wants to know how it stands."""

    @property
    def klippy_connected(self) -> bool: ...

    @property
    def klippy_state(self) -> str:
        """disconnected, startup, ready, error, shutdown, or what a fork says."""

    @property
    def missing_klippy_requirements(self) -> list[str]:
        """Printer objects that clients need and the configuration of Klipper lacks."""

    @property
    def info(self) -> Mapping[str, Any]:
        """Klipper's answer to `info`; empty while not connected."""

    @property
    def peer(self) -> SocketPeer | None:
        """Klipper's process, with its systemd unit."""

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[KlippyEvent]:
        """Events of the given classes from now on; use it in a `with` block."""


class RemoteMethodsPort(Protocol):
    """Who tells Klipper what macros may call."""

    def register_remote_method(self, name: str, method: RemoteMethod) -> None:
        """Let macros call `method(**params)`, now and after each restart of the printer.

        It is called in the link's reader and must not block. Raises `ClientError` for a name
        that is taken.
        """

    def unregister_remote_method(self, name: str) -> None:
        """Forget a remote method."""


class KlippyPort(KlippyFacts, RemoteMethodsPort, Protocol):
    """The link to Klipper, for subsystems. Requests raise `ClientError` (400, or 503: no link)."""

    @property
    def virtual_sd_path(self) -> str | None:
        """The folder Klipper prints from, as configured there; known when ready."""

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Ask one of Klippy's endpoints, and return its result decoded."""

    async def subscribe(self, objects: Mapping[str, Collection[str] | None]) -> Mapping[str, Any]:
        """Add to what subsystems hear of in `StatusUpdate`, until the next disconnect.

        Returns the current status of `objects`. Subscribe again at each `Started` or `Ready`.
        """

    def status(self, name: str) -> Mapping[str, Any]:
        """The last known fields of a subscribed printer object; empty while not connected."""


class KlippyRequests(KlippyFacts, Protocol):
    """The link to Klipper, for clients' requests and subscriptions."""

    @property
    def endpoint_names(self) -> tuple[str, ...]:
        """Klippy's own endpoints, once it has listed them."""

    async def request(
        self, method: str, params: Mapping[str, Any] | None = None, *, urgent: bool = False
    ) -> msgspec.Raw | str:
        """The result as Klipper wrote it, or `ok` for an empty one."""

    def asking(self, method: str, params: Mapping[str, Any], *, urgent: bool = False) -> AskedOther:
        """The same for a handler to return: nothing waits. Raises `ClientError` without a link."""

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """The result, decoded."""

    async def subscribe_reader(self, reader: StatusReader, wanted: Wanted) -> dict[str, Any]:
        """Replace the reader's subscription; returns `{"eventtime", "status"}`."""

    def unsubscribe_reader(self, reader: StatusReader) -> None:
        """End the reader's subscription."""


class CommandLog(Protocol):
    """Where g-code commands are recorded."""

    def record_command(self, script: str) -> None: ...


class GcodePort(Protocol):
    """Runs g-code for subsystems; commands appear in the g-code store."""

    async def run_gcode(self, script: str) -> None:
        """Returns when the last command has run. Raises `ClientError`."""

    async def start_print(self, filename: str, user: str | None = None) -> None:
        """Print a file, given relative to the gcodes root. Raises `ClientError`.

        `user` is who asked for it, for the history.
        """
