"""A batch comes to Klipper before what the same client sends behind it."""

import json
from typing import Any

import trio
from trio.testing import MockClock

from mrk.api.caller import Caller, Transport
from mrk.api.outcome import Outcome
from mrk.api.rpc import Reply, Rpc
from tests.fakes.house import House, open_house


def script(text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "printer.gcode.script", "params": {"script": text}, "id": 1}


async def answered(house: House, *messages: Any) -> list[Any]:
    """Hand over messages as one chunk has them; returns the replies."""
    rpc = Rpc(house.table, trio.lowlevel.checkpoint, 100)
    replies: list[Any] = []

    async def wait(outcome: Outcome[Reply]) -> None:
        replies.append(json.loads(await outcome.wait() or b"null"))

    async with trio.open_nursery() as nursery:
        for message in messages:
            data = json.dumps(message).encode()
            nursery.start_soon(wait, rpc.handle(data, lambda: Caller(Transport.WEBSOCKET)))
    return replies


async def test_what_stands_behind_a_batch_does_not_overtake_it(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.until_ready()
        await answered(house, [script("M104 S0")], script("M104 S200"), [script("M140 S60")])
        scripts = [asked["script"] for asked in house.klippy.asked("gcode/script")]
        assert scripts == ["M104 S0", "M104 S200", "M140 S60"]


async def test_an_emergency_stop_in_a_batch_is_sent_at_once(autojump_clock: MockClock) -> None:
    stop = {"jsonrpc": "2.0", "method": "printer.emergency_stop", "id": 2}
    async with open_house() as house:
        await house.until_ready()
        before = len(house.klippy.requests)
        await answered(house, [stop], script("G28"))
        assert [r["method"] for r in house.klippy.requests[before:]] == [
            "emergency_stop",
            "gcode/script",
        ]
