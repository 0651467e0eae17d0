"""Every subsystem of a generation, built once and handed what it needs: the supervision table.

`Subsystems` owns nothing that runs; `generation.py` starts its lines.
"""

from collections.abc import Callable

from config.settings.families import Settings
from mrk.api.endpoint import Endpoint
from mrk.clients import Clients
from mrk.parts import Backoff
from nurseries.announcements import Announcements
from nurseries.commands import HostCommands
from nurseries.connections import Connections
from nurseries.data_store import DataStore
from nurseries.extensions import Extensions
from nurseries.klippy.link import KlippyLink
from nurseries.log_rollover import LogRollover
from nurseries.printer import Printer
from nurseries.proc_stats import ProcStats
from nurseries.root.supervised import Supervised
from nurseries.root.surroundings import Surroundings
from nurseries.systemctl import Systemctl
from nurseries.webcams import Webcams

# Klippy's protocol: every step of a reconnect is polled at this beat.
KLIPPY_BEAT = Backoff(first_s=0.25, limit_s=0.25)

Extend = Callable[[list[Endpoint]], list[Endpoint]]


class Subsystems:
    """The parts by level: `database`, then `link`, then `lines`; `plain` endpoints own no task."""

    def __init__(
        self,
        settings: Settings,
        surroundings: Surroundings,
        clients: Clients,
        extend: Extend,
        request_restart: Callable[[], None],
    ) -> None:
        self.link = KlippyLink(surroundings.open_klippy, clients)
        self.store = surroundings.make_database([], self.is_printing, request_restart)
        data_store = DataStore(
            self.link,
            temperature_store_size=settings.data_store.temperature_store_size,
            gcode_store_size=settings.data_store.gcode_store_size,
        )
        self.printer = Printer(self.link, clients, data_store, extend)
        commands = HostCommands()
        self.proc_stats = ProcStats(clients, commands)
        self.extensions = Extensions(clients, self.link)
        webcams = Webcams(
            settings.webcams, surroundings.instance_id, self.store, clients, surroundings.http
        )
        announcements = Announcements(
            self.store,
            clients,
            surroundings.http,
            settings.announcements,
            surroundings.paths.data / "development" / "announcements",
        )
        rollover = LogRollover(surroundings.log, self.link, Systemctl(commands))
        self.plain = [
            *Connections(clients).endpoints(),
            *rollover.endpoints(),
            *self.extensions.endpoints(),
            *webcams.endpoints(),
        ]
        self.database = Supervised(
            "database", self.store.serve, self.store.endpoints(), essential=True
        )
        self.klippy = Supervised("klippy_connection", self.link.serve, [], True, KLIPPY_BEAT)
        self.lines = [
            Supervised("klippy_apis", self.printer.serve, self.printer.endpoints(), essential=True),
            Supervised("data_store", data_store.serve, data_store.endpoints()),
            Supervised("proc_stats", self.proc_stats.serve, self.proc_stats.endpoints()),
            Supervised("announcements", announcements.serve, announcements.endpoints()),
        ]

    def is_printing(self) -> bool:
        """Whether a print is under way."""
        return self.link.status("print_stats").get("state") in ("printing", "paused")

    @property
    def names(self) -> list[str]:
        """Of all that stands, Moonraker's names where it has the same component."""
        lines = [self.database, self.klippy, *self.lines]
        return [*(line.name for line in lines), "webcam", "extensions"]

    def endpoints(self) -> list[Endpoint]:
        """Everything that subsystems answer."""
        lines = [self.database, self.klippy, *self.lines]
        return self.plain + [endpoint for line in lines for endpoint in line.offered()]
