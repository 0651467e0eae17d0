"""Namespaces for subsystems (`ItemsPort`), on top of whatever runs a function on a connection.

Owns nothing; `Database` adds the thread, and the fake of the tests runs it on the spot.
"""

import abc
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from mrk.database.database_protocols import SqlConnection
from mrk.database.keys import Path as KeyPath
from mrk.database.records import NotFound
from nurseries.database import store

Result = TypeVar("Result")


class Items(abc.ABC):
    """The methods of `ItemsPort`."""

    @abc.abstractmethod
    async def run(
        self, function: Callable[[SqlConnection], Result], *, durable: bool = False
    ) -> Result:
        """`TablesPort.run`."""

    async def get_item(self, namespace: str, key: str | KeyPath) -> Any:
        """`ItemsPort.get_item`."""

        def get(connection: SqlConnection) -> Any:
            try:
                return msgspec.json.decode(store.read(connection, namespace, _path(key)))
            except NotFound:
                return None

        return await self.run(get)

    async def put_item(self, namespace: str, key: str | KeyPath, value: Any) -> None:
        """`ItemsPort.put_item`."""
        await self.run(lambda c: store.write(c, namespace, _path(key), store.encode_value(value)))

    async def put_items(self, namespace: str, items: Mapping[str, Any]) -> None:
        """`ItemsPort.put_items`."""

        def put(connection: SqlConnection) -> None:
            for key, value in items.items():
                store.write(connection, namespace, (key,), store.encode_value(value))

        await self.run(put)

    async def delete_item(self, namespace: str, key: str | KeyPath) -> Any:
        """`ItemsPort.delete_item`."""

        def delete(connection: SqlConnection) -> Any:
            try:
                return msgspec.json.decode(store.delete(connection, namespace, _path(key)))
            except NotFound:
                return None

        return await self.run(delete)

    async def items(self, namespace: str) -> dict[str, Any]:
        """`ItemsPort.items`."""
        return await self.run(lambda c: store.decoded_items(c, namespace))


def _path(key: str | KeyPath) -> KeyPath:
    return (key,) if isinstance(key, str) else key
