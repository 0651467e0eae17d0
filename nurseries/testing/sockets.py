"""A whole daemon in the test's own process, on a real data folder and real sockets.

For what memory streams cannot show: strangers' client libraries, restarts, descriptors.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from config.backup import load_or_backup
from config.paths import Paths, create_folders
from nurseries.client.channels import open_unix_channel, open_websocket_channel
from nurseries.client.rpc_client import RpcClient, open_rpc_client
from nurseries.process.free_ports import free_port
from nurseries.process.service_manager import ServiceManager
from nurseries.root.daemon import Daemon
from nurseries.root.real_surroundings import NoLog
from nurseries.testing.memory import wait_klippy
from nurseries.virtual_printer.gcodes import DiskFolder, sample_gcode
from nurseries.virtual_printer.service import VirtualPrinter, VirtualPrinterSettings

_CONFIGURATION = """\
[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {{data_path}}/comms/klippy.sock
{options}
[authorization]
trusted_clients:
  127.0.0.0/8

{sections}
"""


@dataclass(frozen=True, slots=True)
class SocketDaemon:
    """A running daemon; `daemon.generation` is the current generation."""

    daemon: Daemon
    printer: VirtualPrinter
    paths: Paths
    port: int

    @property
    def url(self) -> str:
        """Base of HTTP addresses, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        """The primary websocket."""
        return f"ws://127.0.0.1:{self.port}/websocket"

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[RpcClient]:
        """A client on the unix socket."""
        opened = open_unix_channel(self.paths.unix_socket)
        async with opened as channel, open_rpc_client(channel) as client:
            yield client

    @contextlib.asynccontextmanager
    async def connect_websocket(self) -> AsyncIterator[RpcClient]:
        """A client on the primary websocket."""
        opened = open_websocket_channel(self.websocket_url)
        async with opened as channel, open_rpc_client(channel) as client:
            yield client

    async def wait_klippy(self, state: str = "ready") -> None:
        """Return once `klippy_state` is `state`."""
        await wait_klippy(self.daemon.generation.link, state)

    async def wait_generation(self, number: int) -> None:
        """Return once generation `number` is linked to a ready printer."""
        await self.daemon.wait_generation(number)
        await self.wait_klippy()


@contextlib.asynccontextmanager
async def open_socket_daemon(
    folder: Path,
    options: str = "",
    settings: VirtualPrinterSettings | None = None,
    sections: str = "",
) -> AsyncIterator[SocketDaemon]:
    """Run a printer and a daemon in data folder `folder` while the block lasts.

    `options` are further lines of `[server]`, `sections` whole further ones. Returns once the
    printer is ready.
    """
    paths = Paths(data=folder, unix_socket=folder / "comms" / "moonraker.sock")
    create_folders(paths)
    port = free_port()
    text = _CONFIGURATION.format(port=port, options=options, sections=sections)
    (paths.config / "moonraker.conf").write_text(text)
    name, content = sample_gcode()
    (paths.gcodes / name).write_bytes(content)
    settings = replace(
        settings or VirtualPrinterSettings(), socket_path=paths.comms / "klippy.sock"
    )
    printer = VirtualPrinter(settings, DiskFolder(paths.gcodes))
    daemon = Daemon(paths, load_or_backup(paths), NoLog(), [], ServiceManager(), has_services=False)
    async with trio.open_nursery() as nursery:
        await nursery.start(printer.serve)
        await nursery.start(daemon.serve)
        running = SocketDaemon(daemon, printer, paths, port)
        await running.wait_klippy()
        yield running
        daemon.stop()
        nursery.cancel_scope.deadline = trio.current_time() + 2
        nursery.cancel_scope.cancel()
