"""What an optional subsystem is to the daemon: what it is given, and what it adds.

The module that the root's table (`nurseries/root/optional.py`) names for a section has a function
`build(settings, needs, additions)`, imported and called when the section is there. It makes its
objects from `needs` and adds services; what it raises fails that component alone.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from mrk.announcements.entry import Entry
from mrk.api.component_calls import ApiCalls
from mrk.api.endpoint import Endpoint
from mrk.api.outcome import Outcome
from mrk.api.rpc import Busy, Reply, Who
from mrk.clients.registry import Clients
from mrk.database.database_protocols import DatabasePort
from mrk.definitions.roles import Role
from mrk.estimate.estimate_protocols import PlannedFiles
from mrk.files.file_protocols import FileRoots, ReadableFiles
from mrk.files.transfers import UploadFiles, UploadPrints
from mrk.gcode.processors import GcodeProcessor
from mrk.gpio.gpio_protocols import GpioLines
from mrk.http.client import HttpDownloads
from mrk.http.streamed_paths import FallbackFactory, StreamedFactory
from mrk.jobs.job_protocols import (
    AuxiliaryProvider,
    JobMetadata,
    JobStatePort,
    PastPrints,
    PrintedFiles,
    QueueNews,
)
from mrk.klippy.klippy_protocols import GcodePort, KlippyPort, KlippyRequests
from mrk.machine.host_access import HostAccess
from mrk.machine.host_commands import Commands
from mrk.machine.services import ManagedServices
from mrk.metrics.family import MetricFamily
from mrk.mqtt.mqtt_protocols import MqttPort
from mrk.serial.serial_protocols import SerialPorts
from mrk.supervision import Backoff
from mrk.web.own_address import OwnAddress
from mrk.webcams.snapshots import Snapshots
from mrk.webcams.webcam import Webcam
from mrk.websocket.client_protocols import Websockets

# Runs until cancelled; takes `task_status` and calls `started` on it once it stands.
Serve = Callable[..., Awaitable[object]]


class Subsystem(Protocol):
    """What clients may ask, and what it does while nobody asks."""

    def endpoints(self) -> list[Endpoint]: ...

    # `task_status` is Trio's.
    async def serve(self, *, task_status: Any = ...) -> None: ...


class AnnouncementPort(Protocol):
    """Announcements to the user, for components."""

    async def add_internal(
        self,
        component: str,
        title: str,
        description: str,
        url: str | None = None,
        priority: str = "normal",
    ) -> Entry:
        """Announce something on behalf of `component`; past a limit its oldest entries go."""

    async def take_back(self, entry_id: str) -> None:
        """It is true no more; nothing happens for one that is gone."""


class TemplateMethods(Protocol):
    """What templates may call."""

    async def call_method(self, method: str, **arguments: Any) -> Any:
        """The result of an API method, decoded; raises `TemplateFailed`."""


class Needs(msgspec.Struct, frozen=True):
    """What is always there, as optional subsystems may use it.

    `data_path` is the data folder. `answer` handles a JSON-RPC message for a caller;
    `templates` may be used once the subsystem serves. `debug` says that methods for debugging are
    wanted. `planned` and `uploads` are None where there is no disk. `camera_address` gives the
    camera's own address of a webcam's path that mrk passes on.
    """

    data_path: Path
    gcodes_path: Path
    instance_id: str
    host_name: str
    klippy: KlippyPort
    klippy_requests: KlippyRequests
    gcode: GcodePort
    clients: Clients
    database: DatabasePort
    http: HttpDownloads
    job_state: JobStatePort
    past_prints: PastPrints
    files: PrintedFiles
    roots: FileRoots
    planned: PlannedFiles | None
    metadata: JobMetadata
    upload_prints: UploadPrints
    uploads: UploadFiles | None
    services: ManagedServices
    webcams: Callable[[], Awaitable[list[Webcam]]]
    announcements: AnnouncementPort
    answer: Callable[[bytes, Who, Busy], Outcome[Reply]]
    templates: TemplateMethods
    calls_as: Callable[[Role], ApiCalls]
    gpio: GpioLines
    serial: SerialPorts
    websockets: Websockets
    snapshots: Snapshots
    readable: ReadableFiles
    queue: QueueNews
    host: HostAccess
    commands: Commands
    debug: bool
    own_address: OwnAddress
    camera_address: Callable[[str], str] = str


class Service(msgspec.Struct, frozen=True):
    """One supervised service: its name in `server.nurseries`, and how it is retried.

    It is shown below the service that it is `part_of`, which was added before; such a one is no
    component.
    """

    name: str
    serve: Serve
    endpoints: Sequence[Endpoint] = ()
    backoff: Backoff = Backoff()
    part_of: str | None = None


class Additions(msgspec.Struct):
    """What optional subsystems added, in the order in which they were built.

    `transports` end before `services` do. `auxiliary` fills fields of jobs, `upload_paths` take
    uploads besides the file manager's (path, and what `Location` begins with), `mqtt` is the
    broker for those that are built after it. `warnings` are what they find out while they run, for
    server.info. `processors` change new g-code files. `streamed` make paths of the TCP door; of two
    that have a path, the one that was added first answers. `fallbacks` have what nobody else has;
    `metrics` are told by `/metrics`.
    """

    services: list[Service] = []
    transports: list[Service] = []
    auxiliary: list[AuxiliaryProvider] = []
    upload_paths: dict[str, str] = {}
    mqtt: MqttPort | None = None
    warnings: list[Callable[[], Sequence[str]]] = []
    processors: list[GcodeProcessor] = []
    streamed: list[StreamedFactory] = []
    fallbacks: list[FallbackFactory] = []
    metrics: list[Callable[[], Iterable[MetricFamily]]] = []

    def add(self, name: str, subsystem: Subsystem, backoff: Backoff | None = None) -> None:
        """Have a subsystem run, and its endpoints offered while it does."""
        self.services.append(
            Service(name, subsystem.serve, subsystem.endpoints(), backoff or Backoff())
        )
