"""Subscriptions: their union towards Klipper, the part of a change for each of them.

Readers with equal subscriptions form one group, so that a change is filtered, and later
encoded, once per distinct subscription. Pure.
"""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from mrk.errors import ClientError
from mrk.status.update import StatusUpdate, quoted_name

# None stands for all fields of an object.
Wanted = Mapping[str, frozenset[str] | None]
# A subscription may have so many; a large printer has some 300 objects with names of 20 characters.
MOST_OBJECTS = 1000
MOST_CHARS = 128 * 1024
# What keeping a name takes besides its characters.
_NAME_BYTES = 150
# Looked for in each update, 0.1 us each.
_MOST_OTHERS = 20
_Key = frozenset[tuple[str, frozenset[str] | None]]


class StatusReader(Protocol):
    """Somebody who subscribes; `open` turns false when nothing more can be delivered."""

    @property
    def open(self) -> bool: ...

    def push_status(self, update: StatusUpdate) -> None:
        """Take a change without waiting; it is shared with others and must not be altered."""


def check_size(objects: Mapping[str, Collection[str] | None]) -> int:
    """About how many bytes a subscription costs to keep; raises `ClientError` 400 past its bounds.

    Klipper takes any names, those of objects that it has never heard of too.
    """
    if len(objects) > MOST_OBJECTS:
        raise ClientError(f"Argument 'objects' has more than {MOST_OBJECTS} printer objects")
    names = chars = 0
    for name, fields in objects.items():
        names += 1 + len(fields or ())
        chars += len(name) + sum(map(len, fields or ()))
    if chars > MOST_CHARS:
        raise ClientError(f"Argument 'objects' has names of more than {MOST_CHARS} characters")
    return chars + names * _NAME_BYTES


def wanted(objects: Mapping[str, Collection[str] | None]) -> dict[str, frozenset[str] | None]:
    """The `objects` argument in the form used here."""
    return {name: None if fields is None else frozenset(fields) for name, fields in objects.items()}


def united(first: Wanted, second: Wanted) -> dict[str, frozenset[str] | None]:
    """Both subscriptions in one: field lists united, all fields win."""
    result = dict(first)
    for name, fields in second.items():
        if name not in result:
            result[name] = fields
            continue
        known = result[name]
        result[name] = None if known is None or fields is None else known | fields
    return result


def _others(wanted: Wanted, reported: Mapping[str, Any]) -> Mapping[str, bytes] | None:
    """What Klipper reports and `wanted` does not have whole, if few, with the quoted names."""
    names = [name for name in reported if name not in wanted or wanted[name] is not None]
    if not reported or len(names) > _MOST_OTHERS:
        return None
    quoted = {name: text for name in names if (text := quoted_name(name)) is not None}
    return quoted if len(quoted) == len(names) else None


class _Group:
    __slots__ = ("others", "readers", "wanted")

    def __init__(self, wanted: Wanted, reported: Mapping[str, Any]) -> None:
        self.wanted = wanted
        self.others = _others(wanted, reported)
        self.readers: dict[StatusReader, None] = {}


class Subscriptions:
    """Who wants what; a reader has one subscription."""

    def __init__(self) -> None:
        self._groups: dict[_Key, _Group] = {}
        self._keys: dict[StatusReader, _Key] = {}
        self.readers: Collection[StatusReader] = self._keys.keys()
        self._reported: Mapping[str, Any] = {}
        self._shared: Wanted = {}

    def share(self, wanted: Wanted) -> None:
        """Add to what is asked for besides the readers' subscriptions."""
        self._shared = united(self._shared, wanted)

    @property
    def shared(self) -> Collection[str]:
        """The names of the objects that are shared."""
        return self._shared.keys()

    def reports(self, asked: Mapping[str, Any]) -> None:
        """Klipper reports these from now on, and nothing else."""
        self._reported = asked
        for group in self._groups.values():
            group.others = _others(group.wanted, asked)

    def set(self, reader: StatusReader, wanted: Wanted) -> None:
        """Replace the reader's subscription; an empty one is not kept."""
        self.remove(reader)
        if wanted:
            key = frozenset(wanted.items())
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = _Group(wanted, self._reported)
            group.readers[reader] = None
            self._keys[reader] = key

    def remove(self, reader: StatusReader) -> None:
        """Forget a reader, known or not."""
        key = self._keys.pop(reader, None)
        if key is not None:
            group = self._groups[key]
            del group.readers[reader]
            if not group.readers:
                del self._groups[key]

    def union(self, more: Wanted) -> dict[str, frozenset[str] | None]:
        """What Klipper has to report: all subscriptions and `more`."""
        result = united(self._shared, more)
        for group in self._groups.values():
            result = united(result, group.wanted)
        return result

    def push(self, update: StatusUpdate) -> None:
        """Hand each reader its part of a change, unless that is empty."""
        for group in tuple(self._groups.values()):
            part = update.part(group.wanted, group.others)
            if part is not None:
                for reader in tuple(group.readers):
                    reader.push_status(part)
