"""A whole daemon in the test's own process, over memory streams: no socket, file or thread.

Time is Trio's, so with `autojump_clock` a print of hours takes a moment.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import trio
import trio.testing
import trio_websocket

from config.load import load_file
from config.paths import Paths
from mrk.api.endpoint import Endpoint
from mrk.errors import Transient
from mrk.estimate.estimate_protocols import PlannedFiles
from mrk.files.file_protocols import FileFollower
from mrk.files.transfers import DownloadFiles, UploadFiles
from mrk.gcode.processors import GcodeProcessor
from mrk.http.client import NO_HEADERS, Fetched, FetchFailed, TellSize
from mrk.http.file_download import Downloaded, DownloadLimits
from mrk.virtual_printer.memory_folder import MemoryFolder
from mrk.web.page_messages import PageAnswer, PageRequest
from nurseries.client.channels import EtxChannel, WebsocketChannel
from nurseries.client.rpc_client import RpcClient, open_rpc_client
from nurseries.klippy.link import KlippyLink
from nurseries.root.generation import Generation
from nurseries.root.real_surroundings import NoLog
from nurseries.root.surroundings import Surroundings
from nurseries.testing.memory_database import MemoryDatabase
from nurseries.virtual_printer.gcodes import sample_gcode
from nurseries.virtual_printer.service import VirtualPrinter, VirtualPrinterSettings
from transports.listeners.listeners import Listeners
from transports.web.asgi import ask

# What a peer address is over memory streams; trusted by default, as loopback is.
PEER = "127.0.0.1"


class MemoryListener(trio.abc.Listener[trio.abc.Stream]):
    """A listener whose clients are in the same process."""

    def __init__(self) -> None:
        self._arrive, self._arrivals = trio.open_memory_channel[trio.abc.Stream](1000)

    def connect(self) -> trio.abc.Stream:
        """A new connection: the client's end."""
        ours, theirs = trio.testing.memory_stream_pair()
        self._arrive.send_nowait(theirs)
        return ours

    async def ready(self) -> "MemoryListener":
        """Where a connection waits, or will: there is no other generation that could take it."""
        await trio.lowlevel.checkpoint()
        return self

    async def accept(self) -> trio.abc.Stream:
        """The server's end of the next connection."""
        return await self._arrivals.receive()

    async def aclose(self) -> None:
        """Nobody can connect any more."""
        self._arrive.close()
        await trio.lowlevel.checkpoint()


class MemoryPages:
    """Renders pages in the test's own process."""

    async def render(self, request: PageRequest) -> PageAnswer:
        """The page."""
        from transports.web.app import build_app  # few tests look at pages

        return await ask(build_app(), request)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Only wait."""
        task_status.started()
        await trio.sleep_forever()


class MemoryMetadata:
    """Nothing is scanned where there is no worker."""

    def get(self, path: str) -> Mapping[str, Any] | None:
        """Nothing is known."""
        return None

    async def extruded_mm(
        self, path: str, known: Mapping[str, Any], until: int | None = None
    ) -> float | None:
        """Nobody reads files."""
        await trio.lowlevel.checkpoint()
        return None

    async def note_print(self, path: str, print_start_time: float, job_id: str) -> None:
        """There is no record to note it in."""
        await trio.lowlevel.checkpoint()


class MemoryFiles:
    """The file subsystem (`nurseries/root/file_subsystem.py`) over a dictionary: names for jobs, no
    endpoints."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files
        self.followers: list[FileFollower] = []
        self.processors: list[GcodeProcessor] = []
        self.metadata = MemoryMetadata()
        self.planned: PlannedFiles | None = None
        self.uploads: UploadFiles | None = None
        self.downloads: DownloadFiles | None = None
        self.registered_directories: list[str] = []
        self.warnings: list[str] = []

    async def exists(self, path: str) -> bool:
        """Whether the printer has it."""
        await trio.lowlevel.checkpoint()
        return path in self._files

    async def modified(self, paths: Sequence[str]) -> list[float | None]:
        """All files are as old as time itself."""
        await trio.lowlevel.checkpoint()
        return [0.0 if path in self._files else None for path in paths]

    def may_read(self, path: Path) -> bool:
        """There is no disk."""
        return False

    def add_root(self, name: str, path: Path, *, writable: bool) -> None:
        """Only its name is known."""
        self.registered_directories.append(name)

    def endpoints(self) -> list[Endpoint]:
        """None: there is no disk."""
        return []

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Only wait."""
        task_status.started()
        await trio.sleep_forever()


class NoNetwork:
    """Nobody outside of the process can be reached."""

    async def get(
        self,
        url: str,
        *,
        most_bytes: int,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
    ) -> Fetched:
        """Raises `FetchFailed`."""
        return await self.request("GET", url, most_bytes=most_bytes)

    async def request(
        self,
        verb: str,
        url: str,
        *,
        most_bytes: int,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
        redirects: bool = False,
    ) -> Fetched:
        """Raises `FetchFailed`."""
        await trio.lowlevel.checkpoint()
        raise FetchFailed(f"{url}: there is no network over memory streams")

    async def download(
        self,
        url: str,
        target: Path,
        limits: DownloadLimits,
        tell: TellSize = lambda _size_bytes: None,
    ) -> Downloaded:
        """Raises `FetchFailed`."""
        await self.request("GET", url, most_bytes=limits.most_bytes)
        raise AssertionError("nobody answers")


@dataclass(frozen=True, slots=True)
class MemoryDaemon:
    """A running generation with its printer; `nursery` owns what is opened to it.

    `files` holds the printer's g-code files by name and may be changed at any time.
    """

    generation: Generation
    printer: VirtualPrinter
    files: dict[str, bytes]
    nursery: trio.Nursery
    unix_listener: MemoryListener

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[RpcClient]:
        """A client through the unix socket's transport."""
        stream = self.unix_listener.connect()
        async with stream, open_rpc_client(EtxChannel(stream)) as client:
            yield client

    @contextlib.asynccontextmanager
    async def connect_websocket(self, path: str = "/websocket") -> AsyncIterator[RpcClient]:
        """A client through the door and the websocket transport."""
        # Any stream serves; the library's annotation names those of the network only.
        stream = cast("Any", self.open_http())
        connection = await trio_websocket.wrap_client_stream(
            self.nursery, stream, "localhost", path
        )
        async with connection, open_rpc_client(WebsocketChannel(connection)) as client:
            yield client

    def open_http(self, peer: str = PEER) -> trio.abc.Stream:
        """A fresh connection to the TCP door, as `peer`."""
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.generation.door.serve_connection, theirs, peer)
        return ours

    async def wait_klippy(self, state: str = "ready") -> None:
        """Return once `klippy_state` is `state`."""
        await wait_klippy(self.generation.link, state)


async def wait_klippy(link: KlippyLink, state: str) -> None:
    """Return once `klippy_state` is `state`."""
    # The events of a second of a busy printer, far more than can come in one turn of the loop.
    with link.open_events("a test", 100) as events:
        if link.klippy_state == state:
            return
        async for _event in events:
            if link.klippy_state == state:
                return


@contextlib.asynccontextmanager
async def open_memory_daemon(
    settings: VirtualPrinterSettings | None = None, config_file: Path | None = None
) -> AsyncIterator[MemoryDaemon]:
    """Run a printer and a daemon while the block lasts, with default configuration or that file's.

    Returns once the daemon is linked to the printer and that one is ready.
    """
    folder = MemoryFolder()
    folder.files.update([sample_gcode()])
    printer = VirtualPrinter(settings or VirtualPrinterSettings(), folder)
    unix_listener = MemoryListener()
    listeners = cast("Any", Listeners)([], [], unix_listener, 0, None, None)
    async with trio.open_nursery() as nursery:

        async def open_klippy() -> trio.abc.Stream:
            if printer.state == "disconnected":
                raise Transient("the virtual printer restarts")
            ours, theirs = trio.testing.memory_stream_pair()
            nursery.start_soon(printer.serve_stream, theirs)
            return ours

        data = Path("/nowhere")
        paths = Paths(data=data, unix_socket=data / "moonraker.sock")
        surroundings = Surroundings(
            paths,
            open_klippy,
            NoLog(),
            lambda migrations, *_: MemoryDatabase(migrations),
            lambda *_: MemoryFiles(folder.files),
            NoNetwork(),
            instance_id="0" * 32,
            pages=MemoryPages(),
        )
        generation = Generation(1, load_file(config_file, paths), surroundings)
        ready = trio.Event()
        await nursery.start(printer.serve)
        nursery.start_soon(generation.serve, listeners, ready.set)  # noqa: ASYNC113 - waited for
        await ready.wait()
        daemon = MemoryDaemon(generation, printer, folder.files, nursery, unix_listener)
        await daemon.wait_klippy()
        yield daemon
        nursery.cancel_scope.cancel()
