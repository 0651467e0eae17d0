"""What is left of a print: queued moves, excluded objects, and the time before the first one."""

import pytest
import trio

from mrk.estimate.record import Estimate
from mrk.jobs.print_stats import JobEvent
from tests.nurseries.analysis.desk import Desk
from tests.polling import until

OBJECTS = b"START_PRINT BED=60\nM83\nG1 X1 F6000 E1\n" + b"".join(
    b"EXCLUDE_OBJECT_START NAME=cube_%d\nG1 X100 E5 F600\nG1 X0 E5\nEXCLUDE_OBJECT_END\n" % number
    for number in range(4)
)
END = b"EXCLUDE_OBJECT_END\n"
EACH_S = pytest.approx(20.0, rel=0.02)


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


async def left(run, names: list[str]) -> float:
    """Time left once the plan leaves out these objects."""
    for _ in range(1000):
        found = await run.analysis.progress()
        if found.excluded_objects == names:
            assert found.elapsed + found.time_left == pytest.approx(found.total_time)
            return found.time_left
        await trio.sleep(0.01)
    raise AssertionError(f"{found.excluded_objects} instead of {names}")


async def test_what_is_queued_is_still_to_be_done(desk):
    desk.add("a.gcode", OBJECTS)
    desk.klippy.objects = {
        "virtual_sdcard": {
            "file_position": OBJECTS.index(END + b"EXCLUDE_OBJECT_START NAME=cube_2")
        },
        "toolhead": {"print_time": 105.5, "estimated_print_time": 104.0},
    }
    async with desk.open() as run:
        desk.jobs.become(state="printing", filename="a.gcode")
        found = await run.analysis.progress()
        assert found.time_left == pytest.approx(found.total_time / 2 + 1.5, rel=0.02)
        desk.klippy.objects["toolhead"]["estimated_print_time"] = 106.0
        assert (await run.analysis.progress()).time_left == pytest.approx(
            found.total_time / 2, rel=0.02
        )


async def test_time_left_follows_excluded_objects(desk):
    desk.add("a.gcode", OBJECTS)
    position = OBJECTS.index(END + b"EXCLUDE_OBJECT_START NAME=cube_1")
    desk.klippy.objects = {"virtual_sdcard": {"file_position": position}}
    async with desk.open() as run:
        desk.jobs.become(state="printing", filename="a.gcode")
        whole = await left(run, [])
        desk.klippy.become("exclude_object", excluded_objects=["CUBE_2"])
        less = await left(run, ["CUBE_2"])
        assert whole - less == EACH_S
        # One that has been printed already is not taken off again.
        desk.klippy.become("exclude_object", excluded_objects=["CUBE_0", "CUBE_2", "CUBE_3"])
        least = await left(run, ["CUBE_0", "CUBE_2", "CUBE_3"])
        assert less - least == EACH_S
        assert {one.behind for one in desk.estimator.excluded} == {position}
        desk.klippy.become("exclude_object", excluded_objects=[])
        assert await left(run, []) == whole
        desk.klippy.become("exclude_object", excluded_objects=["CUBE_1"])
        await left(run, ["CUBE_1"])
        desk.jobs.become(state="complete", filename="a.gcode")
        desk.jobs.become(state="printing", filename="a.gcode")
        # Klipper forgets them with the print; until it has said so they are left out.
        desk.klippy.become("exclude_object", excluded_objects=[])
        assert await left(run, []) == whole


@pytest.mark.parametrize(
    ("written", "klippers"),
    [("Wür_fel", "WÜR_FEL"), ("größe", "GRÖSSE"), ("x" * 80, "X" * 80), ("ДОМ_1", "ДОМ_1")],
)
async def test_objects_are_known_by_klippers_names(desk, written, klippers):
    text = OBJECTS.replace(b"cube_2", written.encode())
    desk.add("a.gcode", text)
    desk.klippy.objects = {"virtual_sdcard": {"file_position": 10}}
    async with desk.open() as run:
        desk.jobs.become(state="printing", filename="a.gcode")
        whole = await left(run, [])
        desk.klippy.become("exclude_object", excluded_objects=[klippers])
        assert whole - await left(run, [klippers]) == EACH_S


async def test_a_plan_that_nobody_needs_any_more_is_given_up(desk):
    desk.add("a.gcode", OBJECTS)
    desk.estimator.holds = trio.Event()
    async with desk.open() as run:
        desk.jobs.become(state="printing", filename="a.gcode")
        whole = await left(run, [])
        desk.klippy.become("exclude_object", excluded_objects=["CUBE_2"])
        await until(lambda: len(desk.estimator.excluded) == 1)
        desk.klippy.become("exclude_object", excluded_objects=["CUBE_2", "CUBE_3"])
        await until(lambda: len(desk.estimator.excluded) == 2)
        assert desk.estimator.given_up == 1
        assert await left(run, []) == whole
        desk.jobs.become(state="complete", filename="a.gcode")
        await until(lambda: desk.estimator.given_up == 2)
        assert (await run.analysis.progress()).filename is None


async def test_a_file_that_cannot_be_planned_anew_keeps_its_plan(desk):
    desk.add("a.gcode", OBJECTS)
    async with desk.open() as run:
        desk.jobs.become(state="printing", filename="a.gcode")
        whole = await left(run, [])
        desk.estimator.broken = {"a.gcode"}
        desk.klippy.become("exclude_object", excluded_objects=["CUBE_2"])
        await until(lambda: len(desk.estimator.excluded) == 1)
        assert await left(run, []) == whole


async def test_time_left_is_known_in_memory_while_a_planned_file_is_printed(desk):
    desk.add("a.gcode", OBJECTS)
    desk.add("b.gcode", OBJECTS)
    half = OBJECTS.index(END + b"EXCLUDE_OBJECT_START NAME=cube_2")
    async with desk.open() as run:
        total = (await run.analysis.estimate("a.gcode", None))["total_time"]
        assert run.shown.time_left("a.gcode", half) is None
        desk.jobs.become(state="printing", filename="a.gcode")
        await until(lambda: run.shown.time_left("a.gcode", half) is not None)
        assert run.shown.time_left("a.gcode", half) == pytest.approx(total / 2, rel=0.02)
        assert run.shown.time_left("b.gcode", half) is None
        desk.klippy.objects["virtual_sdcard"] = {"file_position": half}
        desk.klippy.become("exclude_object", excluded_objects=["CUBE_3"])
        await until(lambda: run.shown.time_left("a.gcode", half) == pytest.approx(20, rel=0.03))
        # One without a plan gets none while it is printed, unless somebody asks.
        desk.jobs.become(state="printing", filename="b.gcode")
        desk.klippy.become("exclude_object", excluded_objects=[])
        await until(lambda: run.shown.time_left("a.gcode", half) is None)
        assert desk.estimator.asked.count("b.gcode") == 0
        await run.analysis.progress()
        assert run.shown.time_left("b.gcode", half) == pytest.approx(total / 2, rel=0.02)


async def test_the_plan_of_a_print_is_read_once(desk):
    desk.add("a.gcode", OBJECTS)
    async with desk.open() as run:
        await run.analysis.estimate("a.gcode", None)
        desk.jobs.become(state="printing", filename="a.gcode")
        await until(lambda: run.shown.time_left("a.gcode", 0) is not None)  # it is held
        first = await run.analysis.progress()
        desk.database.failure = AssertionError("the plan was read again")
        assert await run.analysis.progress() == first
        desk.database.failure = None


async def test_how_long_prints_take_to_begin_is_learned_and_told_apart(desk):
    file, other = desk.add("a.gcode", OBJECTS), desk.add("b.gcode", b"START_PRINT\n" + OBJECTS)
    async with desk.open() as run:
        total = (await run.analysis.estimate("a.gcode", None))["total_time"]
        assert (await run.analysis.estimate("a.gcode", None))["start_duration"] is None
        for seconds in (100.0, 130.0, 400.0):
            printed(desk, seconds)
        await until(lambda: run.shown.start_duration("a.gcode") is not None)
        await until(lambda: run.shown.start_duration("a.gcode") == pytest.approx(130, abs=1))
        # Another file that begins with the same macro.
        found = await run.analysis.estimate("b.gcode", None)
        assert found["start_commands"] == ["START_PRINT"]
        assert (found["start_duration"], found["start_prints"]) == (pytest.approx(130, abs=1), 3)
        assert found["total_time"] == total
        assert run.time(other) == run.time(file) == total
        desk.jobs.become(state="printing", filename="b.gcode", total_duration=30.0)
        begun = await run.analysis.progress()
        assert begun.time_left == pytest.approx(total, abs=0.5)
        assert begun.start_duration_left == pytest.approx(100, abs=1)
        desk.jobs.stats = desk.jobs.stats.merged({"print_duration": 1.0})
        assert (await run.analysis.progress()).start_duration_left == 0.0
    async with desk.open() as run:  # kept
        assert run.shown.start_duration("b.gcode") == pytest.approx(130, abs=1)


async def test_the_history_tells_of_prints_before(desk):
    desk.add("a.gcode", OBJECTS)
    desk.prints.known = {"a.gcode": [90.0, 95.0, 3000.0]}
    async with desk.open() as run:
        found = await run.analysis.estimate("a.gcode", None)
        assert (found["start_duration"], found["start_prints"]) == (pytest.approx(95, abs=1), 3)


def printed(desk: Desk, seconds: float) -> None:
    name = {"filename": "a.gcode"}
    desk.jobs.change(JobEvent.STARTED, state="printing", **name)
    # A pause counts in `total_duration`.
    early = {"total_duration": seconds + 20, "print_duration": 20.0}
    desk.jobs.change(JobEvent.PAUSED, state="paused", **name, **early)
    desk.jobs.change(JobEvent.RESUMED, state="printing", **name)
    late = {"total_duration": seconds + 5000, "print_duration": 50.0}
    desk.jobs.change(JobEvent.COMPLETED, state="complete", **name, **late)


def test_a_plan_of_an_older_version_is_read():
    import msgspec

    assert msgspec.json.decode(b'{"total_time": 1}', type=Estimate).start_commands == []
