"""`<data>/moonraker.secrets`: values that templates name instead of writing them out.

JSON is tried first, then INI. A bad file costs a warning and its values, never the start;
what is said about it never quotes it.
"""

import json
import os
import stat
from pathlib import Path

from config.absent import is_absent

# A list of passwords; anything larger is another file.
LIMIT_BYTES = 1_000_000


class BadSecrets(Exception):
    """The file cannot be used; the text says why."""


def read_secrets_file(file: Path) -> tuple[dict[str, object], bool]:
    """The file's groups, and whether everybody on this machine may open it.

    ({}, False) where there is no file. Blocks; raises `BadSecrets`.
    """
    if is_absent(file, follow_symlinks=False):
        return {}, False
    try:
        # A pipe would hold the start for ever; links are followed.
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as opened:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise BadSecrets("is not a file")
            data = opened.read(LIMIT_BYTES + 1)
    except OSError as exc:
        raise BadSecrets(f"cannot be read: {exc.strerror}") from None
    if len(data) > LIMIT_BYTES:
        raise BadSecrets(f"is larger than {LIMIT_BYTES} bytes")
    return parse_secrets(data), bool(status.st_mode & (stat.S_IROTH | stat.S_IWOTH))


def parse_secrets(data: bytes) -> dict[str, object]:
    """The groups of a secrets file; raises `BadSecrets`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise BadSecrets(f"is not UTF-8 text (byte {exc.start})") from None
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except json.JSONDecodeError as exc:
        if text.lstrip().startswith("{"):
            raise BadSecrets(f"is not JSON: {exc.msg} in line {exc.lineno}") from None
        return _parse_ini(text)
    except RecursionError:
        raise BadSecrets("is nested too deeply") from None
    if not isinstance(found, dict):
        raise BadSecrets("must hold a JSON object, or INI sections")
    return found


def _parse_ini(text: str) -> dict[str, object]:
    # Imported here: few secrets files are INI, and JSON is at hand.
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    # What these errors say holds lines of the file.
    try:
        parser.read_string(text)
    except configparser.DuplicateOptionError as exc:
        raise BadSecrets(f"has one name twice in a section: {_line(exc.lineno)}") from None
    except configparser.DuplicateSectionError as exc:
        raise BadSecrets(f"has two sections of one name: {_line(exc.lineno)}") from None
    except configparser.MissingSectionHeaderError as exc:
        raise BadSecrets(f"is neither JSON nor INI: {_line(exc.lineno)}") from None
    except configparser.ParsingError as exc:
        raise BadSecrets(f"is neither JSON nor INI: {_line(exc.errors[0][0])}") from None
    return {name: dict(parser[name]) for name in parser.sections()}


def _line(number: int | None) -> str:
    return f"see line {number}"
