"""Reads systemd's unit and environment files as far as a take-over needs it.

Pure; the rules are those of systemd.syntax(7) and systemd.exec(5). Words with a specifier that is
not known here raise `MrkError`, because a guess would start mrk on a wrong folder.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from mrk.errors import MrkError

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SPECIFIER = re.compile(r"%(.)")
# Before the program in ExecStart=.
_PREFIXES = "@-:+!"


class UnitFile(msgspec.Struct, frozen=True):
    """Options by section, in order; drop-ins are read behind the unit itself."""

    options: tuple[tuple[str, str, str], ...]

    def all(self, section: str, key: str) -> list[str]:
        """Every value of a list; an empty one forgets those before it."""
        found: list[str] = []
        for where, name, value in self.options:
            if (where, name) == (section, key):
                found = [*found, value] if value else []
        return found

    def last(self, section: str, key: str) -> str:
        """The value that holds; empty when there is none."""
        values = self.all(section, key)
        return values[-1] if values else ""


def parse_unit(texts: Iterable[str]) -> UnitFile:
    """A unit and its drop-ins, in the order in which systemd reads them."""
    return UnitFile(tuple(option for text in texts for option in _options(text)))


def parse_environment_file(text: str) -> dict[str, str]:
    """The variables of an EnvironmentFile=; lines that are none are skipped."""
    found = {}
    for line in _joined(text):
        name, equals, value = line.partition("=")
        if equals and name.strip().isidentifier():
            found[name.strip()] = _unquoted(value.strip())
    return found


def parse_environment(values: Iterable[str]) -> dict[str, str]:
    """The variables of Environment= lines."""
    words = [word for value in values for word in _split(value)]
    return {name: value for name, equals, value in (w.partition("=") for w in words) if equals}


def start_words(unit: UnitFile, environ: Mapping[str, str]) -> list[str]:
    """ExecStart= with its variables: `$NAME` gives words, `${NAME}` a part of one."""
    line = unit.last("Service", "ExecStart").lstrip(_PREFIXES)
    found: list[str] = []
    for word in _split(line):
        if word.startswith("$") and word[1:].isidentifier():
            found += _split(environ.get(word[1:], ""))
        else:
            found.append(_VARIABLE.sub(lambda match: environ.get(match[1], ""), word))
    return [word.replace("$$", "$") for word in found]


def with_specifiers(text: str, values: Mapping[str, str]) -> str:
    """`text` with `%h` and the like filled in; raises `MrkError` for one that is not known."""

    def value(match: re.Match[str]) -> str:
        letter = match[1]
        if letter == "%":
            return "%"
        if letter not in values:
            known = ", ".join(f"%{name}" for name in sorted(values))
            raise MrkError(f"{text!r}: %{letter} is not understood; expected one of {known}")
        return values[letter]

    return _SPECIFIER.sub(value, text)


def program_end(words: Sequence[str]) -> int:
    """Where the arguments begin that Moonraker reads; 0 for another command, such as one of its
    many companions."""
    for index, word in enumerate(words):
        if word == "-m" and words[index + 1 : index + 2] == ["moonraker"]:
            return index + 2
        if word.endswith(("/moonraker/moonraker.py", "/moonraker/moonraker")) or word == (
            "moonraker.py"
        ):
            return index + 1
        if index == 0 and word.endswith("-env/bin/moonraker"):
            return 1
    return 0


def _options(text: str) -> Iterator[tuple[str, str, str]]:
    section = ""
    for line in _joined(text):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        name, equals, value = line.partition("=")
        if equals:
            yield section, name.strip(), value.strip()


def _joined(text: str) -> Iterator[str]:
    """Lines without comments and blanks; one that ends in a backslash goes on in the next."""
    held = ""
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        yield held + line
        held = ""
    if held:
        yield held.rstrip()


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as exc:
        raise MrkError(f"{text!r} of the unit cannot be read: {exc}") from None


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
