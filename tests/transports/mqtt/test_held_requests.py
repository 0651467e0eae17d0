"""Requests over MQTT that hold back what comes behind them, such as the start of a print."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from config.settings.mqtt import MqttSettings
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.api.outcome import MOST_HELD_S, HeldBack
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.mqtt.requests import Stamps
from mrk.mqtt.topics import Topics
from transports.mqtt.api import MqttApi


class Desk:
    """An API whose starts look at something first; `done` is what was done, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.answers: list[int] = []
        self.looked = trio.Event()
        table = Table()
        table.add(
            [self._post("print/start", self._start), self._post("print/cancel", self._cancel)]
        )
        table.add([self._post("emergency_stop", self._stop, urgent=True)])
        rpc = Rpc(table, trio.lowlevel.checkpoint, 100)
        settings = MqttSettings(address="x", enable_moonraker_api=True, mqtt_role="admin")
        self.api = MqttApi(settings, Topics("shop"), rpc.handle, Stamps(), self)

    def _post(self, name: str, handler: Callable[..., Any], *, urgent: bool = False) -> Endpoint:
        return Endpoint(
            f"/printer/{name}",
            ("POST",),
            NoParams,
            handler,
            "Test.",
            access=Access.OPERATE,
            urgent=urgent,
        )

    def _start(self, *_: Any) -> HeldBack:
        return HeldBack(self._look_and_start)

    async def _look_and_start(self, release: Callable[[], None]) -> str:
        await self.looked.wait()
        self.done.append("start")
        release()
        await trio.sleep(100)  # Klipper is busy
        return "ok"

    def _cancel(self, *_: Any) -> str:
        self.done.append("cancel")
        return "ok"

    def _stop(self, *_: Any) -> str:
        self.done.append("stop")
        return "ok"

    async def hear(self, *methods: str) -> None:
        for id_, method in enumerate(methods):
            call = {"jsonrpc": "2.0", "method": f"printer.{method}", "id": id_}
            self.api.hear(json.dumps(call).encode())
        await wait_all_tasks_blocked()

    # The outlet

    has_space = True

    async def wait_for_space(self) -> None:
        await trio.lowlevel.checkpoint()

    def post(self, _topic: str, payload: bytes, _qos: int, retain: bool = False) -> None:
        self.answers.append(json.loads(payload)["id"])


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    desk = Desk()
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.api.run)
        yield desk
        nursery.cancel_scope.cancel()


async def test_a_print_that_is_cancelled_at_once_does_not_go_on(autojump_clock: MockClock) -> None:
    async with open_desk() as desk:
        await desk.hear("print.start", "print.cancel", "emergency_stop", "print.cancel")
        assert desk.done == ["stop"]  # an emergency stop waits for nothing
        desk.looked.set()
        await wait_all_tasks_blocked()
        assert desk.done == ["stop", "start", "cancel", "cancel"]
        assert desk.answers == [2, 1, 3]
        await desk.hear("print.cancel")
        assert desk.done[4:] == ["cancel"]
        await trio.sleep(101)
        assert sorted(desk.answers) == [0, 0, 1, 2, 3]


async def test_nothing_is_held_back_for_long(autojump_clock: MockClock) -> None:
    async with open_desk() as desk:
        await desk.hear("print.start", "print.start", "print.cancel")
        await trio.sleep(2 * MOST_HELD_S - 0.1)
        assert desk.done == []
        await trio.sleep(0.2)
        assert desk.done == ["cancel"]
        # What is released late releases nothing that others hold.
        desk.looked.set()
        await wait_all_tasks_blocked()
        await desk.hear("print.cancel")
        assert desk.done == ["cancel", "start", "start", "cancel"]
