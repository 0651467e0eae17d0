"""The transports of a generation, wired to its table: TCP door, websockets, unix socket."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from config.settings.authorization import AuthorizationSettings
from config.settings.families import Settings
from mrk.access.accounts import Accounts
from mrk.access.address import ProxyRule
from mrk.access.decision import AccessRules
from mrk.access.hosts import Hosts
from mrk.access.request_authorizer import RequestAuthorizer
from mrk.api.table import Table
from mrk.clients.accepting import Accepting
from mrk.clients.registry import Clients
from mrk.http.cors import CorsRules
from mrk.http.streamed_paths import DoorRules
from mrk.web.page_messages import PageFacts
from mrk.websocket.events import Ending
from nurseries.access.name_lookup import NameLookup
from nurseries.access.refusal_log import RefusalLog
from nurseries.root.own_names import own_names
from nurseries.root.subsystems import Subsystems, join_in_thread
from nurseries.root.supervised import Supervised
from nurseries.root.surroundings import Surroundings
from transports.door.acceptor import Door
from transports.door.api_http import ApiHttp
from transports.door.route_table import RouteTable
from transports.door.routes import Routes
from transports.listeners.late_listener import Listener
from transports.listeners.listeners import Listeners
from transports.listeners.shared_listener import SharedListener
from transports.sockets.admission import WebsocketAdmission
from transports.sockets.batch_sender import BatchSender
from transports.sockets.bridge import Bridge
from transports.sockets.event_streams import EventStreams
from transports.sockets.session_context import SessionContext
from transports.sockets.unix_socket import UnixSocket
from transports.sockets.websocket import Websocket
from transports.transfers.file_answers import FileSender
from transports.transfers.read_back import digest_on_disk
from transports.transfers.routes import UPLOAD_PATHS, Transfers
from transports.web.pages import Pages

if TYPE_CHECKING:  # only documents need it
    from mrk.api.door_route import DoorRoute


class Transports:
    """All ways in. `rules` are those of access, `facts` feeds the page.

    `ending` says how websockets end with the generation.
    """

    _listeners: Listeners | None = None

    def __init__(
        self,
        settings: Settings,
        table: Table,
        clients: Clients,
        rules: AccessRules,
        surroundings: Surroundings,
        subsystems: Subsystems,
        facts: Callable[[], Awaitable[PageFacts]],
        ending: Callable[[], Ending],
        refusals: RefusalLog,
    ) -> None:
        limits = settings.server.limits
        clients.waiting.limit_bytes = max(clients.waiting.limit_bytes, 4 * limits.outbox_bytes)
        prefix = settings.server.route_prefix
        rpc = subsystems.rpc
        context = SessionContext(rpc, table, clients, limits, ending)
        access = settings.authorization
        cors = CorsRules(access.cors_domains, rules.trusted.has_address)
        self._lookup = NameLookup(rules.trusted)
        self._looks_up = bool(rules.trusted.names)
        authorizer = self._authorizer(access, rules, subsystems.accounts, cors, refusals)
        answered = subsystems.requests.http
        admission = WebsocketAdmission(limits, authorizer, clients, answered)
        transfers = self._transfers(settings, surroundings, subsystems, authorizer, cors)
        api = ApiHttp(
            table, rpc, clients, authorizer, cors, limits, route_prefix=prefix, join=join_in_thread
        )
        self._rendering = surroundings.pages
        self._accepting = Accepting()
        pages = self._pages(settings, cors, authorizer, facts)
        door_rules = DoorRules(
            authorizer, cors, limits, prefix, FileSender(), self._serves_https, answered
        )
        added = [make(door_rules) for make in subsystems.optional.added.streamed]
        events = EventStreams(door_rules, clients, admission, ending)
        self._websockets = Websocket(context, admission)
        bridge = Bridge(limits, admission, clients, surroundings.open_klippy, ending)
        self.routes = RouteTable(
            api,
            authorizer,
            pages,
            upgrades={
                "/websocket": self._websockets.serve_connection,
                "/klippysocket": bridge.serve_connection,
            },
            streamed=[*([] if transfers is None else [transfers]), events, *added],
            fallbacks=[make(door_rules) for make in subsystems.optional.added.fallbacks],
        )
        self.door = Door(self._routes(settings, subsystems, clients), limits)
        self.unix_socket = UnixSocket(context)
        self._batch_sender = BatchSender(clients.send_batch)

    def _routes(self, settings: Settings, subsystems: Subsystems, clients: Clients) -> Routes:
        return Routes(
            self.routes,
            _proxies(settings),
            self._lookup.look_up_names if self._looks_up else None,
            subsystems.accounts.load_tokens,
            subsystems.requests.http,
            clients.turns,
            self._accepting,
        )

    def declared(self) -> "list[DoorRoute]":
        """What documents tell of all that is no endpoint."""
        from transports.sockets.declarations import SOCKETS

        return [*(SOCKETS[path] for path in self.routes.upgrades), *self.routes.declared()]

    def _authorizer(
        self,
        access: AuthorizationSettings,
        rules: AccessRules,
        accounts: Accounts,
        cors: CorsRules,
        refusals: RefusalLog,
    ) -> RequestAuthorizer:
        hosts = Hosts(own_names(), access.allowed_hosts, cors.allows)
        return RequestAuthorizer(
            rules, accounts, hosts, cors.allows, self._lookup.names_of, refusals
        )

    def _pages(
        self,
        settings: Settings,
        cors: CorsRules,
        authorizer: RequestAuthorizer,
        facts: Callable[[], Awaitable[PageFacts]],
    ) -> Pages:
        return Pages(
            cors,
            authorizer,
            facts,
            self._rendering.render,
            route_prefix=settings.server.route_prefix,
            has_front_end=bool(settings.frontends),
        )

    def _transfers(
        self,
        settings: Settings,
        surroundings: Surroundings,
        subsystems: Subsystems,
        authorizer: RequestAuthorizer,
        cors: CorsRules,
    ) -> Transfers | None:
        uploads, downloads = subsystems.files.uploads, subsystems.files.downloads
        if uploads is None or downloads is None:
            return None

        def klippy_log() -> str | None:
            told = subsystems.link.info.get("log_file")
            return told if isinstance(told, str) else str(surroundings.paths.logs / "klippy.log")

        def own_log() -> str | None:
            log_file = surroundings.paths.log_file
            return None if log_file is None else str(log_file)

        return Transfers(
            uploads,
            downloads,
            subsystems.upload_printer,
            authorizer,
            cors,
            settings.server.limits,
            max_upload_bytes=settings.server.max_upload_size_bytes,
            logs={"klippy.log": klippy_log, "moonraker.log": own_log},
            upload_paths=UPLOAD_PATHS | subsystems.optional.added.upload_paths,
            read_back=digest_on_disk if settings.file_manager.read_back_uploads else None,
            route_prefix=settings.server.route_prefix,
        )

    def _serves_https(self, port: int) -> bool:
        return self._listeners is not None and self._listeners.serves_https(port)

    def services(self, listeners: Listeners) -> list[Supervised]:
        """The services that accept on `listeners`, which stay open when they end."""
        self._listeners = listeners

        def shared(listener: Listener) -> SharedListener:
            return SharedListener(listener, self._accepting)

        async def serve_door() -> None:
            side = listeners.tls_side
            await self.door.serve(
                list(map(shared, listeners.all_tcp)),
                tls_listeners=list(map(shared, listeners.all_tls)),
                wrap_tls=None if side is None else side.wrap,
            )

        async def serve_unix_socket() -> None:
            await self.unix_socket.serve(shared(listeners.unix))

        doors = [
            Supervised("websockets", self._websockets.serve, essential=True),
            Supervised("http", serve_door, essential=True),
            Supervised("unix_socket", serve_unix_socket, essential=True),
            Supervised("batch_sender", self._batch_sender.serve),
            Supervised("page", self._rendering.serve),
        ]
        if self._looks_up:
            doors.append(Supervised("name_lookup", self._lookup.serve))
        return doors

    def stop_accepting(self) -> None:
        """Who connects from now on waits in the kernel's queue for the next generation."""
        self._accepting.stop()

    def accept_again(self) -> None:
        """Serve who connects, and who has waited: there is no next generation yet."""
        self._accepting.resume()


def _proxies(settings: Settings) -> ProxyRule:
    believed = settings.server.use_xheaders
    return ProxyRule(settings.authorization.trusted_proxies if believed else ())
