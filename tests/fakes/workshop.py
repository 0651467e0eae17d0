"""Job state, queue and history wired as the root does, on a virtual printer in memory.

The printer and the database outlive a `Shop`: leaving `open_shop` is the end of one mrk, entering
it again the next start.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import trio
import trio.testing

from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.database.database_protocols import TablesPort
from mrk.errors import Transient
from mrk.gcode.extrusion import FileExtrusion
from mrk.jobs.queue import ONE_BY_ONE, Transitions
from mrk.jobs.starters import Starters
from mrk.supervision import Backoff, Supervision
from mrk.virtual_printer.memory_folder import MemoryFolder
from nurseries.jobs.history import History
from nurseries.jobs.job_queue import JobQueue
from nurseries.jobs.job_state import JobState
from nurseries.klippy.link import KlippyLink
from nurseries.klippy.printer import Printer
from nurseries.supervise import guarded, supervise
from nurseries.virtual_printer.service import VirtualPrinter, VirtualPrinterSettings
from tests.fakes.results import read_result

BEAT = Backoff(first_s=0.25, limit_s=0.25)
UNIX_TIME = 1_700_000_000.0
# Heats, moves for a while, and uses 20 mm of filament.
PART = b"G28\nM109 S180\nG92 E0\nG1 X10 F600\n" + b"".join(
    b"G1 X%d E%d F6000\n" % (10 + 100 * (n % 2), n) for n in range(1, 21)
)


class FakeFiles:
    """`PrintedFiles` and `JobMetadata`: names with their mtime and record."""

    def __init__(self, *names: str) -> None:
        self.mtimes = dict.fromkeys(names, 500.0)
        self.records: dict[str, dict[str, Any]] = {}
        self.noted: list[tuple[str, float, str]] = []
        self.texts: dict[str, bytes] = {}
        self.stalled = False
        self.slow_s = 0.0

    async def exists(self, path: str) -> bool:
        if self.slow_s:
            await trio.sleep(self.slow_s)
        return path in self.mtimes

    async def modified(self, paths: Sequence[str]) -> list[float | None]:
        if self.stalled:
            await trio.sleep_forever()
        return [self.mtimes.get(path) for path in paths]

    def get(self, path: str) -> dict[str, Any] | None:
        return self.records.get(path)

    async def extruded_mm(
        self, path: str, known: Mapping[str, Any], until: int | None = None
    ) -> float | None:
        await trio.lowlevel.checkpoint()
        if path not in self.texts:
            return None
        extrusion = FileExtrusion()
        extrusion.feed(self.texts[path][:until].splitlines(keepends=True))
        return extrusion.used_mm

    async def note_print(self, path: str, print_start_time: float, job_id: str) -> None:
        await trio.lowlevel.checkpoint()
        self.noted.append((path, print_start_time, job_id))


class Commands:
    """`CommandLog`."""

    def __init__(self) -> None:
        self.scripts: list[str] = []

    def record_command(self, script: str) -> None:
        self.scripts.append(script)


@dataclass
class World:
    """What is there without mrk. `files` are on the printer's card and known to mrk alike."""

    printer: VirtualPrinter
    card: dict[str, bytes]
    files: FakeFiles
    database: TablesPort
    nursery: trio.Nursery
    wall_clock: Callable[[], float]
    linkable: bool = True
    clock_set_s: float = 0.0

    def shown_clock(self) -> float:
        """The wall clock, which somebody may have set."""
        return self.wall_clock() + self.clock_set_s

    def put(self, *names: str, text: bytes = PART) -> None:
        for name in names:
            self.card[name] = self.files.texts[name] = text
            self.files.mtimes[name] = 500.0

    async def open_klippy(self) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        if self.printer.state == "disconnected" or not self.linkable:
            raise Transient("the virtual printer is away")
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.printer.serve_stream, theirs)
        return ours


@contextlib.asynccontextmanager
async def open_world(database: TablesPort, speed: float = 1.0) -> AsyncIterator[World]:
    """A printer that runs as long as the block. Wall time follows Trio's clock."""
    folder = MemoryFolder()
    printer = VirtualPrinter(VirtualPrinterSettings(speed=speed), folder)
    began = trio.current_time()

    def wall_clock() -> float:
        return UNIX_TIME + (trio.current_time() - began) * speed

    async with trio.open_nursery() as nursery:
        await nursery.start(printer.serve)
        yield World(printer, folder.files, FakeFiles(), database, nursery, wall_clock)
        nursery.cancel_scope.cancel()


@dataclass
class Shop:
    """One running mrk, as far as jobs go."""

    world: World
    transitions: Transitions = ONE_BY_ONE
    auxiliary: tuple[Any, ...] = ()
    clients: Clients = field(default_factory=Clients)
    commands: Commands = field(default_factory=Commands)
    starters: Starters = field(default_factory=Starters)
    parts: dict[str, Supervision] = field(default_factory=dict)
    scopes: dict[str, trio.CancelScope] = field(default_factory=dict)

    def __post_init__(self) -> None:
        world, clock = self.world, self.world.shown_clock
        self.link = KlippyLink(world.open_klippy, self.clients)
        self.table = Table()
        self.job_state = JobState(self.link, lambda: self.starters.last_number)
        self.printer = Printer(
            self.link, self.clients, self.commands, self.table.extend, self.starters,
            self.job_state,
        )  # fmt: skip
        self.queue = JobQueue(
            self.link, self.printer.gcode, self.job_state, world.files, world.database,
            self.clients, self.transitions, wall_clock=clock,
        )  # fmt: skip
        self.history = History(
            self.job_state, world.files, world.files, world.database, self.clients,
            self.starters, auxiliary=self.auxiliary, wall_clock=clock,
            monotonic=world.wall_clock,
        )  # fmt: skip
        for part in ("job_state", "job_queue", "history"):
            self.parts[part] = Supervision(part, backoff=BEAT)
        self.table.extend(
            [
                *self.printer.endpoints(),
                *self.printer.usual_endpoints(),
                *guarded(self.parts["job_queue"], self.queue.endpoints()),
                *guarded(self.parts["history"], self.history.endpoints()),
            ]
        )
        outbox = Outbox(lambda payload: payload + b"\n", 40_000_000, lambda: None)
        self.client = Client(self.clients.next_id(), Transport.UNIX, outbox, authorized=True)
        self.clients.add(self.client)

    async def call(self, method: str, *, user: str | None = None, **params: Any) -> Any:
        """Call as a client does; the result as it would read it."""
        caller = Caller(Transport.UNIX, connection_id=self.client.id, user=user)
        outcome = self.table.method(method, Transport.UNIX).call(params, caller)
        return await read_result(outcome)

    def notes(self, method: str) -> list[Any]:
        """Take what waits for the client; the params of one kind of notification."""
        messages = [json.loads(line) for line in self.client.outbox.take().splitlines()]
        return [m["params"][0] for m in messages if m["method"] == method]

    async def run(self, script: str) -> None:
        """G-code on the printer."""
        await self.printer.gcode.run_gcode(script)

    async def until(self, state: str) -> None:
        """Return once the printer's job is in that state."""
        await self.when(lambda: self.job_state.snapshot is not None
                        and self.job_state.snapshot.stats.state == state)  # fmt: skip

    async def when(self, done: Callable[[], bool]) -> None:
        """Return once the world is so; looks at it often (the printer reports 4 times a second)."""
        with trio.fail_after(600):
            while not done():  # noqa: ASYNC110 - the printer is the event
                await trio.sleep(0.05)

    async def jobs(self) -> list[dict[str, Any]]:
        """The history, newest first."""
        listed = await self.call("server.history.list")
        assert listed["count"] == len(listed["jobs"])
        return listed["jobs"]

    async def queued(self) -> tuple[list[str], str]:
        """Names in the queue, and its state."""
        status = await self.call("server.job_queue.status")
        return [job["filename"] for job in status["queued_jobs"]], status["queue_state"]

    async def restart(self, name: str) -> None:
        """Have one part begin anew, as the supervisor does after it fell behind."""
        restarts = self.parts[name].restarts
        self.scopes[name].cancel()
        await self.when(lambda: self.parts[name].restarts > restarts)
        await trio.testing.wait_all_tasks_blocked()


@contextlib.asynccontextmanager
async def open_shop(
    world: World, transitions: Transitions = ONE_BY_ONE, auxiliary: tuple[Any, ...] = ()
) -> AsyncIterator[Shop]:
    """A linked mrk; it ends as at SIGTERM when the block is left."""
    shop = Shop(world, transitions, auxiliary)
    services = {
        "job_state": shop.job_state.serve,
        "job_queue": shop.queue.serve,
        "history": shop.history.serve,
    }

    def restartable(name: str) -> Any:
        async def serve() -> None:
            with trio.CancelScope() as scope:
                shop.scopes[name] = scope
                await services[name]()
            raise Transient("fell behind")

        return serve

    async with trio.open_nursery() as link:
        link.start_soon(
            supervise, Supervision("klippy", essential=True, backoff=BEAT), shop.link.serve
        )
        async with trio.open_nursery() as parts:
            for name, part in shop.parts.items():
                parts.start_soon(supervise, part, restartable(name))
            if world.linkable:
                await shop.when(lambda: shop.job_state.snapshot is not None)
            await trio.testing.wait_all_tasks_blocked()
            yield shop
            parts.cancel_scope.cancel()
        link.cancel_scope.cancel()
