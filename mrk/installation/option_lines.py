"""The lines of a configuration file, and which of them hold a secret.

Pure; for files in Klipper's dialect, its SAVE_CONFIG part, and TOML, also broken ones: nothing is
read but sections and options.
"""

import re
from collections.abc import Callable, Iterator

import msgspec

from mrk.definitions.url_logins import without_login

OPTION = re.compile(r"([\w.-]+)(\s*[:=]\s*)(.*)", re.DOTALL)
_SECTION = re.compile(r"\[([^\]]+)\]\s*(?:[#;].*)?")


class OptionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line; of a secret's, `before` is what stands in front of its `value`."""

    text: str
    is_secret: bool = False
    before: str = ""
    value: str = ""


def option_lines(text: str, holds_secret: Callable[[str, str], bool]) -> Iterator[OptionLine]:
    """Every line of `text`; a secret's further lines are secret, too."""
    section, hides = "", False
    for line in text.split("\n"):
        if line[:1].isspace() and line.strip():
            yield OptionLine(text=line, is_secret=hides, before="  ", value=line.strip())
            continue
        hides = False
        if match := _SECTION.match(line):
            section = match[1].strip().strip("\"'")
        elif match := OPTION.fullmatch(line.removeprefix("#*# ")):
            hides = holds_secret(section, match[1].lower())
            if hides:
                yield OptionLine(
                    text=line, is_secret=True, before=match[1] + match[2], value=match[3]
                )
                continue
        yield OptionLine(text=line)


def without_secrets(text: str, holds_secret: Callable[[str, str], bool]) -> str:
    """The file with comments in the place of secrets, so that it can still be read.

    Addresses lose their logins.
    """
    lines = []
    for line in option_lines(text, holds_secret):
        name = line.before.strip().rstrip(":= ")
        if not line.is_secret:
            lines.append(without_login(line.text))
        elif name:
            lines.append(f"# {name}: left out of the backup")
    return "\n".join(lines)
