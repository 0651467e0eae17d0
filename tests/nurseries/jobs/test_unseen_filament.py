"""Klipper counts filament only while it is asked: prints that end while nobody does."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mrk.errors import ClientError
from nurseries.jobs.pending_writes import RETRY_S
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.workshop import Shop, World, open_shop

MOVES = b"".join(b"G1 X%d E%d F1000\n" % (10 + 100 * (n % 2), n) for n in range(1, 21))
PART = b"G28\nM109 S180\nG92 E0\nG1 X10 F600\n" + MOVES


async def begin(world: World, text: bytes = PART) -> None:
    """A print that is seen for a while, until mrk goes."""
    world.put("part.gcode", text=text)
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="part.gcode", user="ann")
        await shop.when(
            lambda: (
                shop.job_state.snapshot is not None
                and shop.job_state.snapshot.stats.filament_used > 1
            )
        )


async def end_away(world: World, text: bytes = PART) -> None:
    """The same, and it ends by itself."""
    await begin(world, text)
    await trio.sleep(300)


async def seen_again(shop: Shop) -> dict[str, Any]:
    await shop.when(lambda: shop.job_state.snapshot is not None)
    await trio.sleep(1)
    (job,) = await shop.jobs()
    return job


def source(job: dict[str, Any]) -> list[str]:
    fields = job["auxiliary_data"]
    return [field["value"] for field in fields if field["name"] == "filament_source"]


async def total(shop: Shop) -> float:
    totals = (await shop.call("server.history.totals"))["job_totals"]
    used = totals["total_filament_used"]
    assert isinstance(used, float)
    return used


async def test_the_file_tells_what_klipper_did_not_count(
    world: World, autojump_clock: MockClock
) -> None:
    await end_away(world)
    async with open_shop(world) as shop:
        job = await seen_again(shop)
        look = shop.job_state.snapshot
        assert look is not None
        assert look.stats.filament_used < 5
        assert (job["status"], job["filament_used"], source(job)) == ("completed", 20.0, ["file"])
        assert await total(shop) == 20.0
        told = shop.notes("notify_history_changed")
        assert [source(note["job"]) for note in told] == [["incomplete"], ["file"]]
        assert told[-1]["job"] == job
        await shop.restart("history")
        assert await seen_again(shop) == job


async def test_without_the_file_it_is_told_as_incomplete(
    world: World, autojump_clock: MockClock
) -> None:
    await end_away(world)
    world.files.texts.clear()
    async with open_shop(world) as shop:
        job = await seen_again(shop)
        assert job["filament_used"] < 5
        assert source(job) == ["incomplete"]


async def test_an_error_counts_up_to_its_place(world: World, autojump_clock: MockClock) -> None:
    await end_away(world, PART + b"G1 X900\n" + MOVES)
    async with open_shop(world) as shop:
        job = await seen_again(shop)
        assert (job["status"], job["filament_used"], source(job)) == ("error", 20.0, ["file"])


async def test_what_a_cancelled_one_used_is_not_known(
    world: World, autojump_clock: MockClock
) -> None:
    await begin(world)
    stream = await world.open_klippy()
    script = b'{"id": 1, "method": "gcode/script", "params": {"script": "CANCEL_PRINT"}}'
    await stream.send_all(script + b"\x03")
    assert await stream.receive_some()
    await stream.aclose()
    async with open_shop(world) as shop:
        job = await seen_again(shop)
        assert (job["status"], source(job)) == ("cancelled", ["incomplete"])
        assert await total(shop) == job["filament_used"] < 5


async def test_a_full_disk_delays_it(
    world: World,
    autojump_clock: MockClock,
    memory_database: MemoryDatabase,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await end_away(world)
    measured = world.files.extruded_mm

    async def fill_and_measure(*about: Any) -> float | None:
        memory_database.write_failure = ClientError("full", 507)
        return await measured(*about)

    monkeypatch.setattr(world.files, "extruded_mm", fill_and_measure)
    async with open_shop(world) as shop:
        await trio.sleep(120 * RETRY_S)
        assert source(await seen_again(shop)) == ["incomplete"]
        told = [line for line in caplog.messages if "its filament is not stored" in line]
        assert 1 < len(told) < 10
        memory_database.write_failure = None
        await trio.sleep(2 * RETRY_S)
        job = await seen_again(shop)
        assert (job["filament_used"], await total(shop)) == (20.0, 20.0)


async def test_a_print_whose_end_was_seen_is_not_marked(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("complete")
        job = await seen_again(shop)
        assert source(job) == []
        assert job["filament_used"] == pytest.approx(20.0)
