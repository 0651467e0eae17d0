from typing import Any, cast

import trio
import trio.testing

from mrk.fanout import Fanout
from mrk.klippy.klippy_protocols import KlippyPort
from nurseries.paneldue.printer import PanelPrinter
from nurseries.testing.memory import MemoryMetadata


class Printing:
    """The link to a Klipper that prints: a few known fields, and nothing else."""

    klippy_state = "ready"

    def __init__(self, **objects: dict[str, Any]) -> None:
        self.info: dict[str, Any] = {}
        self.objects = objects
        self.events: Fanout[Any] = Fanout()

    async def call(self, method: str, params: Any = None) -> Any:
        await trio.lowlevel.checkpoint()
        return {"objects": list(self.objects)} if method == "objects/list" else {"status": {}}

    async def subscribe(self, objects: Any) -> None:
        await trio.lowlevel.checkpoint()

    def status(self, name: str) -> dict[str, Any]:
        return self.objects.get(name, {})

    def open_events(self, name: str, size: int, *kinds: type) -> Any:
        return self.events.open_reader(name, size, *kinds)


async def test_the_time_that_is_left_is_that_of_the_plan(nursery):
    klippy = Printing(print_stats={"filename": "/a/b.gcode"}, virtual_sdcard={})
    asked: list[tuple[str, int]] = []

    def time_left(path: str, position: int) -> float | None:
        asked.append((path, position))
        return 120.5

    printer = PanelPrinter(cast("KlippyPort", klippy), MemoryMetadata(), time_left)
    await nursery.start(printer.follow)
    await trio.testing.wait_all_tasks_blocked()
    assert printer.look().time_left is None
    klippy.objects["virtual_sdcard"] = {"file_position": 4096}
    assert printer.look().time_left == 120.5
    klippy.objects["print_stats"] = {"filename": ""}
    assert printer.look().time_left is None
    assert asked == [("a/b.gcode", 4096)]
