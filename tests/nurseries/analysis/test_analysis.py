"""Plans of files: who gets one when, and how long it holds."""

import json

import pytest
import trio

from mrk.api.caller import Caller, Transport
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.estimate.estimator_config import limits_of_config
from mrk.estimate.klipper_settings import LimitsUnknown, limits_of
from nurseries.analysis.endpoints import AnalysisEndpoints, DumpParams
from nurseries.analysis.plan_store import read_times
from tests.nurseries.analysis.desk import LINE, SETTINGS, Desk
from tests.polling import PATIENCE_S, until

FAST = pytest.approx(0.8833, abs=1e-3)
SLOW = pytest.approx(1.31, abs=1e-3)
SLOWER = {**SETTINGS, "printer": {**SETTINGS["printer"], "max_accel": 1000.0, "max_velocity": 60}}


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


async def test_a_file_that_was_looked_at_gets_its_time_and_keeps_it(desk):
    file = desk.add("below/a.gcode")
    async with desk.open() as run:
        assert run.time(file) is None
        assert await run.soon(file) == FAST
    desk.estimator.broken = {"a.gcode"}
    async with desk.open() as run:
        assert run.time(file) == FAST
        assert (await run.analysis.estimate("below/a.gcode", None))["num_moves"] == 1
    assert desk.estimator.asked == ["a.gcode"]


async def test_a_changed_file_has_no_time_until_it_is_planned_again(desk):
    file = desk.add("a.gcode")
    async with desk.open() as run:
        await run.soon(file)
        desk.add("a.gcode", b"G1 X600 F6000\n")
        assert run.time(file) is None
        assert await run.soon(file) == pytest.approx(6.283, abs=1e-3)


async def test_other_limits_have_files_planned_again_when_they_are_looked_at(desk):
    file, other = desk.add("a.gcode"), desk.add("b.gcode")
    async with desk.open() as run:
        await run.soon(file)
        await run.soon(other)
        desk.klippy.become_ready(SLOWER)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert run.time(file) == FAST
        for _ in range(500):
            if run.time(file) != FAST:
                break
            await trio.sleep(0.01)
        assert run.time(file) == SLOW
    assert desk.estimator.asked == ["a.gcode", "b.gcode", "a.gcode"]
    desk.klippy.state, desk.klippy.settings = "disconnected", None
    async with desk.open() as run:
        assert (await run.analysis.estimate("a.gcode", None))["total_time"] == SLOW
        assert (await run.analysis.estimate("b.gcode", None))["total_time"] == SLOW


async def test_nothing_is_planned_in_the_background_while_something_prints(desk):
    file = desk.add("a.gcode")
    desk.jobs.stats = desk.jobs.stats.merged({"state": "printing"})
    async with desk.open() as run:
        assert run.time(file) is None
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert desk.estimator.asked == []
        assert (await run.analysis.estimate("a.gcode", None))["total_time"] == FAST
        other = desk.add("b.gcode")
        run.time(other)
        desk.jobs.become(state="complete")
        assert await run.soon(other) == FAST


async def test_what_cannot_be_planned_is_tried_once_and_costs_no_other_file(desk):
    broken, good = desk.add("broken.gcode"), desk.add("good.gcode")
    desk.estimator.broken = {"broken.gcode"}
    async with desk.open() as run:
        # Somebody looks at it while it is planned, too.
        desk.estimator.while_planning = lambda: run.time(broken)
        run.time(broken)
        await until(lambda: run.trouble(broken))
        run.time(broken)
        assert await run.soon(good) == FAST
        assert desk.estimator.asked.count("broken.gcode") == 1
        assert run.trouble(broken) == "no print time: took longer than 600 s"
        assert run.trouble(good) is None
        with pytest.raises(ClientError) as error:
            await run.analysis.estimate("broken.gcode", None)
        assert error.value.status == 500
        assert "took longer than 600 s" in error.value.message


async def test_times_follow_files_that_are_moved_and_go_with_those_removed(desk):
    desk.add("folder/a.gcode")
    async with desk.open() as run:
        await run.analysis.estimate("folder/a.gcode", None)
        (desk.gcodes / "folder").rename(desk.gcodes / "other")
        await run.estimates.on_file_moved("folder", "other")
        assert run.time(desk.gcodes / "other/a.gcode") == FAST
        await run.estimates.on_file_removed("other")
        assert run.time(desk.gcodes / "other/a.gcode") is None
        await run.soon(desk.gcodes / "other/a.gcode")
    (desk.gcodes / "other/a.gcode").unlink()
    async with desk.open():
        with trio.fail_after(PATIENCE_S):
            while await desk.database.run(read_times):  # noqa: ASYNC110 - nobody tells
                await trio.sleep(0.01)


async def test_a_print_is_as_far_as_its_plan(desk):
    text = b"; a long head\n" * 100 + LINE + b"G1 X0\n" * 1 + b"; and a long tail\n" * 100
    desk.add("a.gcode", text)
    async with desk.open() as run:
        assert (await run.analysis.progress()).filename is None
        desk.jobs.become(state="printing", filename="a.gcode")
        found = await run.analysis.progress()
        assert (found.filename, found.elapsed) == ("a.gcode", 0.0)
        assert found.total_time == pytest.approx(1.516, abs=1e-3)
        desk.klippy.objects["virtual_sdcard"] = {"file_position": text.index(b"G1 X60")}
        assert (await run.analysis.progress()).progress == 0.0
        desk.klippy.objects["virtual_sdcard"] = {"file_position": text.index(b"G1 X0")}
        half = await run.analysis.progress()
        assert half.elapsed == FAST
        assert half.time_left == pytest.approx(0.633, abs=1e-3)
        desk.klippy.objects["virtual_sdcard"] = {"file_position": len(text)}
        assert (await run.analysis.progress()).time_left == pytest.approx(0.0, abs=1e-9)
        desk.jobs.become(state="printing", filename="gone.gcode")
        with pytest.raises(ClientError):
            await run.analysis.progress()


async def test_without_background_estimates_only_questions_are_answered(desk):
    file = desk.add("a.gcode")
    async with desk.open(estimate_files=False) as run:
        run.time(file)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert desk.estimator.asked == []
        await run.analysis.estimate("a.gcode", None)
        assert run.time(file) == FAST


@pytest.mark.parametrize("name", ["gone.gcode", "../a.gcode", "", "a\0"])
async def test_a_file_that_is_not_there(desk, name):
    async with desk.open() as run:
        with pytest.raises(ClientError) as error:
            await run.analysis.estimate(name, None)
        assert error.value.status in (400, 500)


async def test_a_configuration_of_ones_own(desk):
    desk.add("a.gcode")
    (desk.config / "slow.json").write_text('{"max_velocity": 60, "max_acceleration": 1000}')
    (desk.config / "broken.json").write_text("[printer]")
    (desk.config / "secret.json").write_text("{}")
    async with desk.open() as run:
        found = await run.analysis.estimate("a.gcode", "slow.json")
        assert found["total_time"] == pytest.approx(1.31, abs=1e-2)
        for name in ("broken.json", "gone.json", "secret.json", "../slow.json", ""):
            with pytest.raises(ClientError) as error:
                await run.analysis.estimate("a.gcode", name or "/")
            assert error.value.status in (400, 403)
    async with desk.open(estimator_config="slow.json") as run:
        assert (await run.analysis.estimate("a.gcode", None)) == found
        status = await run.analysis.status()
        assert (status.estimator_config_exists, status.using_default_config) == (True, False)


async def test_the_printers_limits_as_a_configuration(desk):
    async with desk.open() as run:
        assert not (await run.analysis.status()).estimator_config_exists
        default = await run.analysis.dump_config(None)
        assert (default.dest_root, default.dest_config_path) == (None, "default_estimator_cfg.json")
        assert (await run.analysis.status()).estimator_config_exists
        named = await run.analysis.dump_config("below/e.json")
        assert (named.dest_root, named.dest_config_path) == ("config", "below/e.json")
        written = (desk.config / "below/e.json").read_bytes()
        assert json.loads(written) == named.klipper_estimator_config
        read = limits_of_config(written)
        assert read.extruders[0].max_velocity == run.keeper.limits.extruders[0].max_velocity
        (desk.config / "out").symlink_to(desk.data)
        for wrong in ("../e.json", "", "printer.cfg", "out/e.json"):
            with pytest.raises(ClientError):
                await run.analysis.dump_config(wrong)
        (desk.config / "secret.json").write_text("{}")
        with pytest.raises(ClientError, match=r"Access to 'secret\.json' is not allowed"):
            await run.analysis.dump_config("secret.json")
        assert (desk.config / "secret.json").read_text() == "{}"
        (desk.config / "file").write_text("")
        with pytest.raises(ClientError, match="cannot be written"):
            await run.analysis.dump_config("file/e.json")
        desk.klippy.state = "startup"
        with pytest.raises(ClientError) as error:
            await run.analysis.dump_config(None)
        assert error.value.status == 504


@pytest.mark.parametrize("settings", [{}, [], {"printer": {"max_velocity": "x"}}])
async def test_a_printer_that_does_not_tell_keeps_the_limits_of_the_last_one(desk, settings):
    async with desk.open():
        pass
    desk.klippy.settings = settings
    async with desk.open() as run:
        assert run.keeper.limits == limits_of(SETTINGS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[1]", "not a JSON object"),
        (b'{"max_velocity": true}', "max_velocity: True"),
        (b'{"max_acceleration": 0}', "max_acceleration: 0"),
    ],
)
def test_configurations_that_no_plan_can_be_made_with(text, reason):
    with pytest.raises(LimitsUnknown, match=reason):
        limits_of_config(text)


def test_what_a_configuration_leaves_out_is_as_klipper_estimator_has_it():
    limits = limits_of_config(
        b'{"max_accel_to_decel": 25, "firmware_retraction": {"retract_length": 2}, "move_checkers":'
        b' [{"axis_limiter": {"axis": [0, 0, 1], "max_velocity": 9, "max_accel": 8}}, 5]}'
    )
    assert (limits.max_velocity, limits.max_accel, limits.minimum_cruise_ratio) == (100, 100, 0.75)
    assert (limits.max_z_velocity, limits.max_z_accel) == (9, 8)
    assert limits.retraction is not None
    assert limits.retraction.retract_length == 2


async def test_who_operates_writes_no_file_of_the_configuration(desk):
    async with desk.open() as run:
        calls = AnalysisEndpoints(run.analysis)
        operator = Caller(Transport.WEBSOCKET, role=Role.OPERATE)
        with pytest.raises(ClientError, match="needs the role admin; yours is operate") as refused:
            await calls.dump_config(DumpParams("mainsail.json"), operator)
        assert refused.value.status == 403
        assert not (desk.config / "mainsail.json").exists()
        assert (await calls.dump_config(DumpParams(), operator)).dest_root is None
        await calls.dump_config(DumpParams("mainsail.json"), Caller(Transport.WEBSOCKET))
        assert (desk.config / "mainsail.json").exists()
