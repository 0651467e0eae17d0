"""Checks on what clients want forwarded to Klippy.

An unexpected exception inside a Klippy endpoint puts the printer in shutdown, and a request
that Klipper cannot decode is never answered: so everything is checked here first.
All checks raise `ClientError` 400. Pure.
"""

import re
from collections.abc import Mapping
from typing import Any

from mrk.errors import ClientError

Objects = Mapping[str, list[str] | None]
# Klipper's json module gives up near Python's recursion limit, without an answer.
_DEPTH_LIMIT = 32
# Python refuses to read integers of more than 4300 digits; nothing honest needs 64 bits.
_INT_RANGE = range(-(2**63), 2**64)
# Streams of such endpoints cannot be delivered to clients, and a template of the client's
# choice could pass for one of our own messages (`process_status_update`).
_NOT_FORWARDED = frozenset({"response_template"})
# A text in place of a list of fields; no object of Klipper has as many.
_MOST_TEXT_CHARS = 4096
_FIELD = re.compile(r"[^\s,'\"(){}\[\]]+")


def check_objects(arguments: Mapping[str, Any], *, required: bool) -> dict[str, list[str] | None]:
    """The `objects` argument: object name -> null or a list of field names.

    A text may stand in place of the list; Klipper refuses that, but Moonraker looks for each
    field's name in it. Obico writes `speed`, OctoApp `{'state', 'filename', 'message'}`.
    """
    if "objects" not in arguments:
        if required:
            raise ClientError("Argument 'objects' is missing")
        return {}
    objects = arguments["objects"]
    if not isinstance(objects, dict):
        raise ClientError("Argument 'objects' must be an object of printer objects")
    checked: dict[str, list[str] | None] = {}
    for name, fields in objects.items():
        if not isinstance(name, str):
            raise ClientError("Argument 'objects': names of printer objects must be texts")
        if isinstance(fields, str) and len(fields) <= _MOST_TEXT_CHARS:
            fields = list(dict.fromkeys(_FIELD.findall(fields)))
        if fields is not None and not _is_text_list(fields):
            raise ClientError(f"Argument 'objects': {name!r} must be null or an array of texts")
        checked[name] = fields
    return checked


def _is_text_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def check_script(arguments: Mapping[str, Any]) -> str:
    """The `script` argument of gcode/script."""
    if "script" not in arguments:
        raise ClientError("Argument 'script' is missing")
    script = arguments["script"]
    if not isinstance(script, str):
        raise ClientError("Argument 'script' must be a text")
    return script


def is_stop(arguments: Mapping[str, Any]) -> bool:
    """Whether the `script` of gcode/script is M112 alone, which is an emergency stop."""
    script = arguments.get("script")
    return isinstance(script, str) and len(script) < 100 and script.strip().upper() == "M112"


def check_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of any other endpoint, as they will be forwarded."""
    forwarded = {key: value for key, value in arguments.items() if key not in _NOT_FORWARDED}
    layer: list[Any] = [forwarded]
    for _ in range(_DEPTH_LIMIT):
        layer = [inner for value in layer for inner in _inner(value)]
        if not layer:
            return forwarded
    raise ClientError(f"Arguments are nested deeper than {_DEPTH_LIMIT} levels")


def _inner(value: Any) -> list[Any]:
    match value:
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise ClientError("Names of arguments must be texts")
            return list(value.values())
        case list():
            return value
        case int() if value not in _INT_RANGE:
            raise ClientError("A number among the arguments is out of range")
    return []


def print_file_script(filename: str) -> str:
    """The g-code that prints `filename` (relative to the gcodes root).

    One leading slash is dropped. A name may not smuggle in a second command, so control
    characters are refused; Klipper splits parameters as a POSIX shell would.
    """
    name = filename.removeprefix("/")
    if not name.strip():
        raise ClientError("Argument 'filename' is empty")
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in name):
        raise ClientError("Argument 'filename' contains a line break or control character")
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'SDCARD_PRINT_FILE FILENAME="{escaped}"'


def printed_name(filename: str) -> str:
    """How `print_stats` will name a file that `print_file_script` starts."""
    return filename.removeprefix("/")
