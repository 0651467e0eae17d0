"""The virtual printer as a subsystem: its socket, its runs one after another, its settings.

`serve` owns the socket file and everything that runs, and ends by cancellation only; a RESTART ends
one run, removes the socket and begins the next, as Klipper does.
"""

import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from mrk.errors import MrkError
from mrk.virtual_printer.faults import Fault
from mrk.virtual_printer.klippy import Klippy, KlippySettings
from mrk.virtual_printer.objects.kinematics import AxisHardware
from mrk.virtual_printer.objects.virtual_sdcard import SdcardFolder
from nurseries.virtual_printer.link_faults import LinkFaults
from nurseries.virtual_printer.run import VirtualClock, VirtualKlippyRun

FASTEST = 1000.0


@dataclass(frozen=True, slots=True)
class VirtualPrinterSettings:
    """How the printer is served.

    `socket_path` None serves given streams only. `speed` is virtual seconds per real second, above
    0 and up to 1000. `startup_s` and `restart_s` are real seconds: the state startup, and the time
    without a socket during a restart. Beyond `output_limit_bytes` of unread output a client is cut.
    """

    socket_path: Path | None = None
    speed: float = 1.0
    startup_s: float = 0.5
    restart_s: float = 0.5
    faults: tuple[Fault, ...] = ()
    output_limit_bytes: int = 4 * 1024 * 1024
    frame_limit_bytes: int = 4 * 1024 * 1024
    klippy: KlippySettings = field(default_factory=KlippySettings)

    def __post_init__(self) -> None:
        if not 0.0 < self.speed <= FASTEST:
            raise MrkError(f"speed {self.speed} is not above 0 and up to {FASTEST:g}")


class VirtualPrinter:
    """One printer; its hardware outlives the runs of its Klippy."""

    def __init__(self, settings: VirtualPrinterSettings, folder: SdcardFolder) -> None:
        self._settings = settings
        self._folder = folder
        self._hardware = AxisHardware()
        self._faults = LinkFaults()
        self._run: VirtualKlippyRun | None = None

    @property
    def state(self) -> str:
        """Klippy's state, or `disconnected` between two runs."""
        return "disconnected" if self._run is None else self._run.klippy.state

    def order(self, fault: Fault) -> None:
        """Carry out a fault now; without a run there is nothing to disturb."""
        if self._run is not None:
            self._run.klippy.order(fault)
            self._run.wake()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve run after run; started when the first can be reached."""
        reachable = trio.Event()
        async with trio.open_nursery() as nursery:
            for fault in self._settings.faults:
                nursery.start_soon(self._order_later, fault, name=f"fault {fault.kind.value}")
            nursery.start_soon(self._serve_runs, reachable, name="virtual printer runs")
            await reachable.wait()
            task_status.started()

    async def serve_stream(self, stream: trio.abc.Stream) -> None:
        """Serve one client on a stream of the caller's; closed at once between two runs."""
        if self._run is None:
            await trio.aclose_forcefully(stream)
            return
        settings = self._settings
        await self._run.serve_connection(
            stream, settings.output_limit_bytes, settings.frame_limit_bytes
        )

    async def _serve_runs(self, reachable: trio.Event) -> None:
        clock = VirtualClock(self._settings.speed)
        while True:
            await self._serve_run(clock, reachable)
            await trio.sleep(self._settings.restart_s)

    async def _serve_run(self, clock: VirtualClock, reachable: trio.Event) -> None:
        settings = self._settings
        klippy = Klippy(settings.klippy, self._folder, self._hardware, clock.eventtime())
        run = self._run = VirtualKlippyRun(klippy, clock, self._faults)
        try:
            async with trio.open_nursery() as clients:
                async with self._listener() as listener, trio.open_nursery() as nursery:
                    if listener is not None:
                        nursery.start_soon(self._accept, listener, clients)
                    nursery.start_soon(self._start_up, run, name="virtual printer start-up")
                    reachable.set()
                    await run.drive()
                    nursery.cancel_scope.cancel()
                # The socket is gone before the first client hears so: no way back into this run.
                self._run = None
                await run.close_connections()
                clients.cancel_scope.cancel()
        finally:
            self._run = None
            run.cut_connections()
            klippy.close()

    async def _start_up(self, run: VirtualKlippyRun) -> None:
        await trio.sleep(self._settings.startup_s)
        run.klippy.start_up()
        run.wake()

    async def _order_later(self, fault: Fault) -> None:
        await trio.sleep(fault.after_s)
        self.order(fault)

    @asynccontextmanager
    async def _listener(self) -> AsyncIterator[trio.SocketListener | None]:
        """The listening socket, its file replaced before and removed after; None without a path."""
        path = self._settings.socket_path
        if path is None:
            yield None
            return
        _remove_socket(path)
        with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            try:
                await listening.bind(os.fspath(path))
                listening.listen(64)
                yield trio.SocketListener(listening)
            finally:
                _remove_socket(path)

    async def _accept(self, listener: trio.SocketListener, clients: trio.Nursery) -> None:
        while True:
            stream = await listener.accept()
            clients.start_soon(self.serve_stream, stream, name="virtual printer client")


def _remove_socket(path: Path) -> None:
    """Remove what an earlier run left; anything but a socket is not ours to remove."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise MrkError(f"{path} exists and is not a socket")
    path.unlink()
