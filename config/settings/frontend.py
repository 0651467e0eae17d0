"""`[frontend]` and `[frontend <name>]`: front ends that mrk itself serves.

Read by `read_front_ends`. One with a mistake is left out with a warning; the others are served.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Required, Section
from config.values import PORT
from mrk.definitions.api_paths import API_NAMES, PAGE_NAME

SECTION = "frontend"
MOST_FRONT_ENDS = 20
# Origins go into a header of each answer, printers into a file that browsers read.
MOST_LINES = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.*\[\]:_-]{1,255}")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")
_INSTANCE = re.compile(
    r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:]+\])(?::([0-9]{1,5}))?(/[A-Za-z0-9._/-]*)?"
)
# Of the data folder: what users put there must not run in our origin, and holds secrets.
_USERS = (".", "config", "gcodes", "logs", "database", "certs")

Value = TypeVar("Value")


class InstanceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Another printer that a front end offers; `path` is its route prefix."""

    host: str
    port: int = 7125
    path: str = ""


class FrontEndSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One front end. `prefix` is empty or begins with a slash, without one at its end.

    `port` and `ssl_port` are opened besides those of the server. `locale`, `mode`, `theme` and
    `instances` answer `config.json` where `path` has none.
    """

    name: str
    path: Path
    prefix: str = ""
    port: int | None = None
    ssl_port: int | None = None
    redirect_to_https: bool = False
    frame_ancestors: tuple[str, ...] = ()
    locale: str = "en"
    mode: str = "dark"
    theme: str = "mainsail"
    instances: tuple[InstanceSettings, ...] = ()

    @property
    def ports(self) -> set[int]:
        """Those that are its own."""
        return {port for port in (self.port, self.ssl_port) if port is not None}


def read_front_ends(reader: ConfigReader, paths: Paths) -> tuple[FrontEndSettings, ...]:
    """Read all sections; mistakes and warnings go to `reader`."""
    titles = [SECTION] if reader.has(SECTION) else []
    titles += reader.named(SECTION)
    found: dict[str, FrontEndSettings] = {}

    def read(title: str) -> FrontEndSettings:
        one = _front_end(reader.section(title), title.partition(" ")[2].strip(), paths)
        _check_clashes(reader, title, one, list(found.values()))
        return one

    for title in titles:
        for one in reader.entries_of([title], read):
            if len(found) >= MOST_FRONT_ENDS:
                text = f"[{title}] is not used: {MOST_FRONT_ENDS} front ends are the most."
                reader.warn(text, reader.place(title))
            else:
                found[one.name] = one
    return tuple(found.values())


def _front_end(section: Section, name: str, paths: Paths) -> FrontEndSettings:
    usual = Path.home() / name if _NAME.fullmatch(name) else None
    path = section.path("path", usual or Required("~/mainsail"))
    _check_folder(section, path, paths)
    port = section.integer("port", None, PORT)
    ssl_port = section.integer("ssl_port", None, PORT)
    if port is not None and port == ssl_port:
        section.problem("ssl_port", f"{port} is the same as port (expected another port)")
    return FrontEndSettings(
        name=name,
        path=path,
        prefix=section.custom("prefix", None, prefix_of) or "",
        port=port,
        ssl_port=ssl_port,
        redirect_to_https=section.boolean("redirect_to_https", False),
        frame_ancestors=tuple(_each(section, "frame_ancestors", _origin)),
        locale=section.custom("locale", "en", _word),
        mode=section.choice("mode", ("dark", "light"), "dark"),
        theme=section.custom("theme", "mainsail", _word),
        instances=tuple(_each(section, "instances", _instance)),
    )


def _check_folder(section: Section, path: Path, paths: Paths) -> None:
    """Refuse what would give everybody what only some may read."""
    if not path.is_absolute():
        section.problem("path", f"{quoted(str(path))} is not absolute (expected ~/mainsail)")
        return
    # `Path.resolve` raises for a link that leads to itself.
    real = Path(os.path.realpath(path))
    for name in _USERS:
        users = Path(os.path.realpath(paths.data / name))
        if users.is_relative_to(real) or real.is_relative_to(users):
            section.problem(
                "path",
                f"{quoted(str(path))} and {users} lie within each other; what is there would be "
                "open to everybody (expected a folder of its own, such as ~/mainsail)",
            )
            return


def _check_clashes(
    reader: ConfigReader, title: str, one: FrontEndSettings, others: list[FrontEndSettings]
) -> None:
    section = reader.section(title)
    for other in others:
        shared = one.ports & other.ports
        if one.prefix != other.prefix:
            continue
        if shared:
            section.problem("port", f"{min(shared)} is that of [{_title(other)}] already")
        elif not one.ports | other.ports:
            section.problem(
                "prefix",
                f"'{one.prefix or '/'}' is that of [{_title(other)}] already "
                "(expected another prefix, or a port of its own)",
            )


def _title(one: FrontEndSettings) -> str:
    return f"{SECTION} {one.name}".strip()


def _each(section: Section, option: str, convert: Callable[[str], Value]) -> list[Value]:
    found: list[Value] = []
    for item in section.items(option, None) or ():
        if len(found) == MOST_LINES:
            section.problem(option, f"has more than {MOST_LINES} lines")
            break
        try:
            found.append(convert(item))
        except ValueError as exc:
            section.problem(option, str(exc))
    return found


def prefix_of(text: str) -> str:
    """As it stands in paths; raises `ValueError` for what is none."""
    parts = [part for part in text.split("/") if part]
    if not all(_NAME.fullmatch(part) for part in parts):
        raise ValueError(f"{quoted(text)} is not a path (expected one such as /fluidd)")
    if parts and parts[0] in {*API_NAMES, PAGE_NAME}:
        own = "begins with a name that mrk itself answers"
        raise ValueError(f"{quoted(text)} {own} (expected another, such as /fluidd)")
    return "".join(f"/{part}" for part in parts)


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not an origin (expected one such as https://ha.lan)")
    return text


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not a name (expected letters, digits, - and _)")
    return text


def _instance(text: str) -> InstanceSettings:
    match = _INSTANCE.fullmatch(text)
    port = int(match[2] or 7125) if match else 0
    if match is None or not 0 < port < 65536:
        raise ValueError(f"{quoted(text)} is not a printer (expected host, host:port or both/path)")
    return InstanceSettings(host=match[1], port=port, path=(match[3] or "").rstrip("/"))
