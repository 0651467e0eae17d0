"""Counted from a whole (virtual) Klipper over its own protocol: g-code in, millimetres out."""

import contextlib

import pytest
import trio

from mrk.clients.registry import Clients
from mrk.spool.schema import SPOOL_MIGRATIONS
from mrk.supervision import Backoff, Supervision
from nurseries.klippy.link import KlippyLink
from nurseries.spoolman.reporter import SpoolReporter
from nurseries.spoolman.server import SpoolmanServer
from nurseries.supervise import supervise
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.spoolman_http import URL, SpoolmanHttp
from tests.fakes.workshop import BEAT, open_world
from tests.nurseries.spoolman.house import StubLink

near = pytest.approx


class Bench:
    def __init__(self, world, http):
        self.http = http
        self.clients = Clients()
        self.klippy = KlippyLink(world.open_klippy, self.clients)
        self.link = StubLink()
        self.reporter = SpoolReporter(
            self.klippy,
            world.database,
            self.clients,
            SpoolmanServer(URL, http),
            self.link,
        )

    async def run(self, *lines):
        await self.klippy.call("gcode/script", {"script": "\n".join(lines)})

    async def used(self, spool_id=1):
        await trio.sleep(6)
        return self.http.rules.used_mm(spool_id)

    async def ready(self):
        while self.klippy.klippy_state != "ready":  # noqa: ASYNC110 - the printer is the event
            await trio.sleep(0.1)
        await trio.sleep(0.5)


@contextlib.asynccontextmanager
async def open_bench():
    database = MemoryDatabase(SPOOL_MIGRATIONS)
    async with open_world(database) as world, trio.open_nursery() as nursery:
        http = SpoolmanHttp(nursery)
        http.rules.add(), http.rules.add()
        bench = Bench(world, http)
        part = Supervision("klippy", essential=True, backoff=BEAT)
        nursery.start_soon(supervise, part, bench.klippy.serve)
        nursery.start_soon(
            supervise, Supervision("spoolman", backoff=Backoff()), bench.reporter.serve
        )
        await bench.ready()
        bench.link.connect()
        await bench.reporter.set_spool(None, 1)
        yield bench, world
        nursery.cancel_scope.cancel()
    database.close()


async def test_gcode_to_millimetres(autojump_clock):
    async with open_bench() as (bench, _world):
        await bench.run("G28", "M109 S200", "G92 E0", "G1 X100 E5 F6000")
        assert await bench.used() == near(5)
        await bench.run("G92 E100", "G1 X20 E103", "G92 E0", "M83", "G1 E-1", "G1 X100 E1")
        assert await bench.used() == near(8)
        await bench.run("M221 S200", "G1 X10 E2", "M221 S100", "M82")
        assert await bench.used() == near(12)


async def test_a_macro_changes_the_spool(autojump_clock):
    async with open_bench() as (bench, _world):
        await bench.run("G28", "M109 S200", "M83", "G1 X100 E5 F6000")
        await bench.reporter.set_spool(None, 2)
        await bench.run("G1 X200 E7")
        assert (await bench.used(1), await bench.used(2)) == (near(5), near(7))


@pytest.mark.parametrize("how", ["gcode/restart", "gcode/firmware_restart"])
async def test_restarted(how, autojump_clock):
    async with open_bench() as (bench, _world):
        await bench.run("G28", "M109 S200", "M83", "G1 X100 E5 F6000")
        assert await bench.used() == near(5)
        with contextlib.suppress(Exception):
            await bench.klippy.call(how)
        await trio.sleep(1)
        await bench.ready()
        await bench.run("G28", "M109 S200", "M83", "G1 X100 E3 F6000")
        assert await bench.used() == near(8)


async def run_generation(world, http, *lines):
    """Everything begins at once, while the link is being set up; what spool 1 has lost then."""
    bench = Bench(world, http)
    async with trio.open_nursery() as generation:
        part = Supervision("klippy", essential=True, backoff=BEAT)
        generation.start_soon(supervise, part, bench.klippy.serve)
        generation.start_soon(
            supervise, Supervision("spoolman", backoff=Backoff()), bench.reporter.serve
        )
        await bench.ready()
        bench.link.connect()
        await bench.reporter.set_spool(None, 1)
        await bench.run(*lines)
        used_mm = await bench.used()
        generation.cancel_scope.cancel()
    return used_mm


async def test_mrk_restarted_on_a_printer_that_runs(autojump_clock):
    database = MemoryDatabase(SPOOL_MIGRATIONS)
    async with open_world(database) as world, trio.open_nursery() as nursery:
        http = SpoolmanHttp(nursery)
        http.rules.add()
        lines = ("G28", "M109 S200", "M83", "G1 X100 E5 F6000")
        assert await run_generation(world, http, *lines) == near(5)
        assert await run_generation(world, http, "G1 X20 E3 F6000") == near(8)
        nursery.cancel_scope.cancel()
    database.close()
