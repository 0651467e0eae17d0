"""The text dialect of `moonraker.conf`: one file's text -> sections and includes.

Close to configparser's, but not the same: comments after a blank, `\\#` and `\\;` as
escapes, values continued by deeper lines, `[include ...]` as a directive. Pure; never
raises: mistakes are gathered, so that one run shows them all.
"""

import re

import msgspec

from config.config_errors import ConfigError, quoted
from config.secret import HIDDEN
from config.secret_options import holds_secret
from config.source import Option, RawSection

_TAB_COLUMNS = 4
_MARK = re.compile(r"[ \t](\\?)([#;])")
_SEPARATOR = re.compile(r"[:=]")
_WORDS = re.compile(r"[\s:=]+")


class Include(msgspec.Struct, frozen=True):
    """`[include pattern]`, to be read at this point of the file."""

    pattern: str
    line: int


class Parsed(msgspec.Struct):
    """Sections and includes of one file in order, and what is wrong in it."""

    parts: list[RawSection | Include] = []
    problems: list[ConfigError] = []


def parse(text: str, file: str) -> Parsed:
    """Read one file's text; `file` is its name in messages."""
    parser = _Parser(file)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        parser.feed(number, line)
    parser.end_option()
    return parser.parsed


def without_comment(line: str) -> str:
    """One line with tabs expanded, its comment removed and escaped marks bare."""
    line = line.expandtabs(_TAB_COLUMNS)
    if line.strip()[:1] in ("#", ";"):
        return ""
    kept: list[str] = []
    start = 0
    for match in _MARK.finditer(line):
        kept.append(line[start : match.start() + 1])
        start = match.start(2)
        if not match[1]:
            return "".join(kept)
    return "".join(kept) + line[start:]


def header_name(body: str) -> str | None:
    """The name in `[name]`, or None. Brackets inside the name count (`[include a[12].conf]`)."""
    if not body.startswith("[") or "]" not in body:
        return None
    depth = 0
    for position, char in enumerate(body):
        depth += (char == "[") - (char == "]")
        if depth == 0:
            return body[1:position].strip()
    return body[1 : body.index("]")].strip()


class _Parser:
    """Line by line; `_depth` is the indentation of the option that deeper lines continue."""

    def __init__(self, file: str) -> None:
        self.parsed = Parsed()
        self._file = file
        self._names: dict[str, int] = {}
        self._section: RawSection | None = None
        self._orphans_told = False
        self._depth: int | None = None
        self._name: str | None = None
        self._line = 0
        self._value: list[str] = []

    def feed(self, number: int, line: str) -> None:
        text = without_comment(line)
        body = text.strip()
        # An escaped mark at the start of a line is a comment all the same (seen upstream).
        if not body or body[0] in "#;":
            return
        depth = len(text) - len(text.lstrip())
        if self._depth is not None and depth > self._depth:
            if not body.startswith(("\\#", "\\;")):
                self._value.append(body)
            return
        self.end_option()
        header = header_name(body)
        if header is not None:
            self._begin_section(number, header)
        elif body.startswith("["):
            self._unended_section(number, body, cut="]" in line)
        else:
            self._begin_option(number, depth, body)

    def end_option(self) -> None:
        """Store the option whose value is complete now, if there is one."""
        if self._name is not None and self._section is not None:
            value = "\n".join(self._value)
            option = Option(self._name, value, self._file, self._line)
            self._section.options[self._name] = option
        self._depth = self._name = None
        self._value = []

    def _begin_section(self, number: int, header: str) -> None:
        self._section = None
        self._orphans_told = False
        first, _, rest = header.partition(" ")
        if first == "include":
            self.parsed.parts.append(Include(rest.strip(), number))
            return
        if not header:
            self._problem(number, "a section needs a name")
        elif header in self._names:
            first_line = self._names[header]
            reason = f"this section stands twice in one file, first in line {first_line}; join them"
            self._problem(number, reason, section=header)
        self._names.setdefault(header, number)
        self._section = RawSection(header, self._file, number)
        if header:
            self.parsed.parts.append(self._section)

    def _unended_section(self, number: int, body: str, *, cut: bool) -> None:
        """Its options belong to no section, and say nothing more."""
        self._section = None
        self._orphans_told = True
        reason = f'{_told("", body)} is a section line that lacks "]"'
        if cut:
            reason += '; what follows a blank and "#" or ";" is a comment, also in a name'
        self._problem(number, reason)

    def _begin_option(self, number: int, depth: int, body: str) -> None:
        self._depth = depth
        self._line = number
        split = _SEPARATOR.search(body)
        name = body[: split.start()].strip().lower() if split else ""
        if self._section is None:
            self._orphan(number, body)
        elif split is None:
            said = _told(self._section.name, body)
            reason = f'{said} is not an option: it lacks ":" or "="{self._unindented()}'
            self._problem(number, reason, section=self._section.name)
        elif not name:
            reason = f"{quoted(body)} has no name{self._unindented()}"
            self._problem(number, reason, section=self._section.name)
        elif name in self._section.options:
            first = self._section.options[name].line
            reason = f"this option stands twice in one section, first in line {first}; keep one"
            self._problem(number, reason, section=self._section.name, option=name)
        else:
            self._name = name
            self._value = [body[split.end() :].strip()]

    def _unindented(self) -> str:
        """What to do with a line that seems to be of a list whose lines are not indented."""
        options = self._section.options if self._section is not None else {}
        before = next(reversed(options.values()), None)
        if before is None or before.value:
            return ""
        return f"; if it belongs to {before.name}, indent it"

    def _orphan(self, number: int, body: str) -> None:
        """A section header is missing; told once for all options in a row."""
        if not self._orphans_told:
            after_include = self.parsed.parts and isinstance(self.parsed.parts[-1], Include)
            where = "directly after an include" if after_include else "before any section"
            said = _told("", body)
            self._problem(number, f"{said} stands {where}; put a [section] header first")
        self._orphans_told = True

    def _problem(
        self, line: int, reason: str, section: str | None = None, option: str | None = None
    ) -> None:
        problem = ConfigError(reason, file=self._file, line=line, section=section, option=option)
        self.parsed.problems.append(problem)


def _told(section: str, body: str) -> str:
    """A line that cannot be read, quoted; not what seems to be a password in it."""
    words = _WORDS.split(body, maxsplit=1)
    if len(words) > 1 and holds_secret(section, words[0].lower()):
        return quoted(f"{words[0]} {HIDDEN}")
    return quoted(body)
