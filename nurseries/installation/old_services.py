"""Finds the units that run Moonraker, and what their arguments and environment files say."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from config.config_errors import ConfigError
from config.daemon_options import DAEMON_OPTIONS
from config.moonraker_arguments import read_options
from config.paths import Paths
from mrk.errors import MrkError
from mrk.installation.unit_file import (
    UnitFile,
    parse_environment,
    parse_environment_file,
    parse_unit,
    program_end,
    start_words,
    with_specifiers,
)
from nurseries.installation.target_system import TargetSystem

ADMIN_FOLDER = "/etc/systemd/system"
# The first one that has a unit of that name holds, as in systemd.unit(5).
_FOLDERS = (ADMIN_FOLDER, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
            "/lib/systemd/system")  # fmt: skip
# Of Moonraker itself, not of its companions such as moonraker-obico.
_NAME = re.compile(r"moonraker(-\d+)?")
_READ = ("ExecStart", "User", "Environment", "EnvironmentFile", "WorkingDirectory")


class OldService(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that runs Moonraker: `arguments` are what mrk is started with instead."""

    name: str
    path: str
    user: str
    paths: Paths
    arguments: tuple[str, ...]
    has_drop_ins: bool


def find_old_services(host: TargetSystem) -> list[OldService]:
    """Every one, by name; raises `MrkError` for one that cannot be understood."""
    found = (read_old_service(host, name, path) for name, path in sorted(_units(host).items()))
    return [service for service in found if service is not None]


def choose(host: TargetSystem, data: Path | None) -> OldService:
    """The one to take over; raises `MrkError` when that is not clear."""
    services = find_old_services(host)
    fitting = [s for s in services if data is None or host.is_same(s.paths.data, data)]
    if len(fitting) == 1:
        return fitting[0]
    if not services:
        raise MrkError(_none_found(host))
    told = ", ".join(f"{s.name} ({s.paths.data})" for s in services)
    raise MrkError(f"which Moonraker is meant? Name its data folder with --data; there are: {told}")


def _none_found(host: TargetSystem) -> str:
    said = f"no unit in {' or '.join(_FOLDERS[:2])} runs Moonraker"
    like = [path for name, path in sorted(_units(host).items()) if _NAME.fullmatch(name)]
    if not like:
        return said
    return f"{said}: what {', '.join(like)} starts is not understood (ExecStart=, EnvironmentFile=)"


def read_old_service(host: TargetSystem, name: str, path: str) -> OldService | None:
    """What a unit says; None unless it runs Moonraker."""
    text = host.text(path)
    if text is None:
        return None
    drop_ins = _drop_ins(host, name)
    raw = parse_unit([text, *drop_ins])
    user = raw.last("Service", "User") or "root"
    try:
        if "%" in user:
            raise MrkError(f"User={user}; expected a name")
        owner = host.user_of(int(user)) if user.isdecimal() else host.user(user)
        unit = _filled(raw, name, user, owner.home)
        environ = {"HOME": str(owner.home), **_environment(host, unit)}
        words = start_words(unit, environ)
        begin = program_end(words)
        if not begin:
            return None
        paths = Paths.resolve(environ=environ, **read_options(words[begin:]))  # type: ignore[arg-type]
    except (MrkError, ConfigError, ValueError) as exc:
        is_started = "moonraker" in raw.last("Service", "ExecStart").lower()
        if not (is_started and _NAME.fullmatch(name)):
            return None  # a companion of Moonraker's is nobody's concern here
        raise MrkError(f"{path} is not understood: {exc}") from exc
    return OldService(
        name=name,
        path=path,
        user=owner.name,
        paths=paths,
        arguments=tuple(arguments_of(paths)),
        has_drop_ins=bool(drop_ins),
    )


def name_in_place_of(old: str) -> str:
    """Of mrk's own unit: `mrk-2` in place of `moonraker-2`, so that each printer has its own."""
    instance = re.fullmatch(r"moonraker[-_@](.+)", old)
    return f"mrk-{instance[1]}" if instance else "mrk"


def arguments_of(paths: Paths) -> list[str]:
    """The arguments that give these paths without any environment."""
    plain = Paths.resolve(environ={}, data_path=paths.data)
    words = ["-d", str(paths.data)]
    for option in DAEMON_OPTIONS:
        if option.name == "data_path":
            continue
        value = getattr(paths, option.name)
        if option.is_flag and value:
            words.append(option.short)
        elif not option.is_flag and value is not None and value != getattr(plain, option.name):
            words += [option.short, str(value)]
    return words


def _units(host: TargetSystem) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in _FOLDERS:
        for file in sorted(host.at(folder).glob("*moonraker*.service")):
            # A link to another unit of the same folder is its alias: ours, after a take-over.
            is_template = file.stem.endswith("@")  # only its instances are units
            if not (file.is_symlink() or is_template or file.name.startswith(".")):
                found.setdefault(file.name.removesuffix(".service"), f"{folder}/{file.name}")
    return found


def _drop_ins(host: TargetSystem, name: str) -> list[str]:
    texts = {}
    for folder in reversed(_FOLDERS):
        for file in host.at(f"{folder}/{name}.service.d").glob("*.conf"):
            texts[file.name] = host.text(f"{folder}/{name}.service.d/{file.name}") or ""
    return [texts[name] for name in sorted(texts)]


def _filled(unit: UnitFile, name: str, user: str, home: Path) -> UnitFile:
    """The unit with its specifiers filled in where a take-over reads it."""
    prefix, _, instance = name.partition("@")
    values = {"h": str(home), "u": user, "n": f"{name}.service", "N": name, "p": prefix,
              "i": instance, "I": instance}  # fmt: skip
    return UnitFile(
        tuple(
            (section, key, with_specifiers(value, values) if key in _READ else value)
            for section, key, value in unit.options
        )
    )


def _environment(host: TargetSystem, unit: UnitFile) -> dict[str, str]:
    found = parse_environment(unit.all("Service", "Environment"))
    for file in _environment_files(unit):
        text = host.text(file)
        if text is not None:
            found.update(parse_environment_file(text))
    # Read as arguments where ExecStart= names it.
    return {name: value for name, value in found.items() if name != "HOME"}


def _environment_files(unit: UnitFile) -> Iterator[str]:
    for value in unit.all("Service", "EnvironmentFile"):
        yield value.removeprefix("-").strip("\"'")
