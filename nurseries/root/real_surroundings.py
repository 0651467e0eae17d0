"""What surrounds a generation in a daemon: Klipper's socket, data folder, host, network."""

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from config.backup import read_or_backup
from config.load import Configuration
from config.paths import Paths
from mrk.api.table import Table
from mrk.database.schema import Migration
from mrk.errors import MrkError
from mrk.gpio.gpio_protocols import GpioLines
from nurseries.database.subsystem import Database
from nurseries.gpio.chips import GpioChips
from nurseries.http_client import HttpClient
from nurseries.klippy.socket import KlippySocket
from nurseries.log.live_log import LiveLog
from nurseries.log.rollover import OwnLog
from nurseries.root.file_subsystem import made_on
from nurseries.root.generation import Generation
from nurseries.root.surroundings import Surroundings

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute


class HidingLog(OwnLog, Protocol):
    """The same, and it can keep secrets and be watched."""

    live: LiveLog

    def hide(self, redact: Callable[[str], str]) -> None:
        """Take the secrets of a configuration out of every line from now on."""
        ...


class NoLog:
    """For a generation that never runs, and for tests: there is no log file."""

    def __init__(self) -> None:
        self.live = LiveLog()

    def hide(self, redact: Callable[[str], str]) -> None:
        """There are no lines."""

    def roll_over(self) -> None:
        """Raises `MrkError`."""
        raise MrkError("file logging is off")


def real_surroundings(
    paths: Paths,
    configuration: Configuration,
    log: HidingLog,
    instance_id: str,
    warnings: tuple[str, ...] = (),
    *,
    gpio: GpioLines | None = None,
    has_services: bool = True,
) -> Surroundings:
    """Klipper's socket as configured, the database file of the data folder, the network."""

    def make_database(
        migrations: Sequence[Migration],
        is_printing: Callable[[], bool],
        request_restart: Callable[[], None],
    ) -> Database:
        return Database(
            paths.database,
            paths.data / "backup" / "database",
            migrations=migrations,
            debug=paths.debug,
            instance_id=instance_id,
            is_printing=is_printing,
            request_restart=request_restart,
        )

    klippy = KlippySocket(str(configuration.settings.server.klippy_uds_address))
    return Surroundings(
        paths,
        klippy.open,
        log,
        make_database,
        made_on(paths),
        HttpClient(),
        instance_id,
        warnings,
        host_name=socket.gethostname(),
        has_services=has_services,
        gpio=gpio or GpioChips(),
        live_log=log.live,
    )


def build_api(paths: Paths) -> "tuple[Table, list[DoorRoute]]":
    """The API without running it, and what streams, for its schema; raises `ConfigError`."""
    configuration = read_or_backup(paths)
    surroundings = real_surroundings(paths, configuration, NoLog(), instance_id="0" * 32)
    generation = Generation(0, configuration, surroundings)
    generation.table.extend(generation.printer.usual_endpoints())
    return generation.table, generation.door_routes()
