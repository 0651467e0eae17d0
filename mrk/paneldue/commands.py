"""What a command of the display asks for. Pure.

Some are answered here (`M408`, `M20`, `M30`, `M36`), some mean something else to Klipper, and the
rest is its g-code.
"""

import math
import re
from typing import TypeVar

import msgspec


class StatusQuery(msgspec.Struct, frozen=True):
    """`M408`: `kind` 1 adds what does not change; `seq` is the last response that was seen."""

    kind: int = 1
    seq: int | None = None


class ListFolder(msgspec.Struct, frozen=True):
    """`M20`: the names in a folder, which is written as the display does."""

    path: str


class DeleteFile(msgspec.Struct, frozen=True):
    """`M30`: a file below gcodes."""

    path: str


class FileQuery(msgspec.Struct, frozen=True):
    """`M36`: about a file below gcodes, or about the one that is printed."""

    path: str | None


class Gcode(msgspec.Struct, frozen=True):
    """To be run by Klipper."""

    script: str


class StartPrint(msgspec.Struct, frozen=True):
    """`M32`: print a file below gcodes."""

    path: str


class RunMacro(msgspec.Struct, frozen=True):
    """`M98`: a macro of the configuration, by its label."""

    label: str


class AnswerBox(msgspec.Struct, frozen=True):
    """`M292`: the message box was answered."""

    confirmed: bool


class Nothing(msgspec.Struct, frozen=True):
    """Nothing is asked for, as by an `M20` of another kind."""


class BadCommand(msgspec.Struct, frozen=True):
    """It cannot be done; the text says why."""

    reason: str


Direct = StatusQuery | ListFolder | DeleteFile | FileQuery
Queued = Gcode | StartPrint | RunMacro | AnswerBox
Command = Direct | Queued | Nothing | BadCommand

RESTARTS = ("RESTART", "FIRMWARE_RESTART")
_PLAIN = {
    "M0": "CANCEL_PRINT",
    "M24": "RESUME",
    "M25": "PAUSE",
    "M999": "FIRMWARE_RESTART",
    "M120": "SAVE_GCODE_STATE STATE=PANELDUE",
    "M121": "RESTORE_GCODE_STATE STATE=PANELDUE",
}
Default = TypeVar("Default")
_INTEGER = re.compile(r"[+-]?\d{1,9}")


def read_command(text: str) -> Command:
    """What a command means; `text` is not empty."""
    word, _, rest = text.partition(" ")
    name, rest = word.upper(), rest.strip()
    if name in _PLAIN:
        return Gcode(_PLAIN[name])
    match name:
        case "M408":
            return StatusQuery(_integer(rest, "S", 1), _integer(rest, "R", None))
        case "M20":
            path = _text(rest, "P")
            return ListFolder(path) if _integer(rest, "S", 0) == 2 else Nothing()
        case "M292":
            return AnswerBox(_integer(rest, "P", 0) == 0)
        case "M290":
            return _baby_step(rest)
        case "M98":
            return RunMacro(_unquoted(rest.removeprefix("P")).rstrip("/").rpartition("/")[2])
        case "M36":
            return FileQuery(gcode_path(rest) or None)
        case "M23" | "M30" | "M32":
            return _with_file(name, gcode_path(rest))
    return Gcode(text)


def _with_file(name: str, path: str) -> Command:
    if not path.strip():
        return BadCommand(f"{name} needs the name of a file")
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in path):
        return BadCommand(f"{name}: the name of the file contains a control character")
    if name == "M30":
        return DeleteFile(path)
    return StartPrint(path) if name == "M32" else Gcode(f"M23 /{path}")


def _baby_step(rest: str) -> Command:
    """RepRapFirmware knows `S` as another name of `Z`."""
    for word in rest.split():
        try:
            value = float(word[1:]) if word[0].upper() in "ZS" else math.nan
        except ValueError:
            continue
        if math.isfinite(value):
            return Gcode(f"SET_GCODE_OFFSET Z_ADJUST={value:.4f} MOVE=1")
    return BadCommand("M290 needs a number, as in M290 Z0.05")


def gcode_path(text: str) -> str:
    """A path as the display writes it, relative to the root gcodes."""
    return plain_path(text).removeprefix("gcodes/")


def plain_path(text: str) -> str:
    """A path without quotes, drive and slashes at its ends."""
    return _unquoted(text).removeprefix("0:").strip("/")


def _unquoted(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1].replace('""', '"') if quoted else text


def _integer(rest: str, letter: str, default: Default) -> int | Default:
    for word in rest.split():
        if word[0].upper() == letter and _INTEGER.fullmatch(word[1:]):
            return int(word[1:])
    return default


def _text(rest: str, letter: str) -> str:
    """What stands behind a letter; blanks belong to it, as it is the last one."""
    found = re.search(rf"(?:^|\s){letter}(.*)", rest, re.IGNORECASE | re.DOTALL)
    return found[1] if found else ""
