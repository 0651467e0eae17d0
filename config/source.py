"""What the configuration files say, before anybody gives it a type.

`ConfigSource` is the merged text of all files: sections, their options, and for each option the
file and line that wrote it last. `dialect.py`, `include.py` and `toml.py` fill it,
`reader.py` reads it, `backup.py` writes it out again.
"""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from config.config_errors import ConfigError

DEFAULT = "DEFAULT"
_BLANK_AND_MARK = re.compile(r"([ \t])([#;])")


class Option(msgspec.Struct, frozen=True):
    """One written option: lower-case name, raw text, and where it stands.

    `items` holds the elements when the file format has lists of its own (TOML), so that
    no separator has to be guessed.
    """

    name: str
    value: str
    file: str
    line: int | None
    items: tuple[str, ...] | None = None


# Section and option to the text that clients and messages may see.
Shown = Callable[[str, Option], str]


def _as_written(_section: str, option: Option) -> str:
    return option.value


class RawSection(msgspec.Struct):
    """One section, merged or of one file; `file` and `line` are those of its first header."""

    name: str
    file: str
    line: int | None
    options: dict[str, Option] = {}


class ReadFile(msgspec.Struct):
    """One file that was read: its path, the name in messages, its sections in order."""

    path: Path
    shown: str
    sections: list[str] = []


class ConfigSource(msgspec.Struct):
    """The merged text. `main` is None when no file exists and defaults rule.

    `problems` are mistakes of syntax and of includes; a source with problems is good for
    finding more of them, not for a start. `verbatim` is the text of a format that has no
    includes and is backed up as it stands.
    """

    main: Path | None = None
    sections: dict[str, RawSection] = {}
    files: list[ReadFile] = []
    problems: list[ConfigError] = []
    verbatim: str | None = None

    def merge(self, part: RawSection) -> None:
        """Lay one section of one file over what was read before: the later option wins."""
        known = self.sections.setdefault(part.name, RawSection(part.name, part.file, part.line))
        known.options.update(part.options)

    def options(self, section: str) -> dict[str, Option]:
        """The options a section shows: its own over those of `[DEFAULT]`; {} if absent."""
        if section not in self.sections:
            return {}
        own = self.sections[section].options
        if DEFAULT not in self.sections or section == DEFAULT:
            return own
        return {**self.sections[DEFAULT].options, **own}

    def orig(self, shown: Shown = _as_written) -> dict[str, dict[str, str]]:
        """`server.config`'s `orig`: raw text by section and option; always has `DEFAULT`.

        `shown` says how the text of an option is told.
        """
        names = [DEFAULT, *(name for name in self.sections if name != DEFAULT)]
        return {
            name: {option.name: shown(name, option) for option in self.options(name).values()}
            for name in names
        }

    def listing(self) -> list[dict[str, object]]:
        """`server.config`'s `files`: name and sections of each file, in reading order.

        Names are relative to the resolved folder of the main file, else absolute.
        """
        if self.main is None:
            return []
        folder = self.main.parent.resolve()
        return [
            {"filename": relative_name(file.path, folder), "sections": list(file.sections)}
            for file in self.files
        ]

    def backup_text(self) -> str:
        """One file's text that reads back as this source: no includes, no comments."""
        if self.verbatim is not None:
            return self.verbatim
        lines: list[str] = []
        for section in self.sections.values():
            lines.append(_escaped(f"[{section.name}]"))
            for option in section.options.values():
                lines.extend(_option_lines(option))
            lines.append("")
        return "\n".join(lines)


def relative_name(path: Path, folder: Path) -> str:
    """`path` relative to `folder` where it lies below it, else as it is."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _option_lines(option: Option) -> list[str]:
    first, *rest = option.value.split("\n")
    # A value that begins with a kept backslash (`name:\#x`) must not follow a blank.
    glue = "" if first.startswith(("\\#", "\\;")) else " "
    lines = [_escaped(f"{option.name} ={glue}{first}").rstrip(" ")]
    return lines + [_escaped(f"    {line}") for line in rest]


def _escaped(line: str) -> str:
    return _BLANK_AND_MARK.sub(r"\1\\\2", line)
