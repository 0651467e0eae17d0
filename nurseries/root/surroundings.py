"""What a generation needs of the outside: files, Klipper's socket, the log, the database.

The daemon gives the real ones, test fixtures give memory streams and a database in memory.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import trio

from config.paths import Paths
from mrk.api.endpoint import Endpoint
from mrk.database.database_protocols import DatabasePort
from mrk.database.schema import Migration
from mrk.gpio.gpio_protocols import GpioLines
from mrk.http.client import HttpDownloads
from mrk.serial.serial_protocols import SerialPorts
from mrk.websocket.client_protocols import Websockets
from nurseries.gpio.chips import GpioChips
from nurseries.klippy.link import OpenStream
from nurseries.log.live_log import LiveLog
from nurseries.log.rollover import OwnLog
from nurseries.root.file_subsystem import MakeFiles
from nurseries.serial_ports.ports import SystemSerialPorts
from nurseries.websocket_client.client import SystemWebsockets
from transports.web.pages import PageRendering
from transports.web.renderer import PageRenderer


class DatabaseService(DatabasePort, Protocol):
    """A database that can be run and asked."""

    @property
    def warnings(self) -> list[str]:
        """What the user should read: the same list always, which may grow."""
        ...

    def endpoints(self) -> list[Endpoint]: ...

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None: ...


# (migrations, is_printing, request_restart) -> the database of one generation
MakeDatabase = Callable[
    [Sequence[Migration], Callable[[], bool], Callable[[], None]], DatabaseService
]


class Surroundings(msgspec.Struct, frozen=True):
    """`instance_id` names the installation (32 hexadecimal digits).

    `warnings` are of the process, such as those of the log; they join the configuration's.
    `has_services`: the host's services may be watched and controlled. `gpio` owns the lines of the
    process, over restarts too. `live_log` is the log for who watches it, `pages` renders
    pages for people.
    """

    paths: Paths
    open_klippy: OpenStream
    log: OwnLog
    make_database: MakeDatabase
    make_files: MakeFiles
    http: HttpDownloads
    instance_id: str
    warnings: tuple[str, ...] = ()
    host_name: str = "localhost"
    has_services: bool = False
    gpio: GpioLines = msgspec.field(default_factory=GpioChips)
    serial: SerialPorts = msgspec.field(default_factory=SystemSerialPorts)
    websockets: Websockets = msgspec.field(default_factory=SystemWebsockets)
    live_log: LiveLog = msgspec.field(default_factory=LiveLog)
    pages: PageRendering = msgspec.field(default_factory=PageRenderer)
