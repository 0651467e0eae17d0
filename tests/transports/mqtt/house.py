"""The MQTT part on a real broker, with link, printer and table as the root wires them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from config.settings.mqtt import MqttSettings
from mrk.api.rpc import Rpc
from mrk.http_client import Fetched, FetchFailed
from mrk.parts import Backoff, Part
from mrk.webcams.webcam import Webcam
from nurseries.supervise import supervise
from tests.fakes.house import House, open_house
from tests.fakes.klippy import FakeKlippy
from transports.mqtt import Mqtt

PATIENCE_S = 20.0
BEAT = Backoff(first_s=0.02, limit_s=0.02)


class FakeWeb:
    """`HttpGet`: pictures by URL."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}

    async def get(self, url: str, *, most_bytes: int, **_: Any) -> Fetched:
        await trio.lowlevel.checkpoint()
        body = self.pictures.get(url)
        if body is None:
            raise FetchFailed("nobody there")
        return Fetched(200, {}, body[:most_bytes], len(body) <= most_bytes)


class MqttHouse:
    """A running Mqtt; `house` has its table, `part` what the supervisor says of it."""

    def __init__(self, house: House, settings: MqttSettings) -> None:
        self.house = house
        self.web = FakeWeb()
        self.webcams: list[Webcam] = []
        rpc = Rpc(house.table, trio.lowlevel.checkpoint, 1000)
        self.mqtt = Mqtt(
            settings,
            house.link,
            rpc.handle,
            self.list_webcams,
            self.web,
            instance_name="shop",
            instance_id="0" * 32,
        )
        house.table.extend(self.mqtt.endpoints())
        self.part = Part("mqtt", backoff=BEAT)

    async def list_webcams(self) -> list[Webcam]:
        await trio.lowlevel.checkpoint()
        return self.webcams

    async def call(self, method: str, **params: Any) -> Any:
        return await self.house.call(method, params)

    async def up(self) -> None:
        await until(lambda: self.mqtt.mqtt_connected)


async def until(condition: Callable[[], Any]) -> None:
    """Poll the real world; the outer limit is for a test that fails."""
    with trio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.005)


@asynccontextmanager
async def open_mqtt(
    broker_port: int, klippy: FakeKlippy | None = None, *, wait: bool = True, **options: Any
) -> AsyncIterator[MqttHouse]:
    """Everything running, connected to the broker."""
    options = {"address": "127.0.0.1", "port": broker_port, **options}
    async with open_house(klippy) as house:
        shop = MqttHouse(house, MqttSettings(**options))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervise, shop.part, shop.mqtt.serve)
            if wait:
                await shop.up()
            yield shop
            nursery.cancel_scope.cancel()
