"""What a JSON value looks like: which members are there, and of which types.

Pure. A list counts as one element that has everything its elements have, so two lists of
different lengths can look the same.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Shape = Mapping[str, frozenset[str]]
# Members that are words of the API and not of one run: their values have to be equal in answers.
SPOKEN = frozenset(
    {
        "action", "api_version_string", "configured_type", "dirname", "filename", "klippy_state",
        "namespace", "path", "permissions", "queue_state", "root", "source", "state", "status",
        "type", "username",
    }
)  # fmt: skip


def shape(value: Any, spoken: frozenset[str] = SPOKEN) -> Shape:
    """Types by path, such as `result.jobs[].status`; of members in `spoken` it is the value."""
    found: dict[str, set[str]] = {}
    for path, kind in _walk(value, "", "", spoken):
        found.setdefault(path, set()).add(kind)
    return {path: frozenset(kinds) for path, kinds in found.items()}


def _walk(value: Any, path: str, name: str, spoken: frozenset[str]) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            yield path, "object"
            for key, member in value.items():
                yield from _walk(member, f"{path}.{key}".lstrip("."), key, spoken)
        case list():
            yield path, "array"
            for member in value:
                yield from _walk(member, f"{path}[]", name, spoken)
        case str() if name in spoken:
            yield path, f"{value!r}"
        case _:
            yield path, _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def unlike(ours: Shape, theirs: Shape) -> Iterator[str]:
    """One line for each member that is there once or of other types; none for what is below it."""
    said: list[str] = []
    for path in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(path), theirs.get(path)
        if here == there or any(path.startswith((f"{above}.", f"{above}[")) for above in said):
            continue
        if here is None or there is None:
            said.append(path)
        yield f"{path or 'all'}: {_words(here)} here, {_words(there)} there"


def _words(kinds: frozenset[str] | None) -> str:
    return "nothing" if kinds is None else " or ".join(sorted(kinds))
