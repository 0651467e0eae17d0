import contextlib
import re
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mrk.errors import ClientError
from mrk.jobs.queue import COPIES_LIMIT, NOTE_CHARS, Transitions
from mrk.supervision import Backoff
from mrk.virtual_printer.faults import Fault, FaultKind
from nurseries.jobs.job_queue import ANSWER_S
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.workshop import Shop, World, open_shop

AUTOMATIC = Transitions(automatic=True, delay_s=5.0, gcode="M117 next")
CHANGED = "notify_job_queue_changed"


async def post(shop: Shop, *names: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await shop.call(
        "server.job_queue.post_job", filenames=list(names), **more
    )
    return answer


async def test_status_of_new_jobs(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        status = await post(shop, "a.gcode", "/b.gcode", "a.gcode")
        assert [job["filename"] for job in status["queued_jobs"]] == [
            "a.gcode", "b.gcode", "a.gcode",
        ]  # fmt: skip
        assert status["queue_state"] == "paused"
        added = status["queued_jobs"][0]
        assert set(added) == {"filename", "job_id", "time_added", "time_in_queue"}
        assert re.fullmatch("[0-9A-F]{16}", added["job_id"])
        await trio.sleep(10)
        later = (await shop.call("server.job_queue.status"))["queued_jobs"][0]
        assert later["time_in_queue"] == pytest.approx(10, abs=0.1)
        assert later["time_added"] == added["time_added"]


async def test_all_files_or_none(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        for wrong in (["a.gcode", "missing.gcode"], [""], ["/"]):
            with pytest.raises(ClientError) as info:
                await post(shop, *wrong)
            assert info.value.status == 400
        with pytest.raises(ClientError):
            await shop.call("server.job_queue.post_job")
        assert await shop.queued() == ([], "paused")
        await shop.call("server.job_queue.post_job", filenames="a.gcode, b.gcode")
        assert (await shop.queued())[0] == ["a.gcode", "b.gcode"]


async def test_copies_and_note(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        for wrong in (
            {"copies": 0},
            {"copies": COPIES_LIMIT + 1},
            {"note": "x" * (NOTE_CHARS + 1)},
        ):
            with pytest.raises(ClientError):
                await post(shop, "a.gcode", **wrong)
        await post(shop, "a.gcode", copies=COPIES_LIMIT, note="x" * NOTE_CHARS)
        await post(shop, "b.gcode", copies=2, note="for Ann", reset=True)
        (job,) = (await shop.call("server.job_queue.status"))["queued_jobs"]
        assert (job["copies"], job["note"]) == (2, "for Ann")
        for left in (["b.gcode"], []):
            await shop.call("server.job_queue.start")
            await shop.until("printing")
            await shop.when(lambda: shop.job_state.is_active)
            assert await shop.queued() == (left, "paused")
            await shop.until("complete")


async def test_what_clients_are_told(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        status = await post(shop, "a.gcode", "b.gcode")
        ids = [job["job_id"] for job in status["queued_jobs"]]
        await shop.call("server.job_queue.jump", job_id=ids[1])
        await shop.call("server.job_queue.pause")
        await shop.call("server.job_queue.delete_job", job_ids=["0" * 16])
        await shop.call("server.job_queue.delete_job", job_ids=ids[0])
        nothing: tuple[Any, ...] = ([], "")
        for none in nothing:
            status = await shop.call("server.job_queue.delete_job", job_ids=none)
            assert len(status["queued_jobs"]) == 1
        await post(shop, "c.gcode", reset=True)
        await shop.call("server.job_queue.delete_job", all=True)
        await shop.call("server.job_queue.delete_job", all=True)
        told = [
            (note["action"], [job["filename"][0] for job in note["updated_queue"]])
            for note in shop.notes(CHANGED)
        ]
        assert told == [
            ("jobs_added", ["a", "b"]),
            ("jobs_removed", ["b", "a"]),
            ("jobs_removed", ["b"]),
            ("jobs_added", ["c"]),
            ("jobs_removed", []),
        ]
        with pytest.raises(ClientError):
            await shop.call("server.job_queue.delete_job")
        with pytest.raises(ClientError):
            await shop.call("server.job_queue.jump", job_id="unknown")


async def test_one_job_by_hand(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        await post(shop, "a.gcode", "b.gcode")
        shop.notes(CHANGED)
        answer = await shop.call("server.job_queue.start")
        assert answer["queue_state"] == "loading"
        await shop.until("complete")
        await trio.sleep(60)
        assert await shop.queued() == (["b.gcode"], "paused")
        told = [(n["action"], n["queue_state"]) for n in shop.notes(CHANGED)]
        assert told == [
            ("state_changed", "loading"), ("state_changed", "starting"), ("job_loaded", "paused"),
        ]  # fmt: skip


async def test_automatic_transition(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world, AUTOMATIC) as shop:
        await post(shop, "a.gcode", "b.gcode", "c.gcode")
        await shop.call("server.job_queue.start")
        await shop.when(lambda: [j[0] for j in world.files.noted] == [
            "a.gcode", "b.gcode", "c.gcode",
        ])  # fmt: skip
        # With delay and g-code between the jobs, not before the first.
        assert shop.commands.scripts.count("M117 next") == 2
        first, second, _third = reversed(await shop.jobs())
        assert second["start_time"] - first["end_time"] >= 5.0
        await shop.until("complete")
        assert (await shop.queued())[0] == []


@pytest.mark.parametrize("end", ["printer.print.cancel", "fail"])
async def test_the_queue_pauses_after_a_failure(
    world: World, autojump_clock: MockClock, end: str
) -> None:
    world.put("bad.gcode", text=b"G28\nG1 X900\n")
    async with open_shop(world, AUTOMATIC) as shop:
        await post(shop, "bad.gcode" if end == "fail" else "a.gcode", "b.gcode")
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        if end != "fail":
            await shop.call(end)
        await shop.when(lambda: not shop.job_state.is_active)
        await trio.sleep(30)
        assert await shop.queued() == (["b.gcode"], "paused")


async def test_busy_and_away(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world, AUTOMATIC) as shop:
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("printing")
        assert (await post(shop, "b.gcode"))["queue_state"] == "ready"
        await shop.call("server.job_queue.pause")
        assert (await post(shop, "c.gcode"))["queue_state"] == "paused"
        assert (await shop.call("server.job_queue.start"))["queue_state"] == "ready"
        world.printer.order(Fault(FaultKind.MCU_SHUTDOWN))
        await shop.when(lambda: shop.link.klippy_state == "shutdown")
        await trio.testing.wait_all_tasks_blocked()
        assert await shop.queued() == (["b.gcode", "c.gcode"], "paused")


async def test_pause_drops_a_load_that_waits(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world, AUTOMATIC) as shop:
        await post(shop, "a.gcode", "b.gcode")
        await shop.call("server.job_queue.start")
        await shop.until("complete")
        assert (await shop.queued())[1] == "loading"
        await shop.call("server.job_queue.pause")
        await trio.sleep(60)
        assert await shop.queued() == (["b.gcode"], "paused")
        assert "M117 next" not in shop.commands.scripts
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        assert await shop.queued() == ([], "paused")


async def test_a_start_in_the_time_of_a_dropped_delay_loads_at_once(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world, AUTOMATIC) as shop:
        await post(shop, "a.gcode", "b.gcode")
        await shop.call("server.job_queue.start")
        await shop.until("complete")
        await shop.call("server.job_queue.pause")
        asked_at = trio.current_time()
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        assert trio.current_time() - asked_at < AUTOMATIC.delay_s / 2
        assert "M117 next" not in shop.commands.scripts


async def test_a_pause_while_a_job_is_handed_over_tells_what_came_of_it(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world, AUTOMATIC) as shop:
        await post(shop, "a.gcode", "b.gcode")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shop.run, "G4 P10000")
            await trio.testing.wait_all_tasks_blocked()
            await shop.call("server.job_queue.start")
            await shop.when(lambda: any("PRINT_FILE" in s for s in shop.commands.scripts))
            answer = await shop.call("server.job_queue.pause")
        assert [job["filename"] for job in answer["queued_jobs"]] == ["b.gcode"]
        await shop.until("complete")
        await trio.sleep(60)
        assert await shop.queued() == (["b.gcode"], "paused")


async def test_pause_waits_for_the_step_that_runs(world: World, autojump_clock: MockClock) -> None:
    slow = Transitions(automatic=True, gcode="G4 P20000")
    async with open_shop(world, slow) as shop:
        await post(shop, "a.gcode", "b.gcode")
        await shop.call("server.job_queue.start")
        await shop.when(lambda: "G4 P20000" in shop.commands.scripts)
        asked_at = trio.current_time()
        answer = await shop.call("server.job_queue.pause")
        assert answer["queue_state"] == "paused"
        assert trio.current_time() - asked_at > 15
        await trio.sleep(60)
        assert await shop.queued() == (["b.gcode"], "paused")


async def test_a_pause_behind_a_start_holds(world: World, autojump_clock: MockClock) -> None:
    """A start asks the printer first, which takes one of its beats."""
    async with open_shop(world) as shop:
        await post(shop, "a.gcode")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: shop.call("server.job_queue.start"))
            await trio.testing.wait_all_tasks_blocked()
            assert (await shop.call("server.job_queue.pause"))["queue_state"] == "paused"
        await trio.sleep(60)
        assert await shop.queued() == (["a.gcode"], "paused")
        assert not shop.job_state.is_active


async def test_what_is_removed_behind_a_post_is_gone(
    world: World, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post looks for its files first."""
    found = trio.Event()

    async def exists(_path: str) -> bool:
        await found.wait()
        return True

    monkeypatch.setattr(world.files, "exists", exists)
    answers: list[Any] = []
    async with open_shop(world) as shop:

        async def ask(method: str, **params: Any) -> None:
            answers.append(await shop.call(method, **params))

        async with trio.open_nursery() as nursery:
            for method, params in (
                ("post_job", {"filenames": ["a.gcode"]}),
                ("post_job", {"filenames": ["b.gcode", "c.gcode"], "reset": True}),
                ("delete_job", {"all": True}),
                ("post_job", {"filenames": ["d.gcode"]}),
                ("status", {}),
            ):
                nursery.start_soon(partial(ask, f"server.job_queue.{method}", **params))
                await trio.testing.wait_all_tasks_blocked()
            found.set()
        assert [job["filename"] for job in answers[-1]["queued_jobs"]] == ["d.gcode"]
        assert await shop.queued() == (["d.gcode"], "paused")


async def test_a_start_of_a_printer_that_is_silent_holds_up_nobody_for_long(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world) as shop:
        await post(shop, "a.gcode")
        world.printer.order(Fault(FaultKind.SILENCE, seconds=60))
        asked_at = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def start() -> None:
                with pytest.raises(ClientError, match="does not answer") as info:
                    await shop.call("server.job_queue.start")
                assert info.value.status == 503

            nursery.start_soon(start)
            await trio.testing.wait_all_tasks_blocked()
            await shop.call("server.job_queue.pause")
        assert trio.current_time() - asked_at == pytest.approx(ANSWER_S)
        await trio.sleep(120)
        assert await shop.queued() == (["a.gcode"], "paused")


async def test_macros_pause_and_start(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        await post(shop, "a.gcode", "b.gcode")
        await shop.run("VIRTUAL_REMOTE_METHOD METHOD=start_job_queue")
        await shop.until("printing")
        await shop.restart("job_queue")
        await shop.until("complete")
        await shop.run("VIRTUAL_REMOTE_METHOD METHOD=pause_job_queue")
        await trio.sleep(60)
        assert await shop.queued() == (["b.gcode"], "paused")
        await shop.run("VIRTUAL_REMOTE_METHOD METHOD=start_job_queue")
        await shop.until("printing")


async def test_order_and_times_outlive_mrk(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        before = await post(shop, "a.gcode", "b.gcode", "c.gcode", copies=3, note="n")
        before = await shop.call("server.job_queue.jump", job_id=before["queued_jobs"][2]["job_id"])
    await trio.sleep(100)
    async with open_shop(world) as shop:
        after = await shop.call("server.job_queue.status")
        for old, new in zip(before["queued_jobs"], after["queued_jobs"], strict=True):
            assert new.pop("time_in_queue") >= old.pop("time_in_queue") + 100
            assert new == old


@pytest.mark.parametrize(("automatic", "goes_on"), [(True, True), (False, False)])
async def test_a_print_that_ends_while_mrk_is_away(
    world: World, autojump_clock: MockClock, automatic: bool, goes_on: bool
) -> None:
    async with open_shop(world, AUTOMATIC) as shop:
        await post(shop, "a.gcode", "b.gcode")
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        await shop.when(lambda: True)
    await trio.sleep(300)
    async with open_shop(world, Transitions(automatic=automatic, gcode="M117 next")) as shop:
        await trio.sleep(5)
        assert shop.job_state.is_active is goes_on
        assert ("M117 next" in shop.commands.scripts) is goes_on
        assert await shop.queued() == ([] if goes_on else ["b.gcode"], "paused")


async def test_a_print_that_is_over_before_its_start_is_answered(
    world: World, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("tiny.gcode", text=b"M117 hello\n")
    async with open_shop(world, Transitions(automatic=True)) as shop:
        start_print = shop.printer.gcode.start_print

        async def answer_late(*about: Any) -> None:
            await start_print(*about)
            await trio.sleep(3)

        monkeypatch.setattr(shop.printer.gcode, "start_print", answer_late)
        await post(shop, "tiny.gcode", "b.gcode")
        await shop.call("server.job_queue.start")
        await shop.until("complete")
        await shop.until("printing")
        await trio.sleep(5)
        assert await shop.queued() == ([], "paused")
        assert [job["filename"] for job in await shop.jobs()] == ["b.gcode", "tiny.gcode"]


async def test_a_print_that_ends_while_the_queue_begins_anew(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world, Transitions(automatic=True, load_on_startup=True)) as shop:
        await post(shop, "a.gcode", "b.gcode", "c.gcode")
        shop.parts["job_queue"].backoff = Backoff(first_s=90.0, limit_s=90.0, healthy_after_s=0.0)
        # It is no printer that becomes ready, nor is one whose state is followed anew.
        await shop.restart("job_queue")
        await shop.restart("job_state")
        assert await shop.queued() == (["a.gcode", "b.gcode", "c.gcode"], "paused")
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        await shop.restart("job_queue")
        await shop.until("printing")
        assert await shop.queued() == (["c.gcode"], "ready")


async def test_a_lost_print_keeps_the_next_from_starting(
    world: World, autojump_clock: MockClock
) -> None:
    both = Transitions(automatic=True, load_on_startup=True)
    async with open_shop(world, both) as shop:
        await post(shop, "a.gcode", "b.gcode")
        await shop.call("server.job_queue.start")
        await shop.until("printing")
    async with open_shop(world) as shop:
        await shop.call("printer.firmware_restart")
        await trio.sleep(5)
    async with open_shop(world, both) as shop:
        await trio.sleep(60)
        assert await shop.queued() == (["b.gcode"], "paused")
        assert not shop.job_state.is_active


@pytest.mark.parametrize(
    ("transitions", "loads"),
    [
        (Transitions(load_on_startup=True, automatic=True), True),
        (Transitions(load_on_startup=True), False),
        (Transitions(automatic=True), False),
    ],
)
async def test_power_on(
    world: World, autojump_clock: MockClock, transitions: Transitions, loads: bool
) -> None:
    async with open_shop(world, transitions) as shop:
        await post(shop, "a.gcode")
    async with open_shop(world, transitions) as shop:
        await trio.sleep(5)
        assert (await shop.queued() == ([], "paused")) is loads
        assert shop.job_state.is_active is loads


async def test_a_start_without_a_printer_confirms_the_bed(
    world: World, autojump_clock: MockClock
) -> None:
    transitions = Transitions(load_on_startup=True)
    world.linkable = False
    async with open_shop(world, transitions) as shop:
        await post(shop, "a.gcode")
        assert (await shop.call("server.job_queue.start"))["queue_state"] == "paused"
    world.linkable = True
    async with open_shop(world, transitions) as shop:
        await shop.until("printing")


async def test_a_full_disk_changes_nothing(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    async with open_shop(world) as shop:
        await post(shop, "a.gcode")
        memory_database.failure = ClientError("full", 507)
        with pytest.raises(ClientError) as info:
            await post(shop, "b.gcode")
        assert info.value.status == 507
        memory_database.failure = None
        assert (await shop.queued())[0] == ["a.gcode"]
        assert len(shop.notes(CHANGED)) == 1


async def test_a_caller_that_leaves_loses_nothing(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        for checkpoints in range(6):
            before = len((await shop.queued())[0])
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(post, shop, "a.gcode")
                    for _ in range(checkpoints):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()
            names, _ = await shop.queued()
            assert len(names) - before in (0, 1)
            told = [n["updated_queue"] for n in shop.notes(CHANGED)]
            assert len(told) == len(names) - before
        shown = await shop.queued()
        await shop.restart("job_queue")
        assert await shop.queued() == shown


async def test_files_that_go_or_move(world: World, autojump_clock: MockClock) -> None:
    world.put("d/a.gcode")
    async with open_shop(world) as shop:
        await post(shop, "d/a.gcode", "b.gcode")
        await shop.queue.on_file_moved("d", "e")
        assert (await shop.queued())[0] == ["e/a.gcode", "b.gcode"]
        await shop.queue.on_file_removed("b.gcode")
        await shop.queue.on_file_removed("unknown.gcode")
        assert (await shop.queued())[0] == ["e/a.gcode"]
        assert [n["action"] for n in shop.notes(CHANGED)] == [
            "jobs_added", "jobs_added", "jobs_removed",
        ]  # fmt: skip


async def lose_the_answer(shop: Shop, busy_s: float) -> None:
    """The first job is handed over while a macro runs, and the link breaks before the answer."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ignoring_a_lost_link, shop, f"G4 P{busy_s * 1000:.0f}")
        await trio.testing.wait_all_tasks_blocked()
        await shop.call("server.job_queue.start")
        await shop.when(lambda: any("SDCARD_PRINT_FILE" in s for s in shop.commands.scripts))
        await trio.testing.wait_all_tasks_blocked()
        shop.world.printer.order(Fault(FaultKind.DROP_LINK, seconds=4.0))


async def ignoring_a_lost_link(shop: Shop, script: str) -> None:
    with contextlib.suppress(ClientError):
        await shop.run(script)


@pytest.mark.parametrize(
    "busy_s",
    [pytest.param(2.0, id="begins unseen"), pytest.param(10.0, id="begins when seen")],
)
@pytest.mark.parametrize("automatic", [True, False])
async def test_a_lost_answer_prints_no_job_twice(
    world: World, autojump_clock: MockClock, busy_s: float, automatic: bool
) -> None:
    async with open_shop(world, Transitions(automatic=automatic)) as shop:
        await post(shop, "a.gcode", "b.gcode")
        await lose_the_answer(shop, busy_s)
        await shop.until("printing")
        await trio.testing.wait_all_tasks_blocked()
        assert (await shop.queued())[0] == ["b.gcode"]
        *_, told = [n for n in shop.notes(CHANGED) if n["updated_queue"] is not None]
        assert (told["action"], len(told["updated_queue"])) == ("job_loaded", 1)


async def test_a_lost_answer_and_a_print_that_ended_meanwhile(
    world: World, autojump_clock: MockClock
) -> None:
    world.put("tiny.gcode", text=b"G4 P100\n")
    async with open_shop(world, Transitions(automatic=True)) as shop:
        await post(shop, "tiny.gcode", "b.gcode")
        await lose_the_answer(shop, 2.0)
        await shop.when(lambda: not shop.link.klippy_connected)
        await shop.when(lambda: shop.link.klippy_state == "ready")
        await trio.sleep(5)
        assert (await shop.queued())[0] == []
        assert [job["filename"] for job in await shop.jobs()] == ["b.gcode", "tiny.gcode"]


async def restart_by_another(world: World) -> None:
    """Somebody else has Klipper restart; returns while it starts up."""
    world.linkable = False
    await trio.sleep(5)
    ours, theirs = trio.testing.memory_stream_pair()
    world.nursery.start_soon(world.printer.serve_stream, theirs)
    await ours.send_all(b'{"id": 1, "method": "emergency_stop"}\x03')
    await ours.send_all(b'{"id": 2, "method": "gcode/firmware_restart"}\x03')
    while await ours.receive_some():
        pass
    while world.printer.state != "startup":  # noqa: ASYNC110 - the printer is the event
        await trio.sleep(0.01)
    world.linkable = True


@pytest.mark.parametrize("seen", [True, False])
async def test_a_job_that_klippers_restart_swallowed_stays(
    world: World, autojump_clock: MockClock, seen: bool
) -> None:
    async with open_shop(world, Transitions(automatic=True)) as shop:
        await post(shop, "a.gcode", "b.gcode")
        await lose_the_answer(shop, 10.0)
        await shop.when(lambda: not shop.link.klippy_connected)
        if seen:
            world.printer.order(Fault(FaultKind.MCU_SHUTDOWN))
            await shop.when(lambda: shop.link.klippy_state == "shutdown")
            await shop.call("printer.firmware_restart")
        else:
            await restart_by_another(world)
        await shop.when(lambda: shop.link.klippy_state == "ready")
        await trio.sleep(30)
        assert await shop.queued() == (["a.gcode", "b.gcode"], "paused")
        assert shop.notes(CHANGED)[-1]["queue_state"] == "paused"
        # And what is printed without the queue takes nothing from it.
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("complete")
        assert (await shop.queued())[0] == ["a.gcode", "b.gcode"]


@pytest.mark.parametrize("automatic", [True, False])
async def test_a_job_that_begins_and_ends_around_kill_9_is_printed_once(
    world: World,
    memory_database: MemoryDatabase,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    automatic: bool,
) -> None:
    world.put("tiny.gcode", text=b"M117 hello\n")
    transitions = Transitions(automatic=automatic)
    async with open_shop(world, transitions) as shop:
        await post(shop, "tiny.gcode", "b.gcode")
        killed = trio.Event()

        def kill(_script: str) -> None:
            """Klipper has been asked, and has not answered."""
            memory_database.failure = ClientError("killed", 507)
            killed.set()

        monkeypatch.setattr(shop.commands, "record_command", kill)
        await shop.call("server.job_queue.start")
        await killed.wait()
    memory_database.failure = None
    async with open_shop(world, transitions) as shop:
        await trio.sleep(300)
        assert (await shop.queued())[0] == ([] if automatic else ["b.gcode"])
        started = [script for script in shop.commands.scripts if "SDCARD_PRINT_FILE" in script]
        assert len(started) == automatic
        assert not any("tiny" in script for script in started)
