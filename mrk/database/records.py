"""Reading and changing one record, a JSON value with objects inside objects.

Changes return a new record and leave the given one as it is. List elements have no key.
"""

from typing import Any

from mrk.database.keys import Path, shown
from mrk.errors import ClientError


class NotFound(ClientError):
    """No such namespace or key: HTTP 404, JSON-RPC -32601."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 404)


def missing_key(namespace: str, path: Path) -> NotFound:
    """The error for a key that is not there."""
    return NotFound(f"Key '{shown(path)}' in namespace '{namespace}' not found")


def not_an_object(parent: Path) -> ClientError:
    """The error for writing below a value that is no object."""
    return ClientError(f"'{shown(parent)}' is not an object, no key fits below it")


def get(record: Any, inner: Path) -> Any:
    """The value below `record`; raises `KeyError` when the path leaves the objects."""
    for name in inner:
        if not isinstance(record, dict):
            raise KeyError(name)
        record = record[name]
    return record


def put(record: Any, inner: Path, value: Any) -> Any:
    """`record` with `value` at `inner`, parents created.

    A record that is no object is replaced by one; a deeper parent that is none is a 400.
    """
    if not inner:
        return value
    changed = dict(record) if isinstance(record, dict) else {}
    parent = changed
    for depth, name in enumerate(inner[:-1]):
        child = parent.get(name, {})
        if not isinstance(child, dict):
            raise not_an_object(inner[: depth + 1])
        parent[name] = parent = dict(child)
    parent[inner[-1]] = value
    return changed


def delete(record: Any, inner: Path) -> tuple[Any, Any]:
    """`record` without the value at `inner`, and that value; `inner` has at least one name.

    Raises `KeyError` when there is no such value. Emptied inner objects stay.
    """
    if not isinstance(record, dict):
        raise KeyError(inner[0])
    changed = dict(record)
    if len(inner) == 1:
        removed = changed.pop(inner[0])
    else:
        changed[inner[0]], removed = delete(record[inner[0]], inner[1:])
    return changed, removed


def sql_path(inner: Path) -> str | None:
    """The path in SQLite's JSON notation, or None where that notation cannot say it.

    SQLite 3.40 compares names in their escaped form, so a name that JSON must escape is left
    to Python.
    """
    if any(char in '"\\' or char < " " for name in inner for char in name):
        return None
    return "$" + "".join(f'."{name}"' for name in inner)
