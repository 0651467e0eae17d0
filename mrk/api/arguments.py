"""Arguments as clients send them -> the params struct that an endpoint declared.

The conversions are Moonraker's: texts stand for numbers and booleans, a comma list for an
array. A present null is not an absent key. Errors are `ClientError` 400 naming the argument.
"""

import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mrk import json_bounds
from mrk.api.json_arguments import JsonText, MemberReader
from mrk.errors import ClientError
from mrk.shown_value import shown_value

Convert = Callable[[str, object], Any]
RESERVED_KEYS = frozenset({"_", "token", "access_token", "connection_id"})
# Of one list; each element is converted and looked at by itself.
MOST_ELEMENTS = 10_000
_encode = msgspec.json.Encoder().encode


def _refuse(name: str, value: object, wanted: str) -> ClientError:
    return ClientError(f"Argument '{name}': {shown_value(value)} given, {wanted} expected")


def as_bool(name: str, value: object) -> bool:
    """JSON boolean, or the text true/false in any case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _refuse(name, value, "true or false")


def as_int(name: str, value: object) -> int:
    """Integer, numeric text, or a JSON float (truncated)."""
    try:
        if isinstance(value, str | int | float):
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise _refuse(name, value, "an integer")


def as_float(name: str, value: object) -> float:
    """A number or numeric text."""
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise _refuse(name, value, "a number")


def as_str(name: str, value: object) -> str:
    """Anything, as text; null is refused (Moonraker would make it the text None)."""
    if isinstance(value, str):
        return value
    if value is None:
        raise _refuse(name, value, "a text")
    if isinstance(value, bool | int | float):
        return str(value)
    try:
        return json.dumps(value)
    except RecursionError:
        raise ClientError(f"Argument '{name}': nested too deeply") from None


def as_mapping(name: str, value: object) -> dict[str, Any]:
    """A JSON object."""
    if isinstance(value, dict):
        return value
    raise _refuse(name, value, "an object")


def as_is(_name: str, value: object) -> object:
    """No conversion: the handler decides."""
    return value


def as_json(name: str, value: object) -> msgspec.Raw:
    """Any JSON, as text; what came as text is not decoded, however large it is."""
    if isinstance(value, msgspec.Raw):
        return value
    try:
        return msgspec.Raw(_encode(value))
    except (UnicodeEncodeError, RecursionError) as exc:
        raise ClientError(f"Argument '{name}': no valid JSON, {exc}") from exc


def comma_list(name: str, text: str) -> list[str]:
    """The parts of a comma separated text, trimmed, without empty ones; 400 for too many."""
    check_count(name, text.count(",") + 1)
    return [part.strip() for part in text.split(",") if part.strip()]


def check_count(name: str, count: int) -> None:
    """Refuse more elements than a list may have."""
    if count > MOST_ELEMENTS:
        raise ClientError(f"Argument '{name}': {count} elements given, at most {MOST_ELEMENTS}")


def _as_list(item: Convert) -> Convert:
    def convert(name: str, value: object) -> list[Any]:
        if isinstance(value, str):
            value = comma_list(name, value)
        if not isinstance(value, list):
            raise _refuse(name, value, "an array or comma separated text")
        check_count(name, len(value))
        return [item(f"{name}[{index}]", part) for index, part in enumerate(value)]

    return convert


def _as_literal(choices: tuple[object, ...]) -> Convert:
    def convert(name: str, value: object) -> object:
        if value not in choices:
            raise _refuse(name, value, "one of " + ", ".join(map(str, choices)))
        return value

    return convert


def _as_struct(kind: type[msgspec.Struct]) -> Convert:
    def convert(name: str, value: object) -> object:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as exc:
            raise ClientError(f"Argument '{name}': {exc}") from None

    return convert


_SIMPLE: dict[object, Convert] = {
    bool: as_bool,
    int: as_int,
    float: as_float,
    str: as_str,
    object: as_is,
    Any: as_is,
    msgspec.Raw: as_json,
}


def _converter(annotation: Any) -> Convert:
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        # `int | None = None` says "may be absent"; a present null is still refused.
        (kind,) = (arg for arg in inner if arg is not type(None))
        return _converter(kind)
    if origin is typing.Literal:
        return _as_literal(inner)
    if origin is list:
        return _as_list(_converter(inner[0]))
    if origin in (dict, Mapping) or annotation is dict:
        return as_mapping
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return _as_struct(annotation)
    raise TypeError(f"no argument conversion for {annotation!r}")


class ArgumentReader:
    """Fills one params struct; built once per endpoint."""

    def __init__(self, params: type[msgspec.Struct]) -> None:
        hints = typing.get_type_hints(params)
        self._params = params
        self._fields = [
            (field.name, field.encode_name, _converter(hints[field.name]), field.required)
            for field in msgspec.structs.fields(params)
        ]
        # For calls without arguments, where they are possible: all get the same frozen instance.
        required = any(required for _, _, _, required in self._fields)
        self.default = None if required else params()
        self.blank = not self._fields
        self._members = MemberReader(
            [wire_name for _, wire_name, _, _ in self._fields],
            [wire_name for _, wire_name, convert, _ in self._fields if convert is as_json],
        )

    def decode(self, text: JsonText) -> Mapping[str, object]:
        """The arguments in a JSON object that `read` looks at."""
        return self._members.decode(text)

    def read(self, arguments: Mapping[str, object]) -> msgspec.Struct:
        """Return the struct; unknown arguments are ignored, a missing required one is a 400."""
        values = {}
        for name, wire_name, convert, required in self._fields:
            if wire_name in arguments:
                values[name] = convert(wire_name, arguments[wire_name])
            elif required:
                raise ClientError(f"Argument '{wire_name}' is missing")
        return self._params(**values)


def _hinted(hint: str, text: str) -> object:
    try:
        match hint:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "bool":
                return text.lower() == "true"
            case "json":
                return json_bounds.decode(text.encode(), "A JSON field")
    except (ValueError, ClientError):
        pass
    return text


def hinted_arguments(pairs: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Query or form pairs -> arguments: type hints `key:int`, last value wins, values trimmed.

    Reserved keys never reach an endpoint. An unknown hint or failed conversion keeps the text.
    """
    arguments: dict[str, object] = {}
    for key, text in pairs:
        name, _, hint = key.partition(":")
        if name not in RESERVED_KEYS:
            arguments[name] = _hinted(hint, text.strip())
    return arguments


def objects_query(pairs: Sequence[tuple[str, str]]) -> dict[str, object]:
    """The query of `/printer/objects/*`: key = object, value = comma list of fields or empty."""
    objects = {
        key: (comma_list(key, text) or None) if text else None
        for key, text in pairs
        if key not in RESERVED_KEYS
    }
    return {"objects": objects}
