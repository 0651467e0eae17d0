from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from mrk.errors import ClientError
from tests.fakes.house import open_house
from tests.fakes.klippy import FakeKlippy
from tests.fakes.printer_watch import refuse

# Endpoints


@pytest.mark.parametrize("name", ["printer.info", "printer.objects.query", "printer.of.a.fork"])
async def test_what_klipper_may_have_is_not_missing_while_it_is_away(
    name: str, autojump_clock: MockClock
) -> None:
    klippy = FakeKlippy()
    klippy.up = False
    path = "/" + name.replace(".", "/")
    async with open_house(klippy) as house:
        with pytest.raises(ClientError, match="Klippy Host not connected") as away:
            await house.call(name, {"objects": {}})
        assert away.value.status == 503
        assert house.table.verbs(path) == ["GET", "POST"]
        assert house.table.route("POST", path).endpoint.path == path
        with pytest.raises(ClientError) as wrong_verb:
            house.table.route("DELETE", path)
        assert wrong_verb.value.status == 405
        klippy.up = True
        await house.until_ready()
        with pytest.raises(ClientError) as missing:
            await house.call("printer.of.a.fork")
        assert missing.value.status == 404


@pytest.mark.parametrize(
    "name",
    ["printer.list_endpoints", "printer", "printer..x", "printer.a b", "server.x", "printer." * 99],
)
async def test_what_klipper_cannot_have_is_missing_also_without_it(
    name: str, autojump_clock: MockClock
) -> None:
    klippy = FakeKlippy()
    klippy.up = False
    async with open_house(klippy) as house:
        with pytest.raises(ClientError) as missing:
            await house.call(name)
        assert missing.value.status == 404
        assert house.table.verbs("/" + name.replace(".", "/")) == []


async def test_routes_appear_when_klipper_is_first_seen(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.up = False
    async with open_house(klippy) as house:
        with pytest.raises(ClientError) as unknown:
            await house.call("printer.info")
        assert unknown.value.status == 503
        klippy.up = True
        await house.until_ready()
        assert (await house.call("printer.info"))["state"] == "ready"
        assert house.table.verbs("/printer/info") == ["GET", "POST"]
        assert house.table.verbs("/printer/restart") == ["POST"]
        assert house.table.verbs("/printer/bed_mesh/dump_mesh") == ["GET", "POST"]


async def test_the_bed_mesh_with_its_arguments(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    mesh = {"current_mesh": {"name": "default"}, "profiles": {}}
    klippy.answers["bed_mesh/dump_mesh"] = lambda params: {**mesh, "calibration": params}
    async with open_house(klippy) as house:
        await house.until_ready()
        found = await house.call("printer.bed_mesh.dump_mesh", {"mesh_args": {"PROBE_COUNT": 5}})
        assert found == {**mesh, "calibration": {"mesh_args": {"PROBE_COUNT": 5}}}
        assert (await house.call("printer.bed_mesh.dump_mesh"))["calibration"] == {}


@pytest.mark.parametrize(
    "name", ["list_endpoints", "gcode/subscribe_output", "register_remote_method"]
)
async def test_what_is_never_offered(name: str, autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        assert house.table.verbs(f"/printer/{name}") == []


@pytest.mark.parametrize("script", ["M112", " m112\n"])
async def test_a_script_of_m112_is_an_emergency_stop(
    script: str, autojump_clock: MockClock
) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.answers["emergency_stop"] = lambda _params: {}
        assert await house.call("printer.gcode.script", {"script": script}) == "ok"
        assert house.klippy.asked("gcode/script") == []
        method = house.table.route("POST", "/printer/gcode/script")
        assert method.is_urgent({"script": script})
        assert method.is_urgent(msgspec.Raw(msgspec.json.encode({"script": script})))


@pytest.mark.parametrize("script", ["M1120", "G28\nM112", "", 112, "M112" + " " * 600])
async def test_other_scripts_wait_their_turn(script: Any, autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        method = house.table.route("POST", "/printer/gcode/script")
        assert not method.is_urgent({"script": script})
        assert not method.is_urgent(msgspec.Raw(msgspec.json.encode({"script": script})))


async def test_endpoints_of_a_fork(autojump_clock: MockClock) -> None:
    klippy = FakeKlippy()
    klippy.endpoints += ["danger/list", "print/start", "restart", "bad name", "../x", ""]
    klippy.answers["danger/list"] = lambda params: {"got": params}
    async with open_house(klippy) as house:
        await house.until_ready()
        got = await house.call(
            "printer.danger.list", {"a": {"b": [1, None]}, "response_template": 1}
        )
        assert got == {"got": {"a": {"b": [1, None]}}}
        assert house.table.verbs("/printer/print/start") == ["POST"]
        await house.call("printer.restart")
        assert klippy.asked("gcode/script") == [{"script": "RESTART"}]
        assert klippy.asked("restart") == []


async def test_empty_results_are_ok_and_errors_keep_klippers_text(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        assert await house.call("printer.query_endstops.status") == "ok"
        assert await house.call("printer.print.pause") == "ok"
        house.klippy.answers["gcode/script"] = refuse("Must home axis first")
        with pytest.raises(ClientError, match="Must home axis first") as error:
            await house.call("printer.gcode.script", {"script": "G1 X5"})
        assert error.value.status == 400


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("printer.gcode.script", {}),
        ("printer.gcode.script", {"script": 5}),
        ("printer.gcode.script", {"script": None}),
        ("printer.objects.query", {}),
        ("printer.objects.query", {"objects": 5}),
        ("printer.objects.query", {"objects": {"a": {"x": 1}}}),
        ("printer.objects.subscribe", {"objects": {"a": [None]}}),
        ("printer.objects.subscribe", {"objects": [1]}),
        ("printer.print.start", {}),
        ("printer.print.start", {"filename": ""}),
        ("printer.print.start", {"filename": "a\nM112"}),
        ("printer.bed_mesh.dump_mesh", {"mesh_args": {5: 5}}),
        ("printer.bed_mesh.dump_mesh", {"mesh_args": 10**30}),
        ("printer.gcode.script", {"script": "\ud800"}),
    ],
)
async def test_bad_requests_never_reach_klipper(
    method: str, params: dict[str, Any], autojump_clock: MockClock
) -> None:
    async with open_house() as house:
        await house.until_ready()
        client = house.client()
        before = len(house.klippy.requests)
        with pytest.raises(ClientError) as error:
            await house.call(method, params, client)
        assert error.value.status == 400
        await house.settle()
        assert len(house.klippy.requests) == before


async def test_results_are_passed_on_as_they_came(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.answers["objects/query"] = lambda _params: {
            "status": {"a": {"x": float("nan"), "y": None, "z": 1.50}},
            "eventtime": 5.0,
        }
        answer = await house.call("printer.objects.query", {"objects": {"a": None}})
        assert answer == {"status": {"a": {"x": None, "y": None, "z": 1.5}}, "eventtime": 5.0}


@pytest.mark.parametrize("command", ["restart", "firmware_restart"])
async def test_restart_is_ok_when_the_link_drops(command: str, autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        async with trio.open_nursery() as nursery:

            async def restart() -> None:
                assert await house.call(f"printer.{command}") == "ok"

            nursery.start_soon(restart)
            await house.klippy.wait_for("gcode/script")
            await house.klippy.close()
        with pytest.raises(ClientError, match="not connected"):
            await house.call(f"printer.{command}")
        store = await house.call("server.gcode_store")
        assert [entry["message"] for entry in store["gcode_store"]] == [command.upper()]


async def test_print_start_sends_the_name_quoted(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        assert await house.call("printer.print.start", {"filename": '/a "b".gcode'}) == "ok"
        script = 'SDCARD_PRINT_FILE FILENAME="a \\"b\\".gcode"'
        assert house.klippy.asked("gcode/script") == [{"script": script}]


async def test_starting_the_same_file_again_within_seconds_is_no_error(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await house.until_ready()
        start = {"filename": "a.gcode"}
        await house.call("printer.print.start", start)
        house.klippy.status["print_stats"] = {"state": "printing", "filename": "a.gcode"}
        house.klippy.answers["gcode/script"] = refuse("SD busy")
        assert await house.call("printer.print.start", start) == "ok"
        with pytest.raises(ClientError, match="SD busy"):
            await house.call("printer.print.start", {"filename": "b.gcode"})
        await trio.sleep(10)
        with pytest.raises(ClientError, match="SD busy"):
            await house.call("printer.print.start", start)


async def test_a_failed_start_stays_failed(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.answers["gcode/script"] = refuse("Unable to open file")
        for _ in range(2):
            with pytest.raises(ClientError, match="Unable to open file"):
                await house.call("printer.print.start", {"filename": "a.gcode"})


async def test_commands_are_recorded_before_klipper_answers(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.call, "printer.gcode.script", {"script": "G28\nM84"})
            await house.klippy.wait_for("gcode/script")
            await house.klippy.say("ok")
            await house.settle()
            store = await house.call("server.gcode_store")
            nursery.cancel_scope.cancel()
        assert [(e["type"], e["message"]) for e in store["gcode_store"]] == [
            ("command", "G28\nM84"),
            ("response", "ok"),
        ]


async def test_pause_resume_and_cancel_use_their_endpoints(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        for action in ("pause", "resume", "cancel"):
            assert await house.call(f"printer.print.{action}") == "ok"
            assert len(house.klippy.asked(f"pause_resume/{action}")) == 1
        assert await house.call("server.gcode_store") == {"gcode_store": []}
