from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mrk.errors import ClientError
from mrk.jobs.job_protocols import AuxiliaryValue
from mrk.jobs.schema import JOB_MIGRATIONS
from mrk.virtual_printer.faults import Fault, FaultKind
from nurseries.jobs import history_store
from nurseries.jobs.history import CHECKPOINT_S, FLUSH_S
from nurseries.jobs.pending_writes import RETRY_S
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.workshop import UNIX_TIME, Shop, World, open_shop, open_world

CHANGED = "notify_history_changed"


class Meter:
    """An auxiliary provider that counts the jobs it was told of."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.value = 1.5

    def begin_job(self) -> None:
        self.told.append("begin")

    def resume_job(self, fields: Sequence[Mapping[str, Any]]) -> None:
        self.told.append([(field["provider"], field["name"], field["value"]) for field in fields])

    def values(self) -> list[AuxiliaryValue]:
        return [AuxiliaryValue("sensor s", "power", self.value, "Power", "W", report_total=True)]


async def start(shop: Shop, filename: str = "a.gcode", user: str | None = None) -> None:
    await shop.call("printer.print.start", filename=filename, user=user)
    await shop.until("printing")


async def ended(shop: Shop) -> dict[str, Any]:
    """The newest job once it is over."""
    await shop.when(lambda: shop.job_state.snapshot is not None and not shop.job_state.is_active)
    await trio.testing.wait_all_tasks_blocked()
    return (await shop.jobs())[0]


async def totals(shop: Shop) -> dict[str, float]:
    found = (await shop.call("server.history.totals"))["job_totals"]
    assert isinstance(found, dict)
    return found


async def test_one_print(world: World, autojump_clock: MockClock) -> None:
    world.files.records["a.gcode"] = {"size": 7, "modified": 500.0, "job_id": "000009"}
    async with open_shop(world) as shop:
        await start(shop, user="ann")
        (running,) = await shop.jobs()
        assert (running["status"], running["end_time"], running["exists"]) == (
            "in_progress", None, True,
        )  # fmt: skip
        job = await ended(shop)
        assert job["job_id"] == "000001"
        assert (job["user"], job["filename"], job["status"]) == ("ann", "a.gcode", "completed")
        assert job["metadata"] == {"size": 7, "modified": 500.0}
        assert job["end_time"] - job["start_time"] == pytest.approx(job["total_duration"], abs=0.5)
        assert 20 < job["print_duration"] < job["total_duration"]
        assert job["filament_used"] == pytest.approx(20.0)
        assert world.files.noted == [("a.gcode", job["start_time"], "000001")]
        added, finished = shop.notes(CHANGED)
        assert (added["action"], finished["action"]) == ("added", "finished")
        assert added["job"] == running
        assert finished["job"] == job
        assert await totals(shop) == {
            "total_jobs": 1.0,
            "total_time": job["total_duration"],
            "total_print_time": job["print_duration"],
            "total_filament_used": job["filament_used"],
            "longest_job": job["total_duration"],
            "longest_print": job["print_duration"],
        }
        world.files.mtimes["a.gcode"] = 501.0
        assert (await shop.jobs())[0]["exists"] is False
        del world.files.mtimes["a.gcode"]
        assert (await shop.jobs())[0]["exists"] is False


async def test_a_file_that_changed_during_its_print_is_told(
    world: World, autojump_clock: MockClock
) -> None:
    world.files.records["a.gcode"] = {"modified": 500.0}
    async with open_shop(world) as shop:
        await start(shop)
        world.files.mtimes["a.gcode"] = 501.0
        await ended(shop)
        assert [note["job"]["exists"] for note in shop.notes(CHANGED)] == [True, False]


@pytest.mark.parametrize("known", ["at the start", "later"])
async def test_what_is_known_of_a_file_is_kept_whenever_it_was(
    world: World, autojump_clock: MockClock, known: str
) -> None:
    """A fresh upload is printed before it is read; a file may be deleted before its print ends."""
    record = {"modified": 500.0, "layer_height": 0.2}
    async with open_shop(world) as shop:
        if known == "at the start":
            world.files.records["a.gcode"] = record
        await start(shop)
        assert bool((await shop.jobs())[0]["metadata"]) is (known == "at the start")
        world.files.records.clear()
        if known == "later":
            world.files.records["a.gcode"] = record
        assert (await ended(shop))["metadata"] == record


async def test_a_share_that_is_away_holds_up_no_row(
    world: World, autojump_clock: MockClock
) -> None:
    world.files.stalled = True
    async with open_shop(world) as shop:
        await start(shop)
        await trio.sleep(10)
    world.files.stalled = False
    async with open_shop(shop_without_printer(world)) as shop:
        (job,) = await shop.jobs()
    assert job["status"] == "server_exit"
    assert job["total_duration"] == pytest.approx(10, abs=1.5)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("CANCEL_PRINT", "cancelled"),
        ("PAUSE\nSDCARD_RESET_FILE", "cancelled"),
        ('PAUSE\nSDCARD_PRINT_FILE FILENAME="b.gcode"', "cancelled"),
        ("RESTART", "klippy_disconnect"),
    ],
)
async def test_ends(world: World, autojump_clock: MockClock, end: str, status: str) -> None:
    async with open_shop(world) as shop:
        await start(shop)
        await trio.sleep(40)
        try:
            await shop.run(end)
        except ClientError:
            assert end == "RESTART"
        await trio.sleep(5)
        job = (await shop.jobs())[-1]
        assert job["status"] == status
        assert 39 < job["total_duration"] < 46
        assert job["filament_used"] > 1
        assert (await totals(shop))["total_jobs"] == 1.0


@pytest.mark.parametrize("wait_s", [0.0, 1.0])
async def test_a_second_start_that_is_forgiven_leaves_no_user_behind(
    world: World, autojump_clock: MockClock, wait_s: float
) -> None:
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode", user="ann")
        await trio.sleep(wait_s)
        await shop.call("printer.print.start", filename="a.gcode", user="bob")
        assert (await ended(shop))["user"] == "ann"
        await shop.run("M23 a.gcode\nM24")
        await shop.until("printing")
        assert [job["user"] for job in await shop.jobs()] == ["No User", "ann"]


async def test_a_second_start_that_is_refused_leaves_the_first_user(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode", user="ann")
        with pytest.raises(ClientError, match="SD busy"):
            await shop.call("printer.print.start", filename="b.gcode", user="bob")
        assert (await ended(shop))["user"] == "ann"


async def test_error_and_shutdown(world: World, autojump_clock: MockClock) -> None:
    world.put("bad.gcode", text=b"G28\nG4 P3000\nG1 X900\n")
    async with open_shop(world) as shop:
        await start(shop, "bad.gcode")
        assert (await ended(shop))["status"] == "error"
        await start(shop)
        world.printer.order(Fault(FaultKind.MCU_SHUTDOWN))
        await trio.sleep(3)
        assert (await shop.jobs())[0]["status"] == "klippy_shutdown"
    async with open_shop(world) as shop:
        await trio.sleep(3)
        assert [job["status"] for job in await shop.jobs()] == ["klippy_shutdown", "error"]
        assert (await totals(shop))["total_jobs"] == 2.0


@pytest.mark.parametrize("away_s", [3.0, 300.0])
async def test_a_job_goes_on_through_a_restart_of_mrk(
    world: World, autojump_clock: MockClock, away_s: float
) -> None:
    """It ends once, as completed, whether it ended while mrk was away or after."""
    meter = Meter()
    async with open_shop(world, auxiliary=(meter,)) as shop:
        await start(shop, user="ann")
        began = (await shop.jobs())[0]["start_time"]
        await trio.sleep(10)
    async with open_shop(shop_without_printer(world), auxiliary=(meter,)) as shop:
        (job,) = await shop.jobs()
        assert job["status"] == "server_exit"
        assert job["total_duration"] == pytest.approx(10, abs=1.5)
        assert (await totals(shop))["total_jobs"] == 1.0
        await trio.sleep(away_s)
    world.linkable = True
    async with open_shop(world, auxiliary=(meter,)) as shop:
        if away_s < 40:
            assert (await shop.jobs())[0]["status"] == "in_progress"
            assert (await totals(shop))["total_time"] == 0.0
        job = await ended(shop)
        assert len(await shop.jobs()) == 1
        assert (job["status"], job["user"], job["start_time"]) == ("completed", "ann", began)
        assert job["filament_used"] == pytest.approx(20.0)
        assert job["end_time"] - began == pytest.approx(job["total_duration"], abs=0.6)
        found = await shop.call("server.history.totals")
        assert found["job_totals"]["total_jobs"] == 1.0
        assert found["job_totals"]["total_time"] == job["total_duration"]
        assert found["auxiliary_totals"] == [
            {"provider": "sensor s", "field": "power", "maximum": None, "total": 1.5}
        ]
        # Once more when its filament is known, if nobody saw its end.
        told = ["finished"] if away_s < 40 else ["finished", "finished"]
        assert [note["action"] for note in shop.notes(CHANGED)] == told
    assert meter.told == ["begin", [("sensor s", "power", 1.5)]]


@pytest.mark.parametrize("linkable", [True, False])
async def test_a_job_over_which_klipper_halts_while_mrk_restarts(
    world: World, autojump_clock: MockClock, linkable: bool
) -> None:
    async with open_shop(world) as shop:
        await start(shop, user="ann")
        await trio.sleep(40)
    world.printer.order(Fault(FaultKind.MCU_SHUTDOWN))
    world.linkable = linkable
    async with open_shop(world) as shop:
        await trio.sleep(3)
        world.linkable = True
        await shop.when(lambda: shop.job_state.is_active)
        await trio.testing.wait_all_tasks_blocked()
        (job,) = await shop.jobs()
        assert (job["status"], job["user"]) == ("klippy_shutdown", "ann")
        assert job["end_time"] is not None
        assert (await totals(shop))["total_jobs"] == 1.0


def shop_without_printer(world: World) -> World:
    world.linkable = False
    return world


async def test_a_lost_link_is_no_end(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        await start(shop)
        world.printer.order(Fault(FaultKind.DROP_LINK, seconds=3))
        await shop.when(lambda: shop.job_state.snapshot is None)
        await trio.testing.wait_all_tasks_blocked()
        assert (await shop.jobs())[0]["status"] == "klippy_disconnect"
        await shop.until("printing")
        await trio.testing.wait_all_tasks_blocked()
        assert (await shop.jobs())[0]["status"] == "in_progress"
        await ended(shop)
        assert [job["status"] for job in await shop.jobs()] == ["completed"]
        assert (await totals(shop))["total_jobs"] == 1.0


async def test_a_job_that_klipper_forgot_is_interrupted(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    async with open_shop(world) as shop:
        await start(shop)
        await trio.sleep(130)
        # As kill -9 leaves it: the end of this mrk is not written.
        memory_database.failure = ClientError("gone", 503)
    memory_database.failure = None
    async with open_shop(world) as shop:
        pass
    async with open_shop(world) as shop:
        await start(shop)
        await trio.sleep(20)
        memory_database.failure = ClientError("gone", 503)
    memory_database.failure = None
    world.linkable = False
    async with open_shop(world) as shop:
        job, before = await shop.jobs()
        assert (job["status"], job["end_time"]) == ("interrupted", None)
        assert before["status"] == "completed"
        assert shop.notes(CHANGED) == []
        assert (await totals(shop))["total_jobs"] == 1.0


@pytest.mark.parametrize("part", ["history", "job_state"])
async def test_a_part_that_starts_anew(world: World, autojump_clock: MockClock, part: str) -> None:
    meter = Meter()
    async with open_shop(world, auxiliary=(meter,)) as shop:
        await start(shop, user="ann")
        for _ in range(3):
            await shop.restart(part)
            await shop.when(lambda: shop.job_state.snapshot is not None)
            await trio.testing.wait_all_tasks_blocked()
        # Nobody goes back to what was stored of a job that is under way.
        assert part == "history" or meter.told == ["begin"]
        job = await ended(shop)
        assert (job["status"], job["user"], len(await shop.jobs())) == ("completed", "ann", 1)
        assert (await totals(shop))["total_jobs"] == 1.0


@pytest.mark.parametrize("part", ["history", "job_state"])
async def test_a_part_that_starts_anew_while_nothing_can_be_read(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase, part: str
) -> None:
    async with open_shop(world) as shop:
        await start(shop, user="ann")
        memory_database.failure = ClientError("gone", 503)
        shop.scopes[part].cancel()
        await trio.sleep(3)
        memory_database.failure = None
        job = await ended(shop)
        assert (job["status"], job["user"], len(await shop.jobs())) == ("completed", "ann", 1)
        assert (await totals(shop))["total_jobs"] == 1.0


async def test_a_power_cut_takes_the_last_minute_at_most(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    meter = Meter()
    async with open_shop(world, auxiliary=(meter,)) as shop:
        await start(shop)
        await trio.sleep(40)
        await shop.call("printer.print.pause")
        meter.value = 7.0
        await trio.sleep(CHECKPOINT_S + 1)
        memory_database.failure = ClientError("gone", 503)
    memory_database.failure = None
    async with open_shop(shop_without_printer(world)) as shop:
        (job,) = await shop.jobs()
        assert (job["status"], job["end_time"]) == ("interrupted", None)
        assert 40 < job["total_duration"] <= 102
        assert 5 < job["print_duration"] < 45
        assert job["filament_used"] > 1
        assert [field["value"] for field in job["auxiliary_data"]] == [7.0]


async def test_a_print_that_began_without_mrk(world: World, autojump_clock: MockClock) -> None:
    world.linkable = False
    async with open_shop(world) as shop:
        world.linkable = True
        await shop.when(lambda: shop.job_state.snapshot is not None)
        await start(shop)
    await world.database.run(history_store.delete_all)
    await trio.sleep(10)
    async with open_shop(world) as shop:
        (job,) = await shop.jobs()
        assert job["status"] == "in_progress"
        assert job["start_time"] < world.wall_clock() - 10
        assert job["user"] == "No User"


@pytest.mark.parametrize("one", [True, False])
async def test_a_job_that_is_deleted_while_it_runs(
    world: World, autojump_clock: MockClock, one: bool
) -> None:
    """Who clears the history during a print means those before it."""
    async with open_shop(world) as shop:
        await start(shop, user="ann")
        (running,) = await shop.jobs()
        what = {"uid": running["job_id"]} if one else {"all": True}
        await shop.call("server.history.delete_job", **what)
        assert await shop.jobs() == []
        shop.notes(CHANGED)
        job = await ended(shop)
        assert (job["job_id"], job["start_time"]) == (running["job_id"], running["start_time"])
        assert (job["status"], job["user"], job["exists"]) == ("completed", "ann", True)
        assert [note["action"] for note in shop.notes(CHANGED)] == ["finished"]
        assert (await totals(shop))["total_jobs"] == 1.0
        await shop.call("server.history.delete_job", all=True)
        await start(shop)
        assert [job["status"] for job in await shop.jobs()] == ["in_progress"]


async def test_a_job_that_is_deleted_while_it_runs_goes_on_after_a_restart(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world) as shop:
        await start(shop, user="ann")
        await shop.call("server.history.delete_job", all=True)
    async with open_shop(world) as shop:
        job = await ended(shop)
        assert (job["status"], job["user"], len(await shop.jobs())) == ("completed", "ann", 1)
        assert (await totals(shop))["total_jobs"] == 1.0


async def test_a_job_that_is_deleted_while_the_link_is_away_is_recorded_anew(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world) as shop:
        await start(shop, user="ann")
        world.printer.order(Fault(FaultKind.DROP_LINK, seconds=3))
        await shop.when(lambda: shop.job_state.snapshot is None)
        await trio.testing.wait_all_tasks_blocked()
        await shop.call("server.history.delete_job", all=True)
        await shop.until("printing")
        await trio.testing.wait_all_tasks_blocked()
        assert [job["status"] for job in await shop.jobs()] == ["in_progress"]
        await ended(shop)
        assert [job["status"] for job in await shop.jobs()] == ["completed"]


async def test_a_full_disk_delays_the_end(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    async with open_shop(world) as shop:
        await start(shop)
        memory_database.failure = ClientError("full", 507)
        await shop.when(lambda: not shop.job_state.is_active)
        await trio.sleep(5)
        memory_database.failure = None
        await trio.sleep(RETRY_S + 1)
        assert [job["status"] for job in await shop.jobs()] == ["completed"]
        assert (await totals(shop))["total_jobs"] == 1.0


@pytest.mark.parametrize("steps", range(12))
async def test_ended_at_the_worst_moment(
    world: World, autojump_clock: MockClock, steps: int
) -> None:
    """mrk ends while a job's end is on its way to the database: it is there, once."""
    async with open_shop(world) as shop:
        await start(shop)
        with shop.job_state.open_events("the test", 10) as news:
            await anext(news)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
    async with open_shop(world) as shop:
        assert [job["status"] for job in await shop.jobs()] == ["completed"]
        assert (await totals(shop))["total_jobs"] == 1.0


async def test_totals_can_be_reset_between_jobs(world: World, autojump_clock: MockClock) -> None:
    meter = Meter()
    async with open_shop(world, auxiliary=(meter,)) as shop:
        await start(shop)
        with pytest.raises(ClientError) as info:
            await shop.call("server.history.reset_totals")
        assert info.value.status == 400
        await ended(shop)
        before = await shop.call("server.history.totals")
        last = await shop.call("server.history.reset_totals")
        assert last["last_totals"] == before["job_totals"]
        assert last["last_auxiliary_totals"] == before["auxiliary_totals"]
        assert set((await totals(shop)).values()) == {0.0}
        # Rows of the fields that there are now, as before their first job's end.
        zero = {"provider": "sensor s", "field": "power", "maximum": None, "total": 0.0}
        again = await shop.call("server.history.reset_totals")
        assert again["last_auxiliary_totals"] == [zero]
        assert (await shop.call("server.history.totals"))["auxiliary_totals"] == [zero]
        assert len(await shop.jobs()) == 1


async def test_times_are_unix_times(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        await start(shop)
        assert (await shop.jobs())[0]["start_time"] == pytest.approx(UNIX_TIME, abs=10)


class StalledDatabase(MemoryDatabase):
    """From `stalled` on, nothing is answered any more."""

    stalled = False

    async def run(self, function: Any, *, durable: bool = False) -> Any:
        if self.stalled:
            await trio.sleep_forever()
        return await super().run(function, durable=durable)


async def test_a_stalled_card_does_not_hold_up_the_end(autojump_clock: MockClock) -> None:
    database = StalledDatabase(JOB_MIGRATIONS)
    async with open_world(database) as world:
        world.put("a.gcode")
        async with open_shop(world) as shop:
            await start(shop)
            database.stalled = True
            ends_at = trio.current_time()
        assert trio.current_time() - ends_at == pytest.approx(FLUSH_S)
    database.close()


@pytest.mark.parametrize("moved_s", [400 * 86400.0, -20 * 365 * 86400.0])
@pytest.mark.parametrize("when", ["at once", "while mrk is away", "after its restart"])
async def test_a_clock_that_is_set_during_a_print(
    world: World, autojump_clock: MockClock, moved_s: float, when: str
) -> None:
    async with open_shop(world) as shop:
        await start(shop)
        (running,) = await shop.jobs()
        if when == "at once":
            world.clock_set_s = moved_s
            job = await ended(shop)
    if when == "while mrk is away":
        world.clock_set_s = moved_s
    if when != "at once":
        async with open_shop(world) as shop:
            world.clock_set_s = moved_s
            job = await ended(shop)
            assert len(await shop.jobs()) == 1
    assert (job["status"], job["job_id"]) == ("completed", running["job_id"])
    assert job["start_time"] == pytest.approx(running["start_time"] + moved_s, abs=1)
    assert job["end_time"] - job["start_time"] == pytest.approx(job["total_duration"], abs=1)
    # What front ends show of the file is the same print.
    assert world.files.noted[-1] == ("a.gcode", job["start_time"], job["job_id"])


async def test_a_clock_that_is_kept_in_time_moves_nothing(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world) as shop:
        await start(shop)
        (running,) = await shop.jobs()
        world.clock_set_s = 5.0
        assert (await ended(shop))["start_time"] == running["start_time"]


async def test_a_clock_that_is_set_is_followed_before_the_end(
    world: World, autojump_clock: MockClock
) -> None:
    """A power cut would leave the job in the year in which the machine woke up."""
    async with open_shop(world) as shop:
        await start(shop)
        await shop.call("printer.print.pause")
        (running,) = await shop.jobs()
        world.clock_set_s = 400 * 86400.0
        await trio.sleep(CHECKPOINT_S + 1)
        (job,) = await shop.jobs()
        assert job["status"] == "in_progress"
        assert job["start_time"] == pytest.approx(running["start_time"] + world.clock_set_s, abs=1)
        assert world.files.noted[-1] == ("a.gcode", job["start_time"], job["job_id"])
        # Once: the same setting is not followed again.
        await trio.sleep(2 * CHECKPOINT_S)
        assert (await shop.jobs())[0]["start_time"] == job["start_time"]
