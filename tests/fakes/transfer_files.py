"""A small file manager behind the protocols of uploads and downloads, and a door with both."""

import os
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trio

from config.settings.authorization import parse_cors_domains
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.clients.registry import Clients
from mrk.definitions.limits import Limits
from mrk.errors import ClientError
from mrk.files.paths import safe_parts
from mrk.files.records import Item
from mrk.files.temporary import is_temporary
from mrk.files.transfers import PrintOutcome, PrintStart
from mrk.frontends.front_end import FrontEnd
from mrk.http.cors import CorsRules
from mrk.http.streamed_paths import DoorRules
from mrk.web.page_messages import PageFacts
from nurseries.testing.memory import MemoryPages
from tests.fakes.accounts import FakeAccounts
from tests.fakes.http_house import trusted
from tests.fakes.request_authorizer import authorizer
from transports.door.acceptor import Door
from transports.door.api_http import ApiHttp
from transports.door.route_table import RouteTable
from transports.door.routes import Routes
from transports.frontends.front_ends import ServedFrontEnds
from transports.frontends.static_files import StaticFiles
from transports.transfers.file_answers import FileSender
from transports.transfers.routes import Transfers
from transports.web.pages import Pages


@dataclass
class Stored:
    item: Item
    announced: list[str]
    sha256: str | None

    def announce(self) -> None:
        self.announced.append(f"{self.item.root}/{self.item.path}")


@dataclass
class FolderFiles:
    """Roots are folders; `in_use` are paths that are refused, `announced` what was told.

    `storing` is waited for before a file gets into its place.
    """

    roots: dict[str, Path]
    in_use: set[str] = field(default_factory=set)
    announced: list[str] = field(default_factory=list)
    refuse_storing: bool = False
    storing: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint

    def upload_folders(self) -> list[str]:
        return [str(path) for path in self.roots.values()]

    def _place(self, root: str, folder: str, filename: str) -> str:
        if root not in self.roots:
            raise ClientError(f"There is no root {root}")
        folders, names = safe_parts(folder), safe_parts(filename)
        if not names:
            raise ClientError("The file has no name")
        place = "/".join((*folders, *names))
        if f"{root}/{place}" in self.in_use:
            raise ClientError("The file is loaded", 403)
        return place

    async def begin_upload(self, root: str, folder: str, filename: str) -> "Destination":
        await trio.lowlevel.checkpoint()
        path = self._place(root, folder, filename)
        return Destination(self, root, path)

    def open_download(self, root: str, path: str) -> int:
        if root not in self.roots:
            raise ClientError("There is no such root", 404)
        target = self.roots[root].joinpath(*safe_parts(path))
        return os.open(target, os.O_RDONLY | os.O_NONBLOCK)


@dataclass
class Destination:
    files: FolderFiles
    root: str
    path: str

    @property
    def target(self) -> Path:
        return self.files.roots[self.root] / self.path

    @property
    def folder(self) -> str:
        return str(next(path for path in self.target.parents if path.is_dir()))

    async def prepare(self) -> str:
        await trio.lowlevel.checkpoint()
        self.target.parent.mkdir(parents=True, exist_ok=True)
        return str(self.target.parent)

    async def store(self, temporary: str, sha256: str) -> Stored:
        assert is_temporary(os.path.basename(temporary))
        await self.files.storing()
        in_use = f"{self.root}/{self.path}" in self.files.in_use
        if self.files.refuse_storing or in_use:
            raise ClientError("The file is loaded", 403)
        os.replace(temporary, self.target)
        status = self.target.stat()
        item = Item(self.path, self.root, status.st_mtime, status.st_size, "rw")
        return Stored(item, self.files.announced, sha256)


@dataclass
class Prints:
    """Answers wishes to print with `outcome`."""

    outcome: PrintOutcome = field(default_factory=lambda: PrintOutcome(PrintStart.STARTED))
    asked: list[str] = field(default_factory=list)
    users: list[str | None] = field(default_factory=list)

    async def print_upload(self, filename: str, user: str | None = None) -> PrintOutcome:
        await trio.lowlevel.checkpoint()
        self.asked.append(filename)
        self.users.append(user)
        return self.outcome


@dataclass
class TransferHouse:
    """A door with uploads, downloads, a few API endpoints and the landing page."""

    folder: Path
    limits: Limits = field(default_factory=Limits)
    max_upload_bytes: int = 1024 * 1024 * 1024
    route_prefix: str = ""
    cors_domains: Sequence[str] = ()
    logs: dict[str, Callable[[], str | None]] = field(default_factory=dict)
    prints: Prints = field(default_factory=Prints)
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    front_ends: Sequence[FrontEnd] = ()
    secure_ports: Sequence[int] = ()
    read_back: Callable[[str], str] | None = None

    def __post_init__(self) -> None:
        roots = {name: self.folder / name for name in ("gcodes", "config")}
        for root in roots.values():
            root.mkdir(parents=True, exist_ok=True)
        self.gcodes = roots["gcodes"]
        self.files = FolderFiles(roots)
        table = Table(
            [
                Endpoint(
                    "/server/info",
                    ("GET",),
                    NoParams,
                    lambda p, c: {"ok": True},
                    "Info.",
                    access=Access.ADMIN,
                ),
                Endpoint(
                    "/server/files/{path...}",
                    ("DELETE",),
                    None,
                    lambda a, c: a,
                    "Delete.",
                    access=Access.ADMIN,
                ),
                Endpoint(
                    "/server/files/move",
                    ("POST",),
                    None,
                    lambda a, c: a,
                    "Move.",
                    access=Access.OPERATE,
                ),
            ]
        )
        self.authorizer = authorizer(cors_domains=self.cors_domains, accounts=self.accounts)
        patterns: tuple[re.Pattern[str], ...] = parse_cors_domains(list(self.cors_domains))[0]
        cors = CorsRules(patterns, trusted)
        transfers = Transfers(
            self.files,
            self.files,
            self.prints,
            self.authorizer,
            cors,
            self.limits,
            max_upload_bytes=self.max_upload_bytes,
            logs=self.logs,
            upload_paths={
                "/server/files/upload": "/server/files",
                "/api/files/local": "/api/files/moonraker",
            },
            route_prefix=self.route_prefix,
            read_back=self.read_back,
        )
        api = ApiHttp(
            table,
            Rpc(table, trio.lowlevel.checkpoint, 10),
            Clients(),
            self.authorizer,
            cors,
            self.limits,
            route_prefix=self.route_prefix,
        )
        web = Pages(
            cors,
            self.authorizer,
            _facts,
            MemoryPages().render,
            route_prefix=self.route_prefix,
        )
        rules = DoorRules(
            self.authorizer,
            cors,
            self.limits,
            self.route_prefix,
            FileSender(),
            lambda port: port in self.secure_ports,
        )
        files = {one.name: StaticFiles(one) for one in self.front_ends}
        served = ServedFrontEnds(self.front_ends, files, rules)
        self.routes = RouteTable(
            api, self.authorizer, web, upgrades={}, streamed=[transfers], fallbacks=[served]
        )
        self.door = Door(Routes(self.routes), self.limits)

    def leftovers(self) -> list[str]:
        """Names below the roots that belong to unfinished files."""
        return [path.name for path in self.folder.rglob("*") if is_temporary(path.name)]


async def _facts() -> PageFacts:
    await trio.lowlevel.checkpoint()
    return PageFacts("v0.10.0-mrk-test", "ready")
