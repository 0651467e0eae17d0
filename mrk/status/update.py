"""A change of printer objects on its way to clients: shared, encoded once, merged where it waits.

What Klipper sent stays JSON text until somebody asks for it: an update whose subscribers want it
whole goes out as it came, and who follows one object has that one read. Pure.
`mrk/status/tracker.py` makes updates, `mrk/clients/outbox.py` queues them.
"""

import functools
import re
from collections.abc import Callable, Collection, KeysView, Mapping
from types import MappingProxyType
from typing import Any, Protocol, cast

import msgspec

from mrk.api.notification import Framing, notification
from mrk.lenient_json import decode_lenient

# Klipper's own status objects are open by nature: printer object -> field -> value.
StatusDelta = dict[str, dict[str, Any]]
# The same, with objects that nobody has looked into yet.
ChangedObjects = Mapping[str, "dict[str, Any] | msgspec.Raw"]

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_decode_objects = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_fields = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode
_BEFORE = b'{"jsonrpc":"2.0","method":"notify_status_update","params":['
_NOTHING: Mapping[str, msgspec.Raw] = MappingProxyType({})
_ABSENT = msgspec.Raw(b"")
_BRACE = ord("{")
_PLAIN_NAME = re.compile(r"[ !#-\[\]-~]*")
# So many objects are read one by one before all of them are.
_FEW = 6


class StatusUpdate(msgspec.Struct, eq=False, gc=False):
    """Changed fields for all clients of one distinct subscription, encoded on first need.

    The objects are shared and never changed after construction; raw ones are JSON objects. Instead
    of them there may be a text, all of them as Klipper wrote them, with the JSON of `eventtime`.
    Of the objects that were looked for already those in it are `found`. `frames` are those that
    `framed` has made.
    """

    # None where nobody has asked for the objects of the text yet.
    _known: ChangedObjects | None
    eventtime: float
    _text: bytes = b""
    _time_text: bytes = b""
    _looked_for: Collection[str] = ()
    found: Mapping[str, msgspec.Raw] = _NOTHING
    _decoded: StatusDelta = {}
    frames: dict[Framing, bytes] = {}

    @property
    def _objects(self) -> ChangedObjects:
        if self._known is None:
            self._known = _objects_of(self._text)
        return self._known

    @property
    def names(self) -> KeysView[str]:
        """Objects with changes."""
        return self._objects.keys()

    def fields(self, name: str) -> dict[str, Any] | None:
        """The changed fields of an object, None when it has none. Not to be altered."""
        if self._known is not None and not isinstance(self._known.get(name), msgspec.Raw):
            # Before what is decoded, which a part shares: of this one it may hold some fields only.
            return cast("dict[str, Any] | None", self._known.get(name))
        known = self._decoded.get(name)
        if known is not None:
            return known
        value = self._object(name)
        if not isinstance(value, msgspec.Raw):
            return value
        known = self._decoded[name] = _fields_of(value)
        return known

    def _object(self, name: str) -> dict[str, Any] | msgspec.Raw | None:
        """One object without reading the others, as long as nobody needed them."""
        if self._known is not None:
            return self._known.get(name)
        if name in self._looked_for:
            raw = self.found.get(name)
            return None if raw is None else _object_or_none(raw)
        if (quoted := quoted_name(name)) is None:
            return self._objects.get(name)
        if quoted not in self._text:
            return None
        found = _member_decoder(name)(self._text).value
        return _object_or_none(found)

    @property
    def delta(self) -> StatusDelta:
        """All of it, decoded. Not to be altered."""
        if self._known is None and not self._decoded:
            try:
                # In one go: a third of what it costs object by object.
                objects = _decode_fields(self._text)
            except (msgspec.DecodeError, RecursionError):
                pass  # something in it is no object, or not quite JSON
            else:
                self._known = self._decoded = {k: fields for k, fields in objects.items() if fields}
                return self._decoded
        return {name: self.fields(name) or {} for name in self._objects}

    def part(
        self,
        wanted: "Mapping[str, Collection[str] | None]",
        others: Mapping[str, bytes] | None = None,
    ) -> "StatusUpdate | None":
        """What a subscription asks for: this very update when that is all, None when nothing is.

        `others` is what may be in it besides, with the quoted names; None when that is not known.
        """
        if self._text and others is not None:
            looked_for, found, text = self._looked_for, self.found, self._text
            for name, quoted in others.items():
                if name in found or (name not in looked_for and quoted in text):
                    break
            else:
                return self
        chosen: dict[str, dict[str, Any] | msgspec.Raw] = {}
        few = self._known is None and len(wanted) <= _FEW
        whole = not few
        for name in wanted if few else self._objects:
            value = self._object(name)
            if name not in wanted or value is None or value == {}:
                whole = False
                continue
            asked = wanted[name]
            if asked is None:
                chosen[name] = value
                continue
            whole = False
            fields = self.fields(name) or {}
            cut = {field: fields[field] for field in fields if field in asked}
            if cut:
                chosen[name] = cut
        if whole:
            return self if chosen else None
        if not chosen:
            return None
        part = StatusUpdate(chosen, self.eventtime)
        part._decoded = self._decoded  # of objects that both hold raw
        return part

    def framed(self, framing: Framing) -> bytes:
        """The `notify_status_update` message for one kind of transport, shared by its clients."""
        frame = self.frames.get(framing)
        if frame is None:
            if self._text:
                payload = b"".join((_BEFORE, self._text, b",", self._time_text, b"]}"))
            else:
                params = [self._objects, self.eventtime]
                payload = notification("notify_status_update", params).payload
            frame = self.frames[framing] = framing(payload)
        return frame

    def may_change(self, names: Collection[str]) -> bool:
        """Whether one of these objects may be in it: the text is searched, not read."""
        if self._known is not None:
            return not self._known.keys().isdisjoint(names)
        return any((quoted := quoted_name(name)) is None or quoted in self._text for name in names)

    def merged(self, later: "StatusUpdate") -> "StatusUpdate":
        """Both updates as one; the later value wins field by field."""
        objects = dict(self._objects)
        for name, value in later._objects.items():
            earlier = self.fields(name)
            objects[name] = value if earlier is None else {**earlier, **(later.fields(name) or {})}
        return StatusUpdate(objects, later.eventtime)


@functools.lru_cache(maxsize=256)
def quoted_name(name: str) -> bytes | None:
    """A name as it stands in Klipper's JSON; None where that may be written in several ways."""
    return f'"{name}"'.encode() if _PLAIN_NAME.fullmatch(name) else None


class _Member(Protocol):
    value: msgspec.Raw


@functools.lru_cache(maxsize=64)
def _member_decoder(name: str) -> Callable[[bytes], _Member]:
    """Reads one member of an object, and passes over the others."""
    value = msgspec.field(name=name, default=_ABSENT)
    member = msgspec.defstruct("_Member", [("value", msgspec.Raw, value)])
    return cast("Callable[[bytes], _Member]", msgspec.json.Decoder(member).decode)


def _objects_of(text: bytes) -> ChangedObjects:
    """Of what is no object, or an empty one, nothing is left."""
    found = {name: _object_or_none(raw) for name, raw in _decode_objects(text).items()}
    return {name: raw for name, raw in found.items() if raw is not None}


def _object_or_none(raw: msgspec.Raw) -> msgspec.Raw | None:
    return raw if len(text := memoryview(raw)) > 2 and text[0] == _BRACE else None


def _fields_of(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        value = decode_lenient(bytes(raw))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
