"""JSON that others have written: files of users and releases, answers of servers and programs.

What is wrong with it comes in three kinds of exceptions: syntax and types, letters that are no
UTF-8, nesting that no reader survives. Here all of them are one. Bounds are `mrk/json_bounds.py`.
"""

from typing import Any, TypeVar, overload

import msgspec

Kind = TypeVar("Kind")
Text = bytes | str | msgspec.Raw


class NotJson(ValueError):
    """No JSON, or not that of the type that was wanted; the text says why."""


@overload
def decode(text: Text) -> Any: ...


@overload
def decode(text: Text, kind: type[Kind]) -> Kind: ...


def decode(text: Text, kind: Any = Any) -> Any:
    """A value of that type; raises `NotJson`."""
    return decode_by(msgspec.json.Decoder(kind), text)


def decode_by(decoder: msgspec.json.Decoder[Kind], text: Text) -> Kind:
    """The same by a decoder that is there already; raises `NotJson`."""
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise NotJson(str(exc)) from exc
    except RecursionError as exc:
        raise NotJson("nested too deeply") from exc
