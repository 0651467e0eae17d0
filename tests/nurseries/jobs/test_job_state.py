import trio
from trio.testing import MockClock

from mrk.jobs.events import JobChanged, JobSeen, PrinterGone
from mrk.virtual_printer.faults import Fault, FaultKind
from tests.fakes.workshop import Shop, World, open_shop


async def words_until(news, last: str) -> list[str]:  # type: ignore[no-untyped-def]
    words: list[str] = []
    while last not in words:
        with trio.fail_after(600):
            item = await anext(news)
        match item:
            case JobChanged(event):
                words.append(event.value)
            case JobSeen(look):
                words.append(f"seen {look.stats.state}")
            case PrinterGone(status):
                words.append(status)
    return words


async def start(shop: Shop) -> None:
    await shop.call("printer.print.start", filename="a.gcode")


async def test_a_print_from_start_to_end(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        with shop.job_state.open_events("test", 100) as news:
            await start(shop)
            await shop.until("printing")
            assert shop.job_state.is_printing
            await shop.call("printer.print.pause")
            await shop.until("paused")
            assert (shop.job_state.is_printing, shop.job_state.is_active) == (False, True)
            await shop.call("printer.print.resume")
            assert await words_until(news, "completed") == [
                "started", "paused", "resumed", "completed",
            ]  # fmt: skip
            await shop.run("SDCARD_RESET_FILE")
            assert await words_until(news, "standby") == ["standby"]
            assert not shop.job_state.is_active


async def test_cancelled_and_started_anew(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        with shop.job_state.open_events("test", 100) as news:
            await start(shop)
            await shop.until("printing")
            await shop.call("printer.print.cancel")
            assert await words_until(news, "cancelled") == ["started", "cancelled"]
            await start(shop)
            assert await words_until(news, "started") == ["started"]


async def test_shutdown_and_restart_of_klippy(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        with shop.job_state.open_events("test", 100, JobSeen, PrinterGone) as news:
            await start(shop)
            await shop.until("printing")
            world.printer.order(Fault(FaultKind.MCU_SHUTDOWN))
            await shop.when(lambda: shop.link.klippy_state == "shutdown")
            assert await shop.job_state.query() is None
            await shop.call("printer.firmware_restart")
            assert await words_until(news, "seen standby") == [
                "klippy_shutdown", "klippy_disconnect", "seen standby",
            ]  # fmt: skip


async def test_a_part_that_starts_anew_looks_again(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        await start(shop)
        await shop.until("printing")
        with shop.job_state.open_events("test", 100) as news:
            await shop.restart("job_state")
            assert await words_until(news, "completed") == ["seen printing", "completed"]


async def test_what_is_known_of_a_printer_that_is_away(
    world: World, autojump_clock: MockClock
) -> None:
    world.linkable = False
    async with open_shop(world) as shop:
        state = shop.job_state
        assert (state.is_printing, state.is_active, state.was_active) == (False, False, None)
        assert await state.query() is None
        assert await state.file_position() is None
        world.linkable = True
        await shop.when(lambda: state.snapshot is not None)
        assert state.was_active is False
        await start(shop)
        await shop.until("printing")
        world.linkable = False
        world.printer.order(Fault(FaultKind.DROP_LINK, seconds=3))
        await shop.when(lambda: not shop.link.klippy_connected)
        await trio.testing.wait_all_tasks_blocked()
        assert (state.is_printing, state.is_active, state.was_active) == (False, False, True)
