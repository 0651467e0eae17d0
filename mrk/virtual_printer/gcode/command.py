"""One g-code line taken apart: command word and parameters, with Klipper's checks and texts.

Pure data; made by the dispatcher in `gcode.py`, dropped when the command has run.
"""

import ast
import re
import shlex
from typing import Any

from mrk.virtual_printer.gcode.command_errors import CommandError

_WORD = re.compile(r"\s*(?:N\s*\d+\s*)?([A-Z]\s*-?\d+(?:\.\d+)?|[A-Z_][A-Z0-9_]*|)", re.IGNORECASE)
_NUMBERED = re.compile(r"[A-Z]-?\d+(\.\d+)?$")
_LETTER = re.compile(r"([A-Z*])\s*([^A-Z*]*)")
LARGEST = 1e9
# These take the rest of the line as text (klippy/gcode.py, get_raw_command_parameters).
_TEXT_COMMANDS = frozenset({"M23", "M117", "M118", "ECHO"})


class GCodeCommand:
    """`command` in upper case, `line` as it was written, `params` by upper-case name."""

    __slots__ = ("command", "line", "params", "rest")

    def __init__(self, command: str, line: str, rest: str, params: dict[str, str]) -> None:
        self.command = command
        self.line = line
        self.rest = rest
        self.params = params

    def get(self, name: str, default: str | None = None) -> str:
        """The text of a parameter; without a default its absence is an error."""
        value = self.params.get(name, default)
        if value is None:
            raise CommandError(f"Error on '{self.line}': missing {name}")
        return value

    def get_float(
        self,
        name: str,
        default: float | None = None,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        above: float | None = None,
    ) -> float:
        """A number within bounds, with Klipper's error texts."""
        if name not in self.params and default is not None:
            return default
        text = self.get(name)
        try:
            value = read_number(text)
        except ValueError:
            raise CommandError(f"Error on '{self.line}': unable to parse {text}") from None
        self._check(name, value, minimum, maximum, above)
        return value

    def get_optional(self, name: str) -> float | None:
        """A number, or None when the parameter is absent."""
        return self.get_float(name) if name in self.params else None

    def get_int(self, name: str, default: int | None = None, *, minimum: int | None = None) -> int:
        """A whole number, with Klipper's error texts."""
        if name not in self.params and default is not None:
            return default
        text = self.get(name)
        try:
            value = int(text)
        except ValueError:
            raise CommandError(f"Error on '{self.line}': unable to parse {text}") from None
        self._check(name, value, minimum, None, None)
        return value

    def _check(
        self,
        name: str,
        value: float,
        minimum: float | None,
        maximum: float | None,
        above: float | None,
    ) -> None:
        start = f"Error on '{self.line}': {name} must"
        if minimum is not None and value < minimum:
            raise CommandError(f"{start} have minimum of {minimum}")
        if maximum is not None and value > maximum:
            raise CommandError(f"{start} have maximum of {maximum}")
        if above is not None and value <= above:
            raise CommandError(f"{start} be above {above}")


def read_number(text: str) -> float:
    """A number a printer can have meant: finite and below a thousand kilometres.

    Raises `ValueError`. Without the bound one line could make all later times NaN or infinite.
    """
    value = float(text)
    if not abs(value) < LARGEST:
        raise ValueError(f"not a usable number: {text}")
    return value


def read_literal(text: str) -> Any:
    """A Python literal, as SAVE_VARIABLE and SET_GCODE_VARIABLE take it."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as exc:
        raise CommandError(f"Unable to parse '{text}' as a literal: {exc}") from None


def parse_line(line: str) -> GCodeCommand | None:
    """Take one line apart; None when it holds no command. Raises `CommandError` if malformed."""
    written = line.strip()
    text = written.partition(";")[0].strip()
    if not text:
        return None
    found = _WORD.match(text)
    word = found.group(1) if found else ""
    if found is None or not word:
        return GCodeCommand(text.upper(), written, "", {})
    command = "".join(word.split()).upper()
    rest = text[found.end() :]
    if command in _TEXT_COMMANDS:
        whole = written[found.end() :]
        return GCodeCommand(command, written, whole.removeprefix(" "), {})
    if _NUMBERED.match(command):
        params = {name: value.strip() for name, value in _LETTER.findall(rest.upper())}
        return GCodeCommand(command, written, rest.strip(), params)
    # A quoted value may hold what would otherwise begin a comment.
    return GCodeCommand(command, written, rest.strip(), _named_params(written, found.end()))


def _named_params(written: str, start: int) -> dict[str, str]:
    words = shlex.shlex(written[start:], posix=True)
    words.whitespace_split = True
    words.commenters = "#;"
    try:
        pairs = [word.split("=", 1) for word in words]
        return {name.upper(): value for name, value in pairs}
    except ValueError:
        raise CommandError(f"Malformed command '{written}'") from None
