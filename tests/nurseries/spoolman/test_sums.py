"""Whatever happens in whatever order, each spool's sum is the truth: what was told to Spoolman and
what is still to be told make up what the extruders pushed."""

from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.fakes.spoolman_http import Fault
from tests.nurseries.spoolman.house import SYNC_S, Mrk, Workshop, open_workshop

SPOOLS = (1, 2, 3)
TOOLS = ("extruder", "extruder1")
CLOSE_MM = 0.1

pushes = st.tuples(
    st.just("push"),
    st.integers(-2000, 9000).map(lambda hundredths: hundredths / 100),
    st.sampled_from(TOOLS),
    st.booleans(),
)
waits = st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, SYNC_S, 3 * SYNC_S, 90.0]))
lengths = st.integers(100, 9000).map(lambda hundredths: hundredths / 100)
steps = st.one_of(
    pushes,
    waits,
    st.tuples(st.just("report"), lengths, st.sampled_from(Fault), st.sampled_from([6.0, 12.0])),
    st.tuples(st.just("crash"), lengths, st.integers(0, 25)),
    st.tuples(st.just("select"), st.sampled_from((None, *SPOOLS))),
    st.tuples(st.just("tool"), st.sampled_from((None, *SPOOLS))),
    st.tuples(st.just("away"), st.booleans()),
    st.tuples(st.just("kill"), st.sampled_from([0.0, 0.6, SYNC_S]), st.integers(0, 25)),
    st.tuples(st.just("stop")),
    st.tuples(st.just("printer"), st.sampled_from(["restart", "firmware", "drop", "restore"])),
)


class Model:
    """The truth, beside what runs. While mrk is down, the next step that needs it starts it."""

    def __init__(self, shop: Workshop, nursery: trio.Nursery) -> None:
        self.shop = shop
        self.nursery = nursery
        self.truth = dict.fromkeys(SPOOLS, 0.0)
        self.active: int | None = None
        self.tools: dict[str, int] = {}
        self.tool = TOOLS[0]
        self.mrk: Mrk | None = None

    async def start(self) -> Mrk:
        if self.mrk is None:
            self.mrk = Mrk(self.shop)
            await self.nursery.start(self.mrk.run)
            if not self.shop.http.away:
                self.mrk.link.connect()
            await trio.testing.wait_all_tasks_blocked()
        return self.mrk

    async def end(self, *, killed: bool) -> None:
        if self.mrk is not None:
            self.mrk.kill() if killed else self.mrk.scope.cancel()
            self.mrk = None
            await trio.testing.wait_all_tasks_blocked()
            await trio.sleep(2)

    async def step(self, kind: str, *args: Any) -> None:
        await getattr(self, f"do_{kind}")(*args)
        await trio.testing.wait_all_tasks_blocked()

    async def do_push(self, mm: float, tool: str, told: bool) -> None:
        if tool != self.tool:
            # Klipper shows the active extruder only: what another did unseen is counted when it
            # is active again, for the spool that it has then.
            await self.ready()
            self.shop.klippy.beat()
            await trio.testing.wait_all_tasks_blocked()
            self.tool, told = tool, True
        self.shop.klippy.push(mm, tool, beat=told)
        spool = self.tools.get(tool, self.active)
        if spool is not None:
            self.truth[spool] += mm

    async def do_wait(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def do_report(self, mm: float, fault: Fault, wait_s: float) -> None:
        """A report that something happens to."""
        await self.ready()
        self.shop.http.faults.append(fault)
        await self.do_push(mm, self.tool, True)
        await trio.sleep(wait_s)

    async def do_crash(self, mm: float, turns: int) -> None:
        """A crash at some turn of the event loop while a report is made."""
        await self.ready()
        await trio.testing.wait_all_tasks_blocked()
        await self.do_push(mm, self.tool, True)
        await self.do_kill(SYNC_S, turns)

    async def do_select(self, spool: int | None) -> None:
        mrk = await self.ready()
        await mrk.call("post_spool_id", spool_id=spool)
        self.active = spool

    async def do_tool(self, spool: int | None) -> None:
        mrk = await self.ready()
        await mrk.call("post_tool_spool", tool=TOOLS[1], spool_id=spool)
        self.tools = {} if spool is None else {TOOLS[1]: spool}

    async def ready(self) -> Mrk:
        """Linked to the printer: what was pushed before belongs to the old spool."""
        mrk = await self.start()
        await self.do_printer("restore")
        await trio.testing.wait_all_tasks_blocked()
        return mrk

    async def do_away(self, away: bool) -> None:
        self.shop.http.away = away
        if self.mrk is not None:
            self.mrk.link.connect(not away)

    async def do_kill(self, delay_s: float, turns: int) -> None:
        mrk = await self.start()
        del mrk
        await trio.sleep(delay_s)
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        await self.end(killed=True)

    async def do_stop(self) -> None:
        await self.end(killed=False)

    async def do_printer(self, what: str) -> None:
        klippy = self.shop.klippy
        if what == "restore":
            if klippy.state == "disconnected":
                klippy.restore_link()
            return
        if what == "drop":
            if klippy.state != "disconnected":
                klippy.drop_link()
            return
        # What was pushed just before a restart, and not told, nobody can know.
        await self.ready()
        klippy.beat()
        await trio.testing.wait_all_tasks_blocked()
        klippy.restart(firmware=what == "firmware")
        klippy.print(f"{klippy.eventtime}.gcode")
        self.tool = TOOLS[0]

    async def settle(self) -> None:
        """Everything is well again, for long enough."""
        self.shop.http.faults.clear()
        await self.do_away(False)
        mrk = await self.ready()
        self.shop.klippy.beat()
        await trio.sleep(400)
        for spool, truth in self.truth.items():
            account = mrk.reporter.book.ledger.accounts.get(spool)
            unreported = 0.0 if account is None else account.unreported_mm
            told = self.shop.rules.used_mm(spool)
            assert told + unreported == pytest.approx(truth, abs=CLOSE_MM)
            assert unreported < CLOSE_MM
            assert account is None or account.sending is None
        await self.end(killed=False)


async def live(plan: list[tuple[Any, ...]]) -> None:
    async with open_workshop() as shop, trio.open_nursery() as nursery:
        for _ in SPOOLS:
            shop.rules.add()
        shop.klippy.print()
        model = Model(shop, nursery)
        await model.start()
        await model.step("printer", "restart")
        await model.step("select", SPOOLS[0])
        for one in plan:
            await model.step(*one)
        await model.settle()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=5, max_size=60))
def test_sums_are_the_truth(plan):
    note(f"{plan}")
    trio.run(live, plan, clock=trio.testing.MockClock(autojump_threshold=0))
