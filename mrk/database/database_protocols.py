"""What other subsystems see of the database; `nurseries/database` stands behind it.

Functions handed to `run` are called in the database's own thread with the open connection, and
must not keep it. They see SQLite through the two narrow protocols here.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")
Row = tuple[Any, ...]


class SqlCursor(Protocol):
    """What an SQL statement gave."""

    @property
    def rowcount(self) -> int: ...

    @property
    def lastrowid(self) -> int | None: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class SqlConnection(Protocol):
    """The open database, inside one transaction."""

    def execute(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ..., /
    ) -> SqlCursor:
        """Run one statement."""

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> SqlCursor:
        """Run one statement for each row of parameters."""


class ItemsPort(Protocol):
    """Namespaces, for subsystems; no namespace is closed to them.

    `key` is the name of a record, dots included; use a tuple to reach into nested objects.
    Any call raises `ClientError`: 507 when the disk is full, 503 when the database is closed.
    """

    async def get_item(self, namespace: str, key: str | tuple[str, ...]) -> Any:
        """The value, decoded, or None when there is none."""

    async def put_item(self, namespace: str, key: str | tuple[str, ...], value: Any) -> None:
        """Store one JSON value; parents are created."""

    async def put_items(self, namespace: str, items: Mapping[str, Any]) -> None:
        """Store several records, all or none."""

    async def delete_item(self, namespace: str, key: str | tuple[str, ...]) -> Any:
        """Remove and return a value; None when there is none."""

    async def items(self, namespace: str) -> dict[str, Any]:
        """All records, by name, sorted; empty when there are none."""


class TablesPort(Protocol):
    """Tables of one's own, created by the migrations given to the database."""

    async def run(
        self, function: Callable[[SqlConnection], Result], *, durable: bool = False
    ) -> Result:
        """Call `function(connection)` in one transaction: all of it is stored, or nothing.

        When the call returns, the transaction survives the end of the process; with `durable`
        also a power cut. A cancelled caller's function either ran whole or not at all. Raises
        what the function raises, and `ClientError` as `ItemsPort` does.
        """


class ClientWritesPort(Protocol):
    """For who keeps in memory what clients may store, too."""

    def on_client_write(self, namespace: str, read_again: Callable[[], Awaitable[None]]) -> None:
        """Have `read_again` called behind each write of a client, before its answer.

        It runs in the client's call, and has a few seconds; it may raise `ClientError`.
        """


class DatabasePort(ItemsPort, TablesPort, ClientWritesPort, Protocol):
    """All of it."""
