"""Namespaces in memory: the database as subsystems see it (`ItemsPort`)."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio

from mrk.errors import ClientError


class MemoryItems:
    """`namespaces` holds JSON text by namespace and key; a `full` disk refuses every write."""

    def __init__(self, **namespaces: dict[str, Any]) -> None:
        self.full = False
        self.reads = 0
        self._stored = {
            name: {key: json.dumps(value) for key, value in records.items()}
            for name, records in namespaces.items()
        }

    def records(self, namespace: str) -> dict[str, Any]:
        """What is stored now."""
        stored = self._stored.get(namespace, {})
        return {key: json.loads(text) for key, text in sorted(stored.items())}

    async def get_item(self, namespace: str, key: str | tuple[str, ...]) -> Any:
        await trio.lowlevel.checkpoint()
        value: Any = self.records(namespace)
        for name in _path(key):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    async def items(self, namespace: str) -> dict[str, Any]:
        self.reads += 1
        await trio.lowlevel.checkpoint()
        return self.records(namespace)

    async def put_item(self, namespace: str, key: str | tuple[str, ...], value: Any) -> None:
        first, *inner = _path(key)
        record = value
        if inner:
            (name,) = inner
            record = {**self.records(namespace).get(first, {}), name: value}
        await self.put_items(namespace, {first: record})

    async def put_items(self, namespace: str, items: Mapping[str, Any]) -> None:
        texts = {key: json.dumps(value) for key, value in items.items()}
        await self._write()
        self._stored.setdefault(namespace, {}).update(texts)

    async def delete_item(self, namespace: str, key: str | tuple[str, ...]) -> Any:
        await self._write()
        assert isinstance(key, str)
        text = self._stored.get(namespace, {}).pop(key, None)
        return None if text is None else json.loads(text)

    def on_client_write(self, namespace: str, read_again: Callable[[], Awaitable[None]]) -> None:
        """No client writes here."""

    async def _write(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.full:
            raise ClientError("No space left", 507)


def _path(key: str | tuple[str, ...]) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else key
