"""Prints that begin and end before mrk looks at the printer: in the history all the same, once."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from mrk.virtual_printer.faults import Fault, FaultKind
from tests.fakes.workshop import World, open_shop

ETX = b"\x03"


class Display:
    """Another client of Klipper, as the printer's own display is one; it asks again and again."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._read = b""

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        request = {"id": 1, "method": method, "params": params}
        await self._stream.send_all(json.dumps(request).encode() + ETX)
        while ETX not in self._read:
            self._read += await self._stream.receive_some()
        answer, _, self._read = self._read.partition(ETX)
        return json.loads(answer).get("result")

    async def print_whole(self, filename: str) -> None:
        """As soon as Klipper is ready, from start to end."""
        while (await self.ask("info"))["state"] != "ready":  # noqa: ASYNC110
            await trio.sleep(0.01)
        await self.ask("gcode/script", script=f'SDCARD_PRINT_FILE FILENAME="{filename}"')
        while (await self._stats())["state"] != "complete":  # noqa: ASYNC110
            await trio.sleep(0.01)

    async def _stats(self) -> Any:
        return (await self.ask("objects/query", objects={"print_stats": None}))["status"][
            "print_stats"
        ]


@contextlib.asynccontextmanager
async def display(world: World) -> AsyncIterator[Display]:
    with trio.fail_after(60):
        while world.printer.state == "disconnected":  # noqa: ASYNC110
            await trio.sleep(0.01)
        linkable, world.linkable = world.linkable, True
        stream = await world.open_klippy()
        world.linkable = linkable
        async with stream:
            yield Display(stream)


async def histories(shop) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    await trio.sleep(1)
    await trio.testing.wait_all_tasks_blocked()
    return [(job["filename"], job["status"]) for job in await shop.jobs()]


@pytest.mark.parametrize("before", [False, True])
async def test_right_after_klipper_became_ready(
    world: World, autojump_clock: MockClock, before: bool
) -> None:
    world.put("tiny.gcode", text=b"M117 hello\n")
    expected = [("tiny.gcode", "completed")]
    async with open_shop(world) as shop:
        if before:
            await shop.call("printer.print.start", filename="tiny.gcode")
            await shop.until("complete")
            expected *= 2
        with contextlib.suppress(Exception):
            await shop.run("RESTART")
        await shop.when(lambda: not shop.link.klippy_connected)
        # Seen while it starts up; then the link sleeps between two questions, the display does not.
        world.linkable = False
        async with display(world) as other:
            world.linkable = True
            await other.print_whole("tiny.gcode")
        await shop.when(lambda: shop.job_state.snapshot is not None)
        assert await histories(shop) == expected
        told = [note["action"] for note in shop.notes("notify_history_changed")]
        # The last one once more, when its filament is known: nobody saw its end.
        assert told == ["added", "finished"] * len(expected) + ["finished"]
        await shop.restart("history")
        await shop.restart("job_state")
        assert await histories(shop) == expected
    async with open_shop(world) as shop:
        assert await histories(shop) == expected


async def test_while_the_link_was_away(world: World, autojump_clock: MockClock) -> None:
    world.put("tiny.gcode", text=b"M117 hello\n")
    async with open_shop(world) as shop:
        world.linkable = False
        world.printer.order(Fault(FaultKind.DROP_LINK, seconds=3))
        await shop.when(lambda: shop.job_state.snapshot is None)
        await trio.sleep(4)
        async with display(world) as other:
            await other.print_whole("tiny.gcode")
        world.linkable = True
        await shop.when(lambda: shop.job_state.snapshot is not None)
        assert await histories(shop) == [("tiny.gcode", "completed")]


@pytest.mark.parametrize("earlier", [[], [("a.gcode", "completed")]])
async def test_started_by_us_before_the_first_look(
    world: World, autojump_clock: MockClock, earlier: list[tuple[str, str]]
) -> None:
    world.put("tiny.gcode", text=b"M117 hello\n")
    async with open_shop(world) as shop:
        for name, _ in earlier:
            await shop.call("printer.print.start", filename=name)
            await shop.until("complete")
            assert await histories(shop) == earlier
    world.linkable = False
    async with open_shop(world) as shop:
        # Told of the start, as `printer.print.start` tells it, while nothing is known yet.
        shop.starters.note_start("tiny.gcode", "ann")
        async with display(world) as other:
            await other.print_whole("tiny.gcode")
        world.linkable = True
        await shop.when(lambda: shop.job_state.snapshot is not None)
        assert await histories(shop) == [("tiny.gcode", "completed"), *earlier]
        assert (await shop.jobs())[0]["user"] == "ann"


async def test_a_start_that_was_lost_records_nothing_twice(
    world: World, autojump_clock: MockClock
) -> None:
    """The printer still shows the end of the print before, which is of the same file."""
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("complete")
        assert await histories(shop) == [("a.gcode", "completed")]
    world.linkable = False
    async with open_shop(world) as shop:
        shop.starters.note_start("a.gcode", "ann")
        world.linkable = True
        await shop.when(lambda: shop.job_state.snapshot is not None)
        assert await histories(shop) == [("a.gcode", "completed")]


async def test_what_ended_before_mrk_began_is_nobodys(
    world: World, autojump_clock: MockClock
) -> None:
    world.put("tiny.gcode", text=b"M117 hello\n")
    async with display(world) as other:
        await other.print_whole("tiny.gcode")
    async with open_shop(world) as shop:
        assert await histories(shop) == []
