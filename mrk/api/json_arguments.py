"""Arguments in a JSON object, decoded as far as an endpoint has names for them.

What it has no name for is checked to be JSON and passed over; every other member is bounded
before it is decoded (`mrk/json_bounds.py`), or stays text. Errors are `ClientError` 400.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from mrk import json_bounds
from mrk.errors import ClientError

# Decoding so little as a whole takes less than its members one by one.
_SMALL_BYTES = 4096
_decode = msgspec.json.Decoder().decode
JsonText = bytes | msgspec.Raw


def decode_object(text: JsonText) -> dict[str, Any]:
    """All members, within the bounds."""
    text = bytes(text)
    json_bounds.check(text, "The arguments")
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise _not_json(exc) from None
    if not isinstance(value, dict):
        raise _not_an_object()
    return value


def _not_json(error: Exception) -> ClientError:
    return ClientError(f"The body is not JSON: {error}")


def _not_an_object() -> ClientError:
    return ClientError("The JSON body must be an object")


def _part(name: str, part: msgspec.Raw) -> Any:
    return json_bounds.decode(bytes(part), f"Argument '{name}'")


class MemberReader:
    """Reads the members of the given names; those in `kept` stay text (`msgspec.Raw`)."""

    def __init__(self, names: Collection[str], kept: Collection[str]) -> None:
        self._names = names
        self._kept = frozenset(kept)
        self._decoder: msgspec.json.Decoder[msgspec.Struct] | None = None

    def decode(self, text: JsonText) -> dict[str, Any]:
        """The members that are there."""
        if self._names and len(memoryview(text)) <= _SMALL_BYTES and not self._kept:
            return decode_object(text)
        found = self._members(text)
        return {
            name: part if name in self._kept else _part(name, part)
            for name, part in zip(self._names, msgspec.structs.astuple(found), strict=True)
            if part is not msgspec.UNSET
        }

    def _members(self, text: JsonText) -> msgspec.Struct:
        try:
            return self._decode(text)
        except RecursionError:
            raise ClientError("The JSON body is nested too deeply") from None
        except msgspec.ValidationError:
            raise _not_an_object() from None
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise _not_json(exc) from None

    def _decode(self, text: JsonText) -> msgspec.Struct:
        if self._decoder is None:  # made when needed: a type for each endpoint takes 2 KB
            fields = [(f"part{i}", msgspec.Raw, msgspec.UNSET) for i in range(len(self._names))]
            wire_names = {f"part{i}": name for i, name in enumerate(self._names)}
            kind = msgspec.defstruct("Members", fields, rename=wire_names)
            self._decoder = msgspec.json.Decoder(kind)
        return self._decoder.decode(text)
