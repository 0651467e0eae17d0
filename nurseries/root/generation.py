"""One generation: everything from the configuration to the doors, built once and nested.

Nesting is the order of death: transports stop before the subsystems they call, these before the
link to Klipper, that before users and the database. `serve` returns when the generation was asked
to end, and its services are gone.
"""

import itertools
import logging
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from config.check import check
from config.load import Configuration
from config.paths import Paths
from mrk.api.table import Table
from mrk.clients.event_ring import EventRing
from mrk.clients.registry import Clients
from mrk.machine.lag import LagHistogram, LagMs
from mrk.supervision import Supervision, flat
from mrk.version import MOONRAKER_VERSION
from mrk.web.content_security import origins
from mrk.web.page_messages import PageFacts
from mrk.websocket.events import Ending
from nurseries.access.refusal_log import RefusalLog
from nurseries.klippy.link import KlippyLink
from nurseries.klippy.printer import Printer
from nurseries.root.add_ons import AddOns
from nurseries.root.kept_troubles import KeptTroubles
from nurseries.root.metric_sources import daemon_source
from nurseries.root.notifications import all_notifications
from nurseries.root.settings_views import rules_of
from nurseries.root.subsystems import Subsystems
from nurseries.root.supervised import Supervised, opened, running
from nurseries.root.surroundings import Surroundings
from nurseries.root.transports import Transports
from nurseries.server.config_check_endpoints import ConfigCheck
from nurseries.server.endpoints import ConfigAnswer, Server, absences
from nurseries.server.notices_behind_answers import NoticesBehindAnswers
from nurseries.server.schema_endpoints import Documents
from nurseries.supervise import failed_supervision
from transports.door.acceptor import Door
from transports.listeners.listeners import Listeners
from transports.sockets.client_connection import SERVER_RESTART, SERVER_SHUTDOWN

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute

# The answer to server.restart leaves before its connection is ended.
ANSWER_LEAVES_S = 0.1
# A configuration is read in some 20 ms, on a busy board in a multiple of that; past this nobody is
# left waiting for it.
ACCEPT_AGAIN_S = 2.0
WAITS_FOR_DISK = (
    "The restart waits for the configuration, which the disk does not give: "
    "until then everything goes on as it was"
)
logger = logging.getLogger(__name__)


class Generation:
    """The objects of one generation; implements `ServerFacts`."""

    # Whether the configuration is being read again, or was; and whether a restart was asked for
    # since then: what was written meanwhile may not be in what was read.
    _is_read = False
    is_asked_again = False

    def __init__(
        self, number: int, configuration: Configuration, surroundings: Surroundings
    ) -> None:
        self.generation = number
        self.configuration = configuration
        self._asked_to_end, self._stopped = trio.Event(), trio.Event()
        self._restart = False
        self._host_name = surroundings.host_name
        # Another generation follows, or, after a crash, another process: only `end` is final.
        self._ending = SERVER_RESTART
        settings = configuration.settings
        rules = rules_of(settings.authorization)
        limits = settings.server.limits
        self.clients = Clients(EventRing(os.urandom(8).hex(), trio.current_time, limits))
        self.table = Table()
        self._refusals = RefusalLog()
        self.subsystems = Subsystems(
            settings, surroundings, self.clients, self.table, self._refusals, self.end_for_restart
        )
        server = Server(self, self.link, self.clients, self.end_for_restart)
        checked = ConfigCheck(lambda: _check_config(surroundings.paths))
        documents = Documents(self.table, all_notifications, self.door_routes)
        own = [*server.endpoints(), *checked.endpoints(), *documents.endpoints()]
        self.table.add(own + self.subsystems.endpoints(), self.printer.unlisted)
        self.table.add(self.subsystems.add_add_ons(self.table.check_addition))
        self._warnings = [
            *configuration.warnings,
            *surroundings.warnings,
            *self.subsystems.warnings,
        ]
        self._troubles = KeptTroubles(self._warnings, self.subsystems, self._refusals.warnings)
        # Every server.info asks for these: no calls of properties.
        self.troubles = self._troubles.now
        self.components = self.subsystems.names
        self.registered_directories = self.subsystems.files.registered_directories
        self._failed = [
            *(
                failed_supervision(failure.component, failure.reason)
                for failure in configuration.failures
            ),
            *self.subsystems.optional.failed,
        ]
        self._show(self._failed)
        self._doors = Transports(
            settings,
            self.table,
            self.clients,
            rules,
            surroundings,
            self.subsystems,
            self.page_facts,
            self._how_it_ends,
            self._refusals,
        )
        self._tell_metrics()

    def _tell_metrics(self) -> None:
        self.subsystems.metrics.sources.insert(
            0,
            daemon_source(
                lambda: self.supervisions,
                self.clients,
                lambda: self.door.connections,
                self.subsystems.requests,
                self.subsystems.proc_stats.late_s,
                self.link.round_trips.histogram,
            ),
        )

    def door_routes(self) -> "list[DoorRoute]":
        """What documents tell of what streams, besides the table."""
        return self._doors.declared()

    @property
    def link(self) -> KlippyLink:
        """The link to Klipper."""
        return self.subsystems.link

    @property
    def printer(self) -> Printer:
        """Answers for the printer."""
        return self.subsystems.printer

    @property
    def door(self) -> Door:
        """The TCP door."""
        return self._doors.door

    # Life

    async def serve(
        self,
        listeners: Listeners,
        on_ready: Callable[[], None],
        prepare_restart: Callable[[], Awaitable[object]] = trio.lowlevel.checkpoint,
    ) -> None:
        """Run everything until `end` or `end_for_restart`; raises what essential services raise.

        All of it still runs during `prepare_restart`, which `end` cuts short: for those who are
        connected, and after two seconds for who connects, too.
        """
        database, access = self.subsystems.database, self.subsystems.authorization
        link = self.subsystems.klippy
        self._troubles.listen_with(listeners)
        transports = [*self._doors.services(listeners), *self.subsystems.optional.transports]
        later = NoticesBehindAnswers(self.clients)
        notices = Supervised("notices_behind_answers", later.serve, essential=True)
        services = [notices, *self.subsystems.running_services]
        self._nest([database], [access], [link], services, transports)
        async with (
            opened(database),
            opened(access),
            running([link]),
            running(services),
            running(transports),
        ):
            on_ready()
            await self._asked_to_end.wait()
            if self._restart:
                self._is_read = True
                await self._unless_stopped(prepare_restart)
            self._doors.stop_accepting()
            if self._restart:
                await trio.sleep(ANSWER_LEAVES_S)

    async def _unless_stopped(self, prepare: Callable[[], Awaitable[object]]) -> None:
        async def give_up() -> None:
            await self._stopped.wait()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_up)
            nursery.start_soon(self._serve_on, name="serves on")
            await prepare()
            nursery.cancel_scope.cancel()

    async def _serve_on(self) -> None:
        """A disk may take minutes, and who connects may want to stop the printer."""
        told = False
        while True:
            await trio.sleep(ACCEPT_AGAIN_S)
            self._doors.accept_again()  # another restart may have been asked for meanwhile
            if not told:
                told = True
                self._warnings.append(WAITS_FOR_DISK)
                logger.warning("%s", WAITS_FOR_DISK)

    def _nest(self, *levels: list[Supervised]) -> None:
        """The tree that server.nurseries shows: each level inside the first service of the last."""
        for outer, inner in itertools.pairwise(levels):
            inside = [one.supervision for one in inner if one.part_of is None]
            outer[0].supervision.children = inside
        self._show([*(service.supervision for service in levels[0]), *self._failed])

    def _show(self, supervisions: list[Supervision]) -> None:
        self.supervisions = supervisions
        self._flat = tuple(flat(supervisions))
        self._troubles.watch(self._flat)

    def _how_it_ends(self) -> Ending:
        return self._ending

    def end(self, *, comes_back: bool = False) -> None:
        """End the generation: the daemon stops, for good or until it is started again at once."""
        if not comes_back:
            self._ending = SERVER_SHUTDOWN
        self._stopped.set()
        self._asked_to_end.set()

    def end_for_restart(self) -> None:
        """End the generation once answers have left: the next one follows.

        What a client asks behind such an answer is for that one, so the doors close at once.
        """
        self._restart = True
        self.is_asked_again = self._is_read
        self._doors.stop_accepting()
        self._asked_to_end.set()

    # What clients are told

    @property
    def config_answer(self) -> ConfigAnswer:
        """As server.config tells."""
        read = self.configuration
        return ConfigAnswer(config=read.config, orig=read.orig, files=read.files)

    def loop_lag_ms(self) -> LagMs:
        """How late the event loop came lately."""
        return self.subsystems.proc_stats.lag_ms()

    def loop_lag_histogram(self) -> LagHistogram:
        """How late the event loop came since the generation began."""
        return self.subsystems.proc_stats.lag_histogram()

    async def page_facts(self) -> PageFacts:
        """What the page tells before its script asks."""
        troubles = self.troubles()
        cameras = [camera for camera in await self.subsystems.webcams() if camera.enabled]
        return PageFacts(
            version=MOONRAKER_VERSION,
            klippy_state=self.link.klippy_state,
            klippy_message=self.link.klippy_message,
            host_name=self._host_name,
            warnings=tuple(troubles.warnings),
            failed_components=tuple(troubles.failed_components),
            absences=tuple(absences(self._flat)),
            clients=len(self.clients),
            camera_origins=origins(
                url for camera in cameras for url in (camera.stream_url, camera.snapshot_url)
            ),
        )


def _check_config(paths: Paths) -> list[str]:
    return check(paths.config_file, paths, AddOns(lambda _component, _reason: None).check)
