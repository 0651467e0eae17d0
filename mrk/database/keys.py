"""Keys inside a namespace: dotted text, or a list of names where a name holds a dot.

The first name is the record, the rest walks into nested objects. Pure; errors are `ClientError`.
"""

from collections.abc import Sequence

from mrk.errors import ClientError
from mrk.shown_value import shown_value

Path = tuple[str, ...]
# Each is one level of objects, and every level is looked at by itself.
MOST_NAMES = 64


def parse_key(key: object) -> Path:
    """Names from the record down; raises `ClientError` 400 for anything else than text or list."""
    if isinstance(key, str):
        _check_names(key.count(".") + 1)
        names: Sequence[object] = key.split(".")
    elif isinstance(key, list | tuple):
        _check_names(len(key))
        names = key
    else:
        raise ClientError(
            f"Argument 'key': {shown_value(key)} given, text or a list of names expected"
        )
    if not names:
        raise ClientError("Argument 'key' is empty")
    for name in names:
        if not isinstance(name, str) or not name:
            raise ClientError(
                f"Argument 'key': a segment of {shown_value(key)} is empty or no text"
            )
        check_text("key", name)
    return tuple(str(name) for name in names)


def _check_names(count: int) -> None:
    if count > MOST_NAMES:
        raise ClientError(f"Argument 'key': {count} names given, at most {MOST_NAMES}")


def check_text(argument: str, text: str) -> str:
    """Refuse what UTF-8 cannot carry: half of a surrogate pair, as `\\ud800` in JSON gives it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ClientError(f"Argument '{argument}': {text!r:.60} is not valid Unicode") from None
    return text


def shown(path: Path) -> str:
    """The path as a person would write it."""
    return ".".join(path)
