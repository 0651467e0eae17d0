"""Every subsystem of a generation, built once and handed what it needs: the supervision table.

`Subsystems` owns nothing that runs; `generation.py` starts its lines.
"""

from collections.abc import Callable
from typing import Protocol

import trio

from config.settings.families import Settings
from mrk.api.endpoint import Endpoint
from mrk.clients import Clients
from mrk.jobs.schema import JOB_MIGRATIONS
from mrk.parts import Backoff
from nurseries.access import Authorization, LdapDirectory
from nurseries.announcements import Announcements
from nurseries.commands import HostCommands
from nurseries.connections import Connections
from nurseries.data_store import DataStore
from nurseries.extensions import Extensions
from nurseries.jobs.history import History
from nurseries.jobs.job_queue import JobQueue
from nurseries.jobs.job_state import JobState
from nurseries.klippy.link import KlippyLink
from nurseries.log_rollover import LogRollover
from nurseries.octoprint import OctoPrint
from nurseries.printer import Printer
from nurseries.proc_stats import ProcStats
from nurseries.root.prints import PrintedFile, SeenStarts, UploadPrinter
from nurseries.root.settings_views import transitions_of
from nurseries.root.supervised import Supervised
from nurseries.root.surroundings import Surroundings
from nurseries.systemctl import Systemctl
from nurseries.webcams import Webcams

# Klippy's protocol: every step of a reconnect is polled at this beat.
KLIPPY_BEAT = Backoff(first_s=0.25, limit_s=0.25)

Extend = Callable[[list[Endpoint]], list[Endpoint]]


class Part(Protocol):
    """A subsystem: what clients may ask, and what it does while nobody asks."""

    def endpoints(self) -> list[Endpoint]: ...

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None: ...


class Subsystems:
    """The parts by level: `database`, `authorization`, `klippy`, `lines`; `plain` own no task."""

    def __init__(
        self,
        settings: Settings,
        surroundings: Surroundings,
        clients: Clients,
        extend: Extend,
        request_restart: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._clients = clients
        self.link = KlippyLink(surroundings.open_klippy, clients)
        self.store = surroundings.make_database(JOB_MIGRATIONS, self.is_printing, request_restart)
        self.database = Supervised(
            "database", self.store.serve, self.store.endpoints(), essential=True
        )
        self.ldap = None if settings.ldap is None else LdapDirectory(settings.ldap)
        access = Authorization(settings.authorization, self.store, clients, self.ldap)
        self.accounts = access.accounts
        self.authorization = Supervised(
            "authorization", access.serve, access.endpoints(), essential=True
        )
        self.klippy = Supervised("klippy_connection", self.link.serve, [], True, KLIPPY_BEAT)
        self.extensions = Extensions(clients, self.link)
        self.plain = [
            *Connections(clients, self.accounts).endpoints(),
            *self.extensions.endpoints(),
        ]
        self.lines: list[Supervised] = []
        self._add_printer(extend)
        self._add_files_and_jobs()
        self._add_host()
        self._add_web()
        self._add_asked_for()

    def _add(self, name: str, part: Part, *, essential: bool = False) -> None:
        self.lines.append(Supervised(name, part.serve, part.endpoints(), essential))

    def _add_printer(self, extend: Extend) -> None:
        sizes = self._settings.data_store
        data_store = DataStore(
            self.link,
            temperature_store_size=sizes.temperature_store_size,
            gcode_store_size=sizes.gcode_store_size,
        )
        self._starters = SeenStarts(lambda: self._job_state.look)
        self.printer = Printer(self.link, self._clients, data_store, extend, self._starters)
        self._add("klippy_apis", self.printer, essential=True)
        self._add("data_store", data_store)

    def _add_files_and_jobs(self) -> None:
        settings, clients, link, store = self._settings, self._clients, self.link, self.store
        state = self._job_state = JobState(link)
        printed = PrintedFile(
            state,
            self._starters,
            self.printer.started_within,
            self._surroundings.paths.gcodes,
        )
        files = self.files = self._surroundings.make_files(
            settings.file_manager, clients, link, store, printed
        )
        transitions = transitions_of(settings.job_queue)
        queue = JobQueue(link, self.printer, state, files, store, clients, transitions)
        files.followers.append(queue)
        history = History(state, files, files.metadata, store, clients, self._starters)
        self.upload_printer = UploadPrinter(
            self.printer, state, queue, settings.file_manager.queue_gcode_uploads
        )
        self._add("file_manager", files)
        self.lines.append(Supervised("job_state", state.serve))
        self._add("job_queue", queue)
        self._add("history", history)

    def _add_host(self) -> None:
        commands = HostCommands()
        self.proc_stats = ProcStats(self._clients, commands)
        self._add("proc_stats", self.proc_stats)
        rollover = LogRollover(self._surroundings.log, self.link, Systemctl(commands))
        self.plain += rollover.endpoints()

    def _add_web(self) -> None:
        outside, clients = self._surroundings, self._clients
        webcams = Webcams(
            self._settings.webcams, outside.instance_id, self.store, clients, outside.http
        )
        self.plain += webcams.endpoints()
        announcements = Announcements(
            self.store,
            clients,
            outside.http,
            self._settings.announcements,
            outside.paths.data / "development" / "announcements",
            wait_for_reader=True,
        )
        self._add("announcements", announcements)

    def _add_asked_for(self) -> None:
        """Parts that a section of the configuration asks for."""
        octoprint = self._settings.octoprint_compat
        if octoprint is not None:
            part = OctoPrint(octoprint, self.link, self.printer, self.files, self.upload_printer)
            self._add("octoprint_compat", part)

    def is_printing(self) -> bool:
        """Whether a print is under way."""
        return self._job_state.is_active

    @property
    def names(self) -> list[str]:
        """Of all that stands, Moonraker's names where it has the same component."""
        return [*(line.name for line in self._all), "webcam", "extensions"]

    def endpoints(self) -> list[Endpoint]:
        """Everything that subsystems answer."""
        return self.plain + [endpoint for line in self._all for endpoint in line.offered()]

    @property
    def _all(self) -> list[Supervised]:
        return [self.database, self.authorization, self.klippy, *self.lines]
