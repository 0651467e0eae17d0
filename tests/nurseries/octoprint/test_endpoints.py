"""/api/*: exact bodies, states of the printer, commands and what goes wrong with them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from config.settings.octoprint_compat import OctoPrintCompatSettings
from mrk.api.caller import Caller, Transport
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.files.transfers import PrintOutcome, PrintStart
from mrk.http.response import Response
from nurseries.octoprint.subsystem import OctoPrint
from tests.fakes.house import House, open_house
from tests.fakes.klippy import FakeKlippy, Refused
from tests.fakes.results import settled
from tests.fakes.transfer_files import Prints

USER = {
    "_is_external_client": False, "_login_mechanism": "apikey", "name": "_api", "active": True,
    "user": True, "admin": True, "apikey": None, "permissions": [], "groups": ["admins", "users"],
}  # fmt: skip


class Gcodes:
    def __init__(self, *names):
        self.names = names

    async def exists(self, path):
        return path in self.names


def printer() -> FakeKlippy:
    klippy = FakeKlippy()
    klippy.status["heaters"]["available_heaters"] = ["extruder", "heater_bed", "heater_generic x"]
    klippy.status["print_stats"] = {"state": "standby", "filename": ""}
    klippy.status["heater_bed"] = {"temperature": 22.104, "target": 60.0}
    klippy.status["heater_generic x"] = {"temperature": 30.0, "target": 0.0}
    return klippy


class Desk:
    """The emulation in a house, and a client of it."""

    def __init__(self, house: House, settings: OctoPrintCompatSettings) -> None:
        self.house = house
        self.prints = Prints()
        self.octoprint = OctoPrint(
            settings, house.link, house.printer.gcode, Gcodes("a b.gcode", "x/y.gcode"), self.prints
        )
        house.table.extend(self.octoprint.endpoints())

    async def ask(self, verb: str, name: str, **arguments: object) -> Response:
        method = self.house.table.route(verb, f"/api/{name}")
        answer = method.call(arguments, Caller(Transport.HTTP, user="ann"))
        response = await settled(answer)
        assert isinstance(response, Response)
        return response

    async def get(self, name: str) -> Any:
        response = await self.ask("GET", name)
        assert response.status == 200
        return json.loads(response.body)

    async def ask_commands(self, commands: list[str]) -> None:
        assert (await self.ask("POST", "printer/command", commands=commands)).body == b"{}"

    async def state(self) -> Any:
        return (await self.get("job"))["state"]


@asynccontextmanager
async def open_desk(
    klippy: FakeKlippy | None = None, ready: bool = True, **settings: Any
) -> AsyncIterator[Desk]:
    async with open_house(klippy or printer()) as house, trio.open_nursery() as nursery:
        desk = Desk(house, OctoPrintCompatSettings(**settings))
        await nursery.start(desk.octoprint.serve)
        if ready:
            await house.until_ready()
        yield desk
        nursery.cancel_scope.cancel()


async def test_who_it_says_it_is(autojump_clock):
    async with open_desk() as desk:
        version = await desk.get("version")
        assert (version["server"], version["api"]) == ("1.5.0", "0.1")
        assert version["text"].startswith("OctoPrint (Moonraker v0.")
        assert len(version) == 3
        assert await desk.get("server") == {"server": "1.5.0", "safemode": None}
        assert await desk.get("login") == await desk.get("currentuser") == USER
        login = await desk.ask("POST", "login", passive=True)
        assert json.loads(login.body) == USER


async def test_settings(autojump_clock):
    async with open_desk(flip_h=True, stream_url="/cam") as desk:
        assert await desk.get("settings") == {
            "plugins": {
                "UltimakerFormatPackage": {
                    "align_inline_thumbnail": False, "inline_thumbnail": False,
                    "inline_thumbnail_align_value": "left", "inline_thumbnail_scale_value": "50",
                    "installed": True, "installed_version": "0.2.2",
                    "scale_inline_thumbnail": False, "state_panel_thumbnail": True,
                }
            },
            "feature": {"sdSupport": False, "temperatureGraph": False},
            "webcam": {
                "flipH": True, "flipV": False, "rotate90": False, "streamUrl": "/cam",
                "webcamEnabled": True,
            },
        }  # fmt: skip


async def test_without_packages_of_cura(autojump_clock):
    async with open_desk(enable_ufp=False) as desk:
        assert (await desk.get("settings"))["plugins"] == {}


async def test_the_printer(autojump_clock):
    async with open_desk() as desk:
        assert await desk.get("printer") == {
            "temperature": {
                "tool0": {"actual": 20.0, "offset": 0, "target": 0.0},
                "bed": {"actual": 22.1, "offset": 0, "target": 60.0},
            },
            "state": {
                "text": "Operational",
                "flags": {
                    "operational": True, "paused": False, "printing": False, "cancelling": False,
                    "pausing": False, "error": False, "ready": True, "closedOrError": False,
                },
            },
        }  # fmt: skip
        profile = (await desk.get("printerprofiles"))["profiles"]["_default"]
        assert (profile["heatedBed"], profile["heatedChamber"]) == (True, False)
        assert profile["axes"]["e"] == {"speed": 300.0, "inverted": False}
        assert await desk.get("job") == {
            "job": {
                "file": {"name": None}, "estimatedPrintTime": None, "filament": {"length": None},
                "user": None,
            },
            "progress": {
                "completion": None, "filepos": None, "printTime": None, "printTimeLeft": None,
                "printTimeOrigin": None,
            },
            "state": "Operational",
        }  # fmt: skip


async def test_states_follow_the_printer(autojump_clock):
    async with open_desk() as desk:
        klippy = desk.house.klippy
        for state, text in [("printing", "Printing"), ("paused", "Paused"), ("error", "Error")]:
            await klippy.send(klippy.change({"print_stats": {"state": state}}))
            await desk.house.settle()
            assert await desk.state() == text
        klippy.up = False
        await klippy.close()
        await desk.house.settle()
        assert await desk.state() == "Offline"
        assert await desk.get("server") == {"server": "1.5.0", "safemode": "settings"}
        assert (await desk.get("printer"))["temperature"] == {}


async def test_heaters_are_found_again_after_a_restart(autojump_clock):
    async with open_desk() as desk:
        klippy = desk.house.klippy
        klippy.status["heaters"]["available_heaters"] = ["heater_generic chamber"]
        klippy.status["heater_generic chamber"] = {"temperature": 40.0, "target": 50.0}
        await klippy.close()
        await desk.house.settle()
        await desk.house.until_ready()
        assert (await desk.get("printer"))["temperature"] == {}
        profile = (await desk.get("printerprofiles"))["profiles"]["_default"]
        assert (profile["heatedBed"], profile["heatedChamber"]) == (False, True)


async def test_a_printer_that_does_not_tell_its_heaters(autojump_clock):
    klippy = printer()
    for answer in ("nonsense", {"status": []}, {"status": {"heaters": {"available_heaters": 3}}}):
        klippy.answers["objects/query"] = lambda _params, answer=answer: answer
        async with open_desk(klippy, ready=False) as desk:
            await trio.testing.wait_all_tasks_blocked()
            assert (await desk.get("printer"))["temperature"] == {}


async def test_commands_run_in_order_and_those_that_fail_are_skipped(autojump_clock, caplog):
    async with open_desk() as desk:
        klippy = desk.house.klippy

        def script(params):
            if params["script"] == "BAD":
                raise Refused('Unknown command:"BAD"')
            return {}

        klippy.answers["gcode/script"] = script
        answer = await desk.ask("POST", "printer/command", commands=["G28", "BAD", "M117 a, b"])
        assert (answer.status, answer.body) == (200, b"{}")
        ran = [params["script"] for params in klippy.asked("gcode/script")]
        assert ran == ["G28", "BAD", "M117 a, b"]
        assert 'OctoPrint commands: 1 of 3 failed; the first: Unknown command:"BAD"' in caplog.text
        # OctoPrint's single command is ignored.
        assert (await desk.ask("POST", "printer/command", command="G28")).body == b"{}"
        assert len(klippy.asked("gcode/script")) == 3


async def test_commands_end_with_the_link(autojump_clock):
    async with open_desk() as desk:
        klippy = desk.house.klippy
        klippy.silent.add("gcode/script")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.ask_commands, ["G28", "G1 X10"])
            await klippy.wait_for("gcode/script")
            klippy.up = False
            await klippy.close()
        klippy.up = True
        await desk.house.until_ready()
        assert [params["script"] for params in klippy.asked("gcode/script")] == ["G28"]


async def test_a_client_that_leaves_ends_its_commands(autojump_clock):
    async with open_desk() as desk:
        klippy = desk.house.klippy
        klippy.silent.add("gcode/script")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.ask_commands, ["G28", "G1 X10"])
            await klippy.wait_for("gcode/script")
            nursery.cancel_scope.cancel()
        assert len(klippy.asked("gcode/script")) == 1


@pytest.mark.parametrize("name", ["a%20b.gcode", "a b.gcode", "x/y.gcode", "/x//y.gcode"])
async def test_selecting(autojump_clock, name):
    name = name.replace("%20", " ")
    async with open_desk() as desk:
        answer = await desk.ask("POST", f"files/moonraker/gcodes/{name}", command="select")
        assert (answer.status, answer.body, answer.content_type) == (204, b"", "")
        assert desk.prints.asked == []
        where = f"files/moonraker/gcodes/{name}"
        assert (await desk.ask("POST", where, command="select", print=True)).status == 204
        assert desk.prints.asked == [name.strip("/").replace("//", "/")]
        assert desk.prints.users == ["ann"]
        desk.prints.outcome = PrintOutcome(PrintStart.QUEUED, "a print is under way")
        assert (await desk.ask("POST", where, command="select", print=True)).status == 204


@pytest.mark.parametrize(
    ("where", "arguments", "status"),
    [
        ("gcodes/a b.gcode", {}, 400),
        ("gcodes/a b.gcode", {"command": "unselect"}, 400),
        ("gcodes/a b.gcode", {"command": ["select"]}, 400),
        ("gcodes/a b.gcode", {"command": "select", "print": "perhaps"}, 400),
        ("gcodes/missing.gcode", {"command": "select"}, 400),
        ("gcodes/x/../a b.gcode", {"command": "select"}, 400),
        ("config/a b.gcode", {"command": "select"}, 400),
        ("gcodes/a b.gcode", {"command": "select", "print": True}, 409),
    ],
)
async def test_what_cannot_be_selected(autojump_clock, where, arguments, status):
    async with open_desk() as desk:
        desk.prints.outcome = PrintOutcome(PrintStart.REFUSED, "a print is under way")
        with pytest.raises(ClientError) as error:
            await desk.ask("POST", f"files/moonraker/{where}", **arguments)
        assert error.value.status == status


async def test_only_over_http(autojump_clock):
    async with open_desk() as desk:
        table = desk.house.table
        assert not [
            m.rpc for m in table if m.rpc is not None and m.endpoint.path.startswith("/api")
        ]
        assert table.verbs("/api/login") == ["GET", "POST"]


async def test_what_it_takes(autojump_clock):
    async with open_desk() as desk:
        table, watcher = desk.house.table, Caller(Transport.HTTP, role=Role.VIEW)
        for name in ("version", "printer", "job", "settings", "login"):
            assert table.route("GET", f"/api/{name}").call({}, watcher).status == 200
        for name in ("printer/command", "files/moonraker/gcodes/a b.gcode"):
            with pytest.raises(ClientError) as error:
                table.route("POST", f"/api/{name}").call({"command": "select"}, watcher)
            assert error.value.status == 403


@pytest.mark.parametrize("commands", [3, {"a": 1}, None, [None], "G28,M105"])
async def test_commands_of_other_kinds(autojump_clock, commands):
    async with open_desk() as desk:
        if commands == "G28,M105":  # as everywhere in the API: a text with commas is a list
            await desk.ask_commands(commands)
            scripts = [params["script"] for params in desk.house.klippy.asked("gcode/script")]
            assert scripts == ["G28", "M105"]
            return
        with pytest.raises(ClientError) as error:
            await desk.ask("POST", "printer/command", commands=commands)
        assert error.value.status == 400


async def test_a_long_list_of_refusals_lets_others_have_their_turn(autojump_clock, caplog):
    async with open_desk() as desk:

        def refuse(_params):
            raise Refused("Printer is halted")

        desk.house.klippy.answers["gcode/script"] = refuse
        await desk.ask_commands(["G28"] * 300)
        assert len(desk.house.klippy.asked("gcode/script")) == 300
        assert caplog.messages == [
            "OctoPrint commands: 300 of 300 failed; the first: Printer is halted"
        ]
