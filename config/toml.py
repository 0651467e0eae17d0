"""`mrk.toml`: the sections of `moonraker.conf` written as TOML.

A table is a section; a table in it is a named one (`[webcam.bed]`, or `["webcam bed"]`);
a table in a named section is a dict option. Lists are lists, booleans and numbers become
text, so that one typed reading serves both formats. Line numbers come from a scan of the
text, since tomli does not keep them.
"""

import re
from pathlib import Path

from config.config_errors import ConfigError, quoted
from config.include import read_text
from config.source import DEFAULT, ConfigSource, Option, RawSection, ReadFile

_KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.)?""")
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_ERROR_TAIL = re.compile(r" \(at (?:line \d+, column \d+|end of document)\)$")

Lines = dict[tuple[str, ...], int]


def read_toml(main: Path) -> ConfigSource:
    """Read `main` (absolute); never raises: mistakes are in the source's `problems`."""
    source = ConfigSource(main=main)
    try:
        text = read_text(main, main.name)
        tables = _tables(text, main.name)
    except ConfigError as exc:
        source.problems.append(exc)
        return source
    source.verbatim = text
    source.files.append(ReadFile(main, main.name))
    filler = _Filler(source, main.name, key_lines(text))
    for name, table in tables.items():
        filler.top(name, table)
    return source


def _tables(text: str, file: str) -> dict[str, object]:
    # Imported here: a data folder with a moonraker.conf never needs it.
    import tomli

    try:
        return tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError, ValueError) as exc:
        at = _AT_LINE.search(str(exc))
        line = int(at[1]) if at else None
        reason = _ERROR_TAIL.sub("", str(exc)) or "not readable as TOML"
        raise ConfigError(reason, file=file, line=line) from exc


def key_lines(text: str) -> Lines:
    """Line of each table and key, by its path; approximate, for messages only."""
    lines: Lines = {}
    table: tuple[str, ...] = ()
    closing: str | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if closing is not None:
            closing = None if closing in line else closing
            continue
        body = line.strip()
        if body.startswith("["):
            table = _key_path(body.lstrip("["))
            lines.setdefault(table, number)
        elif body and not body.startswith("#"):
            path = _key_path(body)
            for length in range(1, len(path) + 1):
                lines.setdefault(table + path[:length], number)
        closing = next((mark for mark in ('"""', "'''") if body.count(mark) % 2), None)
    return lines


def _key_path(text: str) -> tuple[str, ...]:
    parts: list[str] = []
    position = 0
    while (match := _KEY_PART.match(text, position)) is not None:
        parts.append(next(group for group in match.groups()[:3] if group is not None))
        position = match.end()
        if match[4] is None:
            break
    return tuple(parts)


class _Filler:
    def __init__(self, source: ConfigSource, file: str, lines: Lines) -> None:
        self._source = source
        self._file = file
        self._lines = lines

    def top(self, name: str, table: object) -> None:
        """One top-level key: a section, and the named sections in it."""
        if not isinstance(table, dict):
            self._problem((name,), "stands before any table; put a [section] header first", name)
            return
        if name.split(" ")[0] == "include":
            self._problem((name,), "mrk.toml has no includes", name)
            return
        named = {key: value for key, value in table.items() if isinstance(value, dict)}
        if not named or len(named) < len(table) or name == DEFAULT:
            plain = {key: value for key, value in table.items() if key not in named}
            self._section(name, (name,), plain)
        for key, value in named.items():
            self._section(f"{name} {key}", (name, key), value)

    def _section(self, name: str, path: tuple[str, ...], table: dict[str, object]) -> None:
        if name in self._source.sections:
            self._problem(path, "this section stands twice in one file", section=name)
        section = RawSection(name, self._file, self._lines.get(path))
        for key, value in table.items():
            option = self._option(name, (*path, key), value)
            if option is not None and option.name in section.options:
                reason = "this option stands twice in one section"
                self._problem((*path, key), reason, option.name, name)
            elif option is not None:
                section.options[option.name] = option
        self._source.merge(section)
        self._source.files[0].sections.append(name)

    def _option(self, section: str, path: tuple[str, ...], value: object) -> Option | None:
        name = path[-1].lower()
        line = self._lines.get(path)
        try:
            if isinstance(value, list | dict):
                items = tuple(_items(value))
                return Option(name, "\n" + "\n".join(items), self._file, line, items)
            return Option(name, _text(value), self._file, line)
        except ValueError as exc:
            self._problem(path, str(exc), name, section)
            return None

    def _problem(
        self,
        path: tuple[str, ...],
        reason: str,
        option: str | None = None,
        section: str | None = None,
    ) -> None:
        line = self._lines.get(path)
        problem = ConfigError(reason, file=self._file, line=line, section=section, option=option)
        self._source.problems.append(problem)


def _items(value: list[object] | dict[str, object]) -> list[str]:
    if isinstance(value, dict):
        return [f"{key}={_text(one)}" for key, one in value.items()]
    items = [_text(one) for one in value]
    for item in items:
        if "\n" in item:
            raise ValueError(f"list item {quoted(item)} has more than one line")
    return items


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"a value of type {type(value).__name__} is not understood here")
