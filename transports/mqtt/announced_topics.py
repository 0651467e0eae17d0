"""Which entities Home Assistant was told of, over restarts: those that are no more are taken back.

A broker keeps what was announced, and Home Assistant with it. The topics stand in the database;
they are written before an entity is announced, and struck off once the broker has taken it back.
"""

import logging
from collections.abc import Iterable
from typing import Any

import trio

from mrk.database.database_protocols import ItemsPort
from mrk.errors import ClientError
from mrk.mqtt.mqtt_protocols import BrokerClient

logger = logging.getLogger(__name__)
NAMESPACE = "moonraker"
KEY = ("mqtt", "announced")
# More than one printer can have: each sensor has two.
MOST_TOPICS = 500
# For the broker to confirm one; what it does not confirm is tried again at the next connection.
CONFIRM_S = 10.0


class AnnouncedTopics:
    """Built once; each connection loads it before it announces."""

    def __init__(self, items: ItemsPort) -> None:
        self._items = items
        self._topics: set[str] = set()
        self._loaded = False

    async def load(self) -> None:
        """Read what the last run announced, once; what cannot be read is none."""
        if self._loaded:
            return
        try:
            stored: Any = await self._items.get_item(NAMESPACE, KEY)
        except ClientError as exc:
            logger.warning("mqtt: what was announced to Home Assistant is unknown: %s", exc.message)
            return
        self._loaded = True
        if isinstance(stored, list):
            self._topics |= {topic for topic in stored[:MOST_TOPICS] if _is_config(topic)}

    async def add(self, topics: Iterable[str]) -> None:
        """These are about to be announced."""
        await self._store(self._topics.union(topics))

    async def take_back(self, topics: Iterable[str], broker: BrokerClient) -> None:
        """Clear these at the broker, and forget those that it has confirmed."""
        gone = set()
        for topic in sorted(topics):
            if not await _cleared(topic, broker):
                break
            gone.add(topic)
        await self._store(self._topics - gone)

    def others(self, topics: Iterable[str]) -> set[str]:
        """What was announced and is not among `topics`."""
        return self._topics.difference(topics)

    async def _store(self, topics: set[str]) -> None:
        if topics == self._topics:
            return
        try:
            await self._items.put_item(NAMESPACE, KEY, sorted(topics)[:MOST_TOPICS])
        except ClientError as exc:
            logger.warning("mqtt: what Home Assistant got is not kept: %s", exc.message)
        # Not where the connection ended meanwhile: the next one writes them.
        self._topics = topics


async def _cleared(topic: str, broker: BrokerClient) -> bool:
    with trio.move_on_after(CONFIRM_S):
        try:
            await broker.publish(topic, b"", 1, True)
        except ClientError as exc:
            logger.warning("mqtt: Home Assistant: %s", exc.message)
            return False
        return True
    return False


def _is_config(topic: object) -> bool:
    if not isinstance(topic, str) or set("+#\0") & set(topic):
        return False
    return topic.endswith("/config") and topic.count("/") >= 4
