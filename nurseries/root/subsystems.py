"""Every subsystem of a generation, built once and handed what it needs: the supervision table.

`Subsystems` owns nothing that runs; `generation.py` starts its services. Here is what every
generation has, and what the others get: those that only a section of the configuration asks for
are built by `optional_subsystems.py`.
"""

from collections.abc import Callable
from functools import partial

import trio

from config.settings.families import Settings
from mrk.api.endpoint import Endpoint
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.clients.registry import Clients
from mrk.database.migrations import MIGRATIONS
from mrk.metrics.request_counts import RequestCounts
from mrk.subsystem import Needs, Subsystem
from mrk.supervision import SupervisionState
from mrk.webcams.webcam import Webcam
from nurseries.access.authorization import Authorization
from nurseries.access.logins import Directory
from nurseries.access.refusal_log import RefusalLog
from nurseries.announcements.subsystem import Announcements
from nurseries.data_store.subsystem import DataStore
from nurseries.extensions.agent_registry import AgentRegistry
from nurseries.extensions.endpoints import ExtensionEndpoints
from nurseries.jobs.history import History
from nurseries.jobs.job_queue import JobQueue
from nurseries.jobs.job_state import JobState
from nurseries.jobs.past_prints import RecordedPrints
from nurseries.jobs.printed_file import PrintedFile, SeenStarts
from nurseries.jobs.upload_prints import UploadPrinter
from nurseries.klippy.link import RECONNECT, KlippyLink
from nurseries.klippy.printer import Printer
from nurseries.log.endpoints import LogEndpoints
from nurseries.log.rollover import LogRollover
from nurseries.log.tail_endpoints import TailEndpoints
from nurseries.metrics.subsystem import Metrics
from nurseries.proc_stats.sampler import ProcStats
from nurseries.process.host_commands import HostCommands
from nurseries.root.add_ons import Clash
from nurseries.root.host import Host
from nurseries.root.metric_sources import Jobs
from nurseries.root.optional_subsystems import OptionalSubsystems
from nurseries.root.settings_views import camera_address_of, own_address_of, transitions_of
from nurseries.root.supervised import Supervised
from nurseries.root.surroundings import Surroundings
from nurseries.server.client_list_endpoints import ClientListEndpoints
from nurseries.server.connection_endpoints import Connections
from nurseries.server.event_endpoints import EventEndpoints
from nurseries.templates.calls import TemplateCalls
from nurseries.templates.component_calls import ComponentCalls
from nurseries.webcams.endpoints import WebcamEndpoints
from nurseries.webcams.registry import Webcams
from nurseries.webcams.resolver import Resolver
from nurseries.webcams.snapshots import WebcamSnapshots


async def join_in_thread(parts: list[bytes]) -> bytes:
    """A `Join` that holds nobody up."""
    return await trio.to_thread.run_sync(b"".join, parts)


class Subsystems:
    """Services by level: `database`, `authorization`, `klippy`, `services`; `plain` own no task.

    `optional` are those that only some have; `warnings` are of what is missing.
    """

    def __init__(
        self,
        settings: Settings,
        surroundings: Surroundings,
        clients: Clients,
        table: Table,
        refusals: RefusalLog,
        request_restart: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._clients = clients
        self.link = KlippyLink(surroundings.open_klippy, clients)
        self.store = surroundings.make_database(
            MIGRATIONS, lambda: self._job_state.is_printing, request_restart
        )
        self.database = Supervised(
            "database", self.store.serve, self.store.endpoints(), essential=True
        )
        self.optional = OptionalSubsystems()
        self.warnings = self.optional.warnings
        access = Authorization(settings.authorization, self.store, clients, self._directory())
        self.accounts = access.accounts
        self.authorization = Supervised(
            "authorization", access.serve, access.endpoints(), essential=True
        )
        self.klippy = Supervised("klippy_connection", self.link.serve, [], True, RECONNECT)
        agents = AgentRegistry(clients, self.link)
        calls = settings.server.limits.batch_calls
        pause, denied = trio.lowlevel.checkpoint, refusals.refused
        self.requests = RequestCounts()
        self.rpc = Rpc(table, pause, calls, agents, join_in_thread, denied, self.requests)
        self._templates = TemplateCalls(table)
        self.plain = [
            *Connections(clients, self.accounts).endpoints(),
            *ClientListEndpoints(clients).endpoints(),
            *ExtensionEndpoints(agents).endpoints(),
            *EventEndpoints(clients.events).endpoints(),
        ]
        self.services: list[Supervised] = []
        self._request_restart = request_restart
        self._add_printer(table)
        self._add_files_and_jobs()
        self._add_host()
        self._add_web()
        self._add_metrics()
        self._needs = self._what_others_need()
        self.optional.build_all(settings, self._needs)

    def _directory(self) -> Directory | None:
        """The LDAP server, which may hold users besides our own."""
        settings = self._settings.ldap
        if settings is None:
            if self._settings.authorization.default_source == "ldap":
                self.warnings.append(
                    "[authorization] default_source: ldap needs a section [ldap]; until then"
                    " nobody can log in without naming the source moonraker"
                )
            return None
        from nurseries.access.directory import LdapDirectory

        directory = self.optional.build("ldap", lambda: LdapDirectory(settings))
        if directory is not None:
            for reason in directory.warnings:
                self.optional.fail("ldap", reason)
        return directory

    def _add(self, name: str, subsystem: Subsystem, *, essential: bool = False) -> None:
        self.services.append(Supervised(name, subsystem.serve, subsystem.endpoints(), essential))

    def _add_printer(self, table: Table) -> None:
        sizes = self._settings.data_store
        data_store = DataStore(
            self.link,
            temperature_store_size=sizes.temperature_store_size,
            gcode_store_size=sizes.gcode_store_size,
        )
        self._job_state = JobState(
            self.link, lambda: self._starters.last_number, lambda: self._printed.is_starting
        )
        self._starters = SeenStarts(self._job_state)
        starters, jobs = self._starters, self._job_state
        self.printer = Printer(self.link, self._clients, data_store, table.extend, starters, jobs)
        self._add("klippy_apis", self.printer, essential=True)
        self._add("data_store", data_store)

    def _add_files_and_jobs(self) -> None:
        settings, clients, link, store = self._settings, self._clients, self.link, self.store
        state = self._job_state
        printed = self._printed = PrintedFile(
            state,
            self._starters,
            self.printer.gcode.started_within,
            self._surroundings.paths.gcodes,
        )
        files = self.files = self._surroundings.make_files(
            settings.file_manager, clients, link, store, printed
        )
        transitions = transitions_of(settings.job_queue)
        queue = self._job_queue = JobQueue(
            link, self.printer.gcode, state, files, store, clients, transitions
        )
        files.followers.append(queue)
        history = History(
            state,
            files,
            files.metadata,
            store,
            clients,
            self._starters,
            # Filled once optional subsystems have been built.
            auxiliary=self.optional.added.auxiliary,
        )
        self.upload_printer = UploadPrinter(
            self.printer.gcode, state, queue, settings.file_manager.queue_gcode_uploads
        )
        self.printer.ask_before_start(self.upload_printer)
        self._add("file_manager", files)
        self.services.append(Supervised("job_state", state.serve))
        self._add("job_queue", queue)
        self._add("history", history)

    def _add_host(self) -> None:
        commands = HostCommands()
        self.proc_stats = ProcStats(self._clients, commands)
        self._add("proc_stats", self.proc_stats)
        outside = self._surroundings
        host = Host(
            self._settings.machine,
            outside.paths.data,
            self._clients,
            commands,
            self.link,
            self.is_printing,
            self._request_restart,
            simulated=not outside.has_services,
        )
        self.machine, self._host_access = host.machine, host.access
        self.plain += host.endpoints()
        self._add("machine", host.machine)
        rollover = LogRollover(outside.log, self.link, host.machine)
        self.plain += LogEndpoints(rollover).endpoints()
        self.plain += TailEndpoints(outside.live_log).endpoints()

    def _add_web(self) -> None:
        outside, clients = self._surroundings, self._clients
        webcams = self._webcams = Webcams(
            self._settings.webcams, outside.instance_id, self.store, clients
        )
        self._camera_address = camera_address_of(self._settings.webcam_proxy)
        resolver = Resolver(outside.http, camera_address=self._camera_address)
        self._snapshots = WebcamSnapshots(webcams, resolver)
        self.plain += WebcamEndpoints(webcams, resolver).endpoints()
        announcements = self._announcements = Announcements(
            self.store,
            clients,
            outside.http,
            self._settings.announcements,
            outside.paths.data / "development" / "announcements",
            wait_for_reader=True,
        )
        self._add("announcements", announcements)

    def _add_metrics(self) -> None:
        jobs = Jobs(self.store, self._job_queue)
        self.metrics = Metrics(self.link, jobs, self.optional.added.metrics)
        self.services.append(Supervised("metrics", self.metrics.serve))
        self.optional.added.streamed.append(self.metrics.paths)

    def _what_others_need(self) -> Needs:
        outside = self._surroundings
        return Needs(
            data_path=outside.paths.data,
            gcodes_path=outside.paths.gcodes,
            instance_id=outside.instance_id,
            host_name=outside.host_name,
            klippy=self.link,
            klippy_requests=self.link,
            gcode=self.printer.gcode,
            clients=self._clients,
            database=self.store,
            http=outside.http,
            job_state=self._job_state,
            past_prints=RecordedPrints(self.store),
            files=self.files,
            roots=self.files,
            planned=self.files.planned,
            metadata=self.files.metadata,
            upload_prints=self.upload_printer,
            uploads=self.files.uploads,
            services=self.machine,
            webcams=self._webcams.all_webcams,
            announcements=self._announcements,
            answer=self.rpc.handle,
            templates=self._templates,
            calls_as=partial(ComponentCalls, self.rpc.handle),
            gpio=outside.gpio,
            serial=outside.serial,
            websockets=outside.websockets,
            snapshots=self._snapshots,
            readable=self.files,
            queue=self._job_queue,
            debug=outside.paths.debug,
            own_address=own_address_of(self._settings.server),
            host=self._host_access,
            commands=HostCommands(),
            camera_address=self._camera_address,
        )

    def add_add_ons(self, check_endpoints: Clash) -> list[Endpoint]:
        """Build the add-ons, once all else has its endpoints; returns theirs."""
        endpoints: list[Endpoint] = []
        if self._settings.add_ons:
            endpoints = self.optional.build_add_ons(
                self._settings.add_ons, self._needs, self.names, check_endpoints
            )
        self.files.processors += self.optional.added.processors
        return endpoints

    def is_printing(self) -> bool:
        """Whether a print is under way, paused or not, or about to be."""
        return self._job_state.is_busy

    @property
    def given_up(self) -> list[str]:
        """Of services that crashed again and again: each with its last error."""
        failed = SupervisionState.FAILED  # looked up once: every server.info asks
        return [
            f"{service.name} does not run: {service.supervision.last_error}"
            for service in self._all
            if service.supervision.state is failed
        ]

    async def webcams(self) -> list[Webcam]:
        """Those that are configured, and those in the database."""
        return await self._webcams.all_webcams()

    @property
    def running_services(self) -> list[Supervised]:
        """The services that run inside the link to Klipper."""
        return [*self.services, *self.optional.services]

    @property
    def _all(self) -> list[Supervised]:
        essential = [self.database, self.authorization, self.klippy]
        return [*essential, *self.running_services, *self.optional.transports]

    @property
    def names(self) -> list[str]:
        """Of all that stands, Moonraker's names where it has the same component."""
        components = (service.name for service in self._all if service.part_of is None)
        return [*components, "webcam", "extensions"]

    def endpoints(self) -> list[Endpoint]:
        """Everything that subsystems answer."""
        return self.plain + [endpoint for service in self._all for endpoint in service.offered()]
