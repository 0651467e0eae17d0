"""`mrk doctor`: the facts about this installation, which `mrk/installation/checkup.py` weighs.

Works with and without a running daemon, and writes nothing.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from config.check import check
from config.config_errors import ConfigError
from config.load import Configuration, load
from config.paths import Paths
from config.settings.authorization import AuthorizationSettings
from config.settings.frontend import FrontEndSettings
from mrk.database.migrations import ALL_STEPS
from mrk.database.moonraker import IMPORT_KEY, LMDB_NAME, SQL_NAME
from mrk.database.namespaces import OWN_NAMESPACE
from mrk.database.schema import too_new
from mrk.errors import MrkError
from mrk.installation import checkup
from mrk.installation.checkup import Finding, PathFacts, PortFacts, UnitFacts
from mrk.updates.known_front_ends import KNOWN_FRONT_ENDS
from nurseries.installation.daemon_probe import HttpAddress, answers_on, ask, exchange
from nurseries.installation.database_reading import reading
from nurseries.installation.install import own_unit
from nurseries.installation.service_files import POLKIT_RULES
from nurseries.installation.target_system import HostUser, TargetSystem

_FRONT_ENDS = (*KNOWN_FRONT_ENDS, "KlipperScreen")
_CLOCK_S = 10.0
_IMPORT = (
    f"SELECT 1 FROM namespace_store WHERE namespace = '{OWN_NAMESPACE}' AND key = '{IMPORT_KEY}'"
)


def who_runs(owner: HostUser, asker: HostUser, unit: str) -> HostUser:
    """Who runs mrk: whose data folder it is; where root's has no unit, who asks.

    A folder that was copied with sudo is root's, and a mrk of its user's stores nothing there.
    """
    return asker if owner.uid == 0 and not unit else owner


class Doctor:
    """One look at the installation of a data folder."""

    def __init__(self, paths: Paths, user: HostUser, target: TargetSystem) -> None:
        self._paths = paths
        self._user = user
        self._target = target
        self.server = self._asked("server.info", raw=True)

    def findings(self) -> list[Finding]:
        """Everything that was looked at."""
        found = checkup.on_configuration(check(None, self._paths))
        found += checkup.on_paths(self._paths_facts(), self._user.name)
        found += checkup.on_service(self._service(), answers=self.server is not None)
        found += self._polkit()
        found += self._disk()
        found += self._database()
        found += checkup.on_clock(time.time(), is_synchronised=_is_synchronised())
        served: tuple[FrontEndSettings, ...] = ()
        with contextlib.suppress(ConfigError):
            configuration = load(self._paths)
            served = configuration.settings.frontends
            found += self._klipper(configuration)
            found += self._access(configuration.settings.authorization)
            found += checkup.on_ports(self._ports(configuration))
        found += checkup.on_front_ends(list(front_ends(self._user.home, served)))
        if self.server is not None:
            failed = self.server.get("failed_components", [])
            warnings = checkup.untold(self.server.get("warnings", []), found)
            found += checkup.on_components(failed, warnings)
        return found

    def _asked(self, method: str, **params: Any) -> dict[str, Any] | None:
        try:
            answer = ask(self._paths.unix_socket, method, **params)
        except MrkError:
            return None
        return answer if isinstance(answer, dict) else None

    def _paths_facts(self) -> Iterator[PathFacts]:
        paths = self._paths
        for folder in (paths.data, paths.config, paths.logs, paths.gcodes, paths.database):
            yield self._path(folder)
        for file in (paths.secrets, paths.database / "mrk.db", paths.certificate_key):
            if os.path.exists(file):
                yield msgspec.structs.replace(self._path(file), is_secret=True)

    def _path(self, path: Path) -> PathFacts:
        try:
            status = path.stat()
        except OSError:
            return PathFacts(path=str(path), exists=False)
        try:
            owner = self._target.user_of(status.st_uid).name
        except MrkError:
            owner = str(status.st_uid)
        mode = status.st_mode & 0o7777
        is_his = status.st_uid == self._user.uid and mode & 0o200
        is_groups = status.st_gid == self._user.gid and mode & 0o020
        is_writable = bool(is_his or is_groups or mode & 0o002 or self._user.uid == 0)
        return PathFacts(
            path=str(path),
            is_writable=is_writable,
            is_read_only=_is_read_only(path),
            mode=mode,
            owner=owner,
        )

    def _service(self) -> UnitFacts:
        data = self._paths.data
        name = ""
        with contextlib.suppress(MrkError):
            name = own_unit(self._target, self._user, data)
        if not name and self.server is not None and "INVOCATION_ID" in self._environ():
            name = "moonraker"
        if not name:
            return UnitFacts(name="")
        enabled = _systemctl("is-enabled", name) in ("enabled", "alias", "static", "")
        active = self._target.is_active(name)
        return UnitFacts(name=name, is_active=active, is_enabled=enabled)

    def _environ(self) -> str:
        """Of the daemon that answers, which systemd marks; empty when it cannot be read."""
        found = self._asked("machine.proc_stats") or {}
        pid = found.get("pid")
        with contextlib.suppress(OSError, ValueError):
            return Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
        return ""

    def _polkit(self) -> list[Finding]:
        folders = [folder for folder in POLKIT_RULES if self._target.exists(folder)]
        rule = ""
        for folder in folders:
            for file in self._target.at(folder).glob("*.rules"):
                if file.stem.startswith(("mrk", "moonraker")):
                    rule = f"{folder}/{file.name}"
        hidden = [one for one in folders if not os.access(self._target.at(one), os.R_OK | os.X_OK)]
        return checkup.on_polkit(is_there=bool(folders), rule=rule, is_hidden=bool(hidden))

    def _disk(self) -> list[Finding]:
        try:
            free = shutil.disk_usage(self._paths.data).free
            found = os.statvfs(self._paths.data)
        except OSError:
            return []
        inodes = found.f_favail if found.f_files else None
        return checkup.on_disk(str(self._paths.data), free, inodes)

    def _database(self) -> list[Finding]:
        file = self._paths.database / "mrk.db"
        versions: dict[str, int] = {}
        trouble, is_imported = "", False
        try:
            if os.path.exists(file):
                with reading(file) as connection:
                    versions = dict(connection.execute("SELECT * FROM schema_version"))
                    is_imported = connection.execute(_IMPORT).fetchone() is not None
        except (sqlite3.Error, OSError) as exc:
            trouble = f"{file} cannot be read: {exc}"
        newer = too_new(ALL_STEPS, versions)
        left = any((file.parent / name).exists() for name in (SQL_NAME, LMDB_NAME))
        waiting = str(self._paths.data) if left and not is_imported else ""
        return checkup.on_database(newer, trouble, str(file.parent / "backup"), waiting)

    def _klipper(self, configuration: Configuration) -> list[Finding]:
        address = configuration.settings.server.klippy_uds_address
        trouble, state = klipper_state(address)
        return checkup.on_klipper(str(address), trouble, state)

    def _access(self, settings: AuthorizationSettings) -> list[Finding]:
        trusted = settings.trusted_clients
        facts = checkup.AccessFacts(
            trusted=[*map(str, trusted.networks), *map(str, trusted.addresses), *trusted.names],
            forces_logins=settings.force_logins,
            users=len(users_of(self._paths)),
            origins=[pattern.pattern for pattern in settings.cors_domains],
        )
        return checkup.on_access(facts)

    def _ports(self, configuration: Configuration) -> Iterator[PortFacts]:
        server = configuration.settings.server
        where = HttpAddress(server.host, server.port, server.route_prefix)
        is_mrk = self.server is not None and answers_on(where)
        program = "" if is_mrk else _listener(server.port)
        yield PortFacts(port=server.port, is_mrk=is_mrk, program=program)


def users_of(paths: Paths) -> list[str]:
    """The names of the users in mrk's database."""
    return [row[0] for row in _rows(paths, "SELECT username FROM users")]


def keys_of(paths: Paths) -> list[str]:
    """The API keys in mrk's database, for those who have to take them out of texts."""
    return [str(row[0]) for row in _rows(paths, "SELECT key_text FROM api_keys")]


def _rows(paths: Paths, sql: str) -> list[Any]:
    file = paths.database / "mrk.db"
    with contextlib.suppress(sqlite3.Error, OSError):
        if os.path.exists(file):
            with reading(file) as connection:
                return connection.execute(sql).fetchall()
    return []


def klipper_state(address: Path) -> tuple[str, str]:
    """Why Klipper does not answer, or its state."""
    try:
        answer = exchange(address, {"id": 1, "method": "info", "params": {}})
    except OSError as exc:
        return exc.strerror or "no answer within 5 s", ""
    except ValueError as exc:
        return f"Klipper does not answer: {exc}", ""
    found = answer.get("result")
    if not isinstance(found, dict):
        return "this is not Klipper", ""
    return "", str(found.get("state", "unknown"))


def front_ends(home: Path, served: Sequence[FrontEndSettings]) -> Iterator[tuple[str, str]]:
    """Name and version of those that mrk serves, and of those in the home folder.

    One that mrk serves may be anybody's own, without a version.
    """
    for one in served:
        unknown = "(version unknown)" if os.path.isdir(one.path) else ""
        yield one.name or one.path.name, _version(one.path) or unknown
    paths = {one.path.resolve() for one in served}
    for name in _FRONT_ENDS:
        folder = home / name
        if os.path.isdir(folder) and folder.resolve() not in paths:
            yield name, _version(folder)


def _version(folder: Path) -> str:
    readers: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("release_info.json", lambda text: str(json.loads(text)["version"])),
        (".version", str.strip),
    )
    for name, read in readers:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return read((folder / name).read_text())
    if os.path.exists(folder / ".git"):
        return _output("git", "-C", str(folder), "describe", "--tags", "--always")
    return ""


def _is_read_only(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    return False


def _is_synchronised() -> bool | None:
    said = _output("timedatectl", "show", "--property=NTPSynchronized", "--value")
    return {"yes": True, "no": False}.get(said)


def _systemctl(*words: str) -> str:
    return _output("systemctl", *words)


def _output(*argv: str) -> str:
    """What a command prints; empty where there is none, or it takes too long."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            argv, capture_output=True, timeout=_CLOCK_S, check=False, stdin=subprocess.DEVNULL
        )
        return done.stdout.decode("utf-8", "replace").strip()
    return ""


def _listener(port: int) -> str:
    """The program that listens on a port; empty when nobody does."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port:
                return psutil.Process(found.pid).name() if found.pid else "another program"
    return ""
