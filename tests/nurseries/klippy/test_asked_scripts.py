"""What is asked of Klippy without a task: how it is told to who waits, as a websocket does."""

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mrk.api.caller import Caller, Transport
from mrk.api.rpc import Rpc
from mrk.jobs.starters import Starters
from nurseries.klippy.gcode import PrinterGcode
from tests.fakes.house import House, open_house
from tests.fakes.printer_watch import refuse

START = "printer.print.start"
BUSY = {"code": 400, "message": "SD busy"}


class Session:
    """One client; its requests are sent at once, and answers are kept in the order they come."""

    def __init__(self, house: House) -> None:
        self._rpc = Rpc(house.table, trio.lowlevel.checkpoint, 100)
        self.answers: list[Any] = []

    def ask(self, method: str, **params: Any) -> Any:
        message = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        outcome = self._rpc.handle(json.dumps(message).encode(), lambda: Caller(Transport.UNIX))
        assert outcome.asked is not None, "it waits for a task"
        outcome.when_done(self._take)
        return outcome.asked

    def _take(self, reply: bytes | None) -> None:
        assert reply is not None
        answer = json.loads(reply)
        self.answers.append(answer.get("result", answer.get("error")))


async def test_a_start_and_the_same_once_more(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        session = Session(house)
        session.ask(START, filename="a.gcode")
        await house.settle()
        house.klippy.status["print_stats"] = {"state": "printing", "filename": "a.gcode"}
        house.klippy.answers["gcode/script"] = refuse("SD busy")
        session.ask(START, filename="a.gcode")
        session.ask(START, filename="b.gcode")
        await trio.sleep(1)
        house.klippy.status["print_stats"]["state"] = "paused"
        session.ask(START, filename="a.gcode")
        await trio.sleep(1)
        house.klippy.answers["objects/query"] = lambda _params: "junk"
        session.ask(START, filename="a.gcode")
        await trio.sleep(1)
        # Who is refused at once is told first; the other one is looked for.
        assert session.answers == ["ok", BUSY, "ok", BUSY, BUSY]


async def test_who_leaves_during_the_look_is_not_told(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        session = Session(house)
        session.ask(START, filename="a.gcode")
        await house.settle()
        house.klippy.answers["gcode/script"] = refuse("SD busy")
        house.klippy.silent.add("objects/query")
        asked = session.ask(START, filename="a.gcode")
        query = await house.klippy.wait_for(
            "objects/query", len(house.klippy.asked("objects/query"))
        )
        await house.settle()
        asked.abandon()
        await house.klippy.answer(query)
        await house.settle()
        assert session.answers == ["ok"]


@pytest.mark.parametrize("in_a_task", [True, False])
async def test_a_start_is_noted_though_its_client_has_left(
    in_a_task: bool, autojump_clock: MockClock
) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        starts = Starters()
        answers: list[Any] = []
        gcode = PrinterGcode(house.link, house.data_store, starts)

        async def start_and_leave(filename: str) -> None:
            """Klipper is busy, and answers when nobody waits for it any more."""
            count = len(house.klippy.asked("gcode/script")) + 1
            async with trio.open_nursery() as client:
                start = gcode.asking_start(filename, "ann")
                if in_a_task:
                    client.start_soon(gcode.start_print, filename, "ann")
                else:
                    start.begin()
                    start.when_done(answers.append)
                asked = await house.klippy.wait_for("gcode/script", count)
                await house.settle()
                start.abandon()
                client.cancel_scope.cancel()
            await house.klippy.answer(asked)
            await house.settle()

        await start_and_leave("a.gcode")
        assert (gcode.started_within(1.0), starts.is_any_awaited) == ("a.gcode", True)
        assert starts.take("a.gcode") == "ann"
        house.klippy.answers["gcode/script"] = refuse("SD busy")
        await start_and_leave("b.gcode")
        assert (gcode.started_within(1.0), starts.is_any_awaited) == ("a.gcode", False)
        assert answers == []


async def test_a_restart_is_ok_when_the_link_drops(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        house.klippy.silent.add("gcode/script")
        session = Session(house)
        session.ask("printer.restart")
        session.ask("printer.gcode.script", script="G28")
        await house.klippy.wait_for("gcode/script", 2)
        await house.klippy.close()
        await house.settle()
        assert session.answers == ["ok", {"code": 503, "message": "Klippy Disconnected"}]
