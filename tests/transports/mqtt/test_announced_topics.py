"""Which entities were announced, where the connection ends while they are written."""

from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from tests.fakes.items import MemoryItems
from transports.mqtt.announced_topics import KEY, NAMESPACE, AnnouncedTopics

TOPIC = "homeassistant/sensor/mrk_1/temperature/config"


class StalledItems(MemoryItems):
    """Writes nothing as long as `stalled`; who waits and leaves has written nothing."""

    stalled = True

    async def put_item(self, namespace: str, key: Any, value: Any) -> None:
        if self.stalled:
            await trio.sleep_forever()
        await super().put_item(namespace, key, value)


async def test_what_was_not_written_is_written_by_the_next_connection() -> None:
    items = StalledItems()
    announced = AnnouncedTopics(items)
    await announced.load()
    async with trio.open_nursery() as connection:
        connection.start_soon(announced.add, [TOPIC])
        await wait_all_tasks_blocked()
        connection.cancel_scope.cancel()
    items.stalled = False
    await announced.add([TOPIC])
    assert await items.get_item(NAMESPACE, KEY) == [TOPIC]
