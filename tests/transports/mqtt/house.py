"""The MQTT part on a real broker, with link, printer and table as the root wires them."""

import functools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio

from config.settings.mqtt import MqttSettings
from mrk.api.rpc import Rpc
from mrk.http.client import Fetched, FetchFailed
from mrk.supervision import Backoff, Supervision
from mrk.webcams.webcam import Webcam
from nurseries.supervise import supervise
from tests.fakes.house import House, open_house
from tests.fakes.items import MemoryItems
from tests.fakes.klippy import FakeKlippy
from tests.fakes.mosquitto import Heard, Mosquitto, Stranger
from tests.polling import until
from transports.mqtt.subsystem import Mqtt

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

    def __init__(
        self, house: House, settings: MqttSettings, items: MemoryItems, instance_id: str
    ) -> None:
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
            items,
            instance_name="shop",
            instance_id=instance_id,
        )
        house.table.extend(self.mqtt.endpoints())
        self.part = Supervision("mqtt", backoff=BEAT)

    async def list_webcams(self) -> list[Webcam]:
        await trio.lowlevel.checkpoint()
        return self.webcams

    async def call(self, method: str, **params: Any) -> Any:
        return await self.house.call(method, params)

    async def up(self) -> None:
        await until(lambda: self.mqtt.mqtt_connected)


@asynccontextmanager
async def open_mqtt(
    broker_port: int,
    klippy: FakeKlippy | None = None,
    *,
    wait: bool = True,
    items: MemoryItems | None = None,
    webcams: Sequence[Webcam] = (),
    instance_id: str = "0" * 32,
    **options: Any,
) -> AsyncIterator[MqttHouse]:
    """Everything running, connected to the broker."""
    options = {"address": "127.0.0.1", "port": broker_port, **options}
    async with open_house(klippy) as house:
        shop = MqttHouse(house, MqttSettings(**options), items or MemoryItems(), instance_id)
        shop.webcams += webcams
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervise, shop.part, shop.mqtt.serve)
            if wait:
                await shop.up()
            yield shop
            nursery.cancel_scope.cancel()


class AsyncStranger:
    """A stranger whose waits leave the event loop alone."""

    def __init__(self, stranger: Stranger) -> None:
        self.stranger = stranger

    async def _call(self, sync: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        bound = functools.partial(sync, *args, **kwargs)
        return await trio.to_thread.run_sync(bound, abandon_on_cancel=True)

    async def subscribe(self, topic: str, qos: int = 0) -> None:
        await self._call(self.stranger.subscribe, topic, qos)

    async def publish(self, topic: str, payload: Any = b"", qos: int = 0, **options: Any) -> None:
        await self._call(self.stranger.publish, topic, payload, qos, **options)

    async def until(self, topic: str, suits: Callable[[Heard], Any] = bool, **options: Any) -> Any:
        return await self._call(self.stranger.until, topic, suits, **options)

    async def next(self) -> Heard:
        return await self._call(self.stranger.next)

    def take(self) -> None:
        """Move what has come to `heard`, without waiting."""
        while not self.stranger.silent():
            self.stranger.next()

    def silent(self) -> bool:
        return self.stranger.silent()


@asynccontextmanager
async def open_stranger(
    broker: Mosquitto, *topics: str, **options: Any
) -> AsyncIterator[AsyncStranger]:
    """Connected, with these topics subscribed to."""
    stranger = broker.stranger(**options)
    await trio.to_thread.run_sync(stranger.__enter__)
    try:
        one = AsyncStranger(stranger)
        for topic in topics:
            await one.subscribe(topic, 2)
        yield one
    finally:
        with trio.move_on_after(PATIENCE_S, shield=True):
            await trio.to_thread.run_sync(stranger.__exit__)
