"""`mrk install-service` from its options to what is written: fresh, over Moonraker, or undone."""

import os
import pwd
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from config.config_errors import ConfigError
from config.load import load
from config.paths import Paths
from config.settings.server import ServerSettings
from mrk.database.moonraker import LMDB_NAME, SQL_NAME
from mrk.errors import MrkError
from mrk.installation.unit_text import ServiceUnit, drop_in_text
from mrk.machine.service_rules import is_unit_name
from nurseries.installation.daemon_probe import refuse_while_printing
from nurseries.installation.old_services import (
    OldService,
    arguments_of,
    choose,
    find_old_services,
    name_in_place_of,
)
from nurseries.installation.releases import Releases
from nurseries.installation.service_files import (
    InstallRecord,
    PlannedFile,
    ServiceFiles,
    enabling_link,
    is_ours,
    is_there,
    plan,
    served_by,
    unit_path,
)
from nurseries.installation.take_over import PATIENCE_S, Attempts, TakeOver
from nurseries.installation.target_system import HostUser, TargetSystem
from nurseries.installation.unit_switch import UnitSwitch

_SYSTEMD_RUNS = "/run/systemd/system"  # sd_booted(3)


class InstallOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `mrk install-service`; None: not given. `program` starts mrk.

    `daemon` are options of the daemon by name, which stood before the command; `removes` asks for
    user and data folder alone.
    """

    program: Sequence[str]
    user: str | None = None
    data: Path | None = None
    name: str | None = None
    take_over: bool = False
    keep_name: bool = False
    private_networks: bool = False
    daemon: dict[str, Any] = {}
    removes: bool = False


class Installation:
    """One run: `files` are all of it, `missing` those still to be written."""

    def __init__(
        self, host: TargetSystem, wanted: InstallOptions, patience_s: float = PATIENCE_S
    ) -> None:
        if wanted.name is not None and not is_unit_name(wanted.name):
            raise MrkError(
                f"--name {wanted.name!r} is not the name of a unit; expected one like 'mrk'"
            )
        if wanted.take_over and not host.is_live:
            raise MrkError("--take-over needs the running system; --root is for images")
        if wanted.keep_name and not wanted.take_over:
            raise MrkError("--keep-name is for --take-over")
        if wanted.take_over and wanted.daemon:
            raise MrkError(
                "with --take-over mrk is started as Moonraker was: leave out what stands before"
                " install-service"
            )
        self._host = host
        self._wanted = wanted
        self._patience_s = patience_s
        self._is_taken = False
        self._owner: HostUser | None = None
        self.old = self._old()
        self.user = self._user()
        self.data = self._data()
        self.unit = ServiceUnit(
            name=self._name(),
            user=self.user.name,
            data=str(self.data),
            command=[*wanted.program, *self._arguments()],
        )
        keeps = self.old is not None and (wanted.keep_name or self.old.has_drop_ins)
        self.keep_name = keeps
        self.files = plan(
            host,
            self.unit,
            private_networks=wanted.private_networks,
            own_unit=not keeps,
            own_configuration=not self._has_configuration_elsewhere(),
        )
        if self.old is None:
            self.files.append(enabling_link(self.unit.name))
        if self._is_taken:
            self.files = []
        if not wanted.removes:
            self._check()

    @property
    def missing(self) -> list[PlannedFile]:
        """What is to be written."""
        return [file for file in self.files if not is_there(self._host, file)]

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be done at all."""
        return self.old is None and not self.missing

    def told(self) -> list[str]:
        """What will be done, for a person who is asked."""
        lines = [f"write {file.path}" for file in self.missing]
        if self.old is None:
            return [*lines, f"start {self.unit.name}.service"] if self._host.is_live else lines
        switch = self._switch(self.old)
        if self.keep_name:
            lines.append(f"write {switch.drop_in}")
        else:
            lines.append(f"make {unit_path(self.old.name)} an alias of {switch.own}.service")
        return [
            *lines,
            f"stop {self.old.name}.service, import its database from {self.data}",
            f"start mrk as {switch.new}.service, on the same port",
            f"put everything back unless it answers within {self._patience_s:.0f} s",
        ]

    def texts(self) -> list[tuple[str, str]]:
        """Every file with what it will hold."""
        found = [(f.path, f.text or f"link to {f.link_to}\n") for f in self.missing]
        if self.old is not None and self.keep_name:
            found.append((self._switch(self.old).drop_in, self._drop_in(self.old)))
        return found

    def install(self, tell: Callable[[str], None]) -> None:
        """Do it. Raises `MrkError`."""
        if self.old is None:
            changed = ServiceFiles(self._host, self.user, str(self.data)).write(
                self.unit.name, self.files
            )
            self._start(changed, tell)
        else:
            self._take_over(self.old, tell)

    def _start(self, changed: Sequence[str], tell: Callable[[str], None]) -> None:
        if not self._host.is_live:
            return
        self._host.systemctl("daemon-reload")
        if not self._host.is_active(self.unit.name):
            tell(f"starting {self.unit.name}.service")
            self._host.systemctl("start", self.unit.name)
        elif unit_path(self.unit.name) in changed:
            tell(f"the new unit holds after: systemctl restart {self.unit.name}")

    def expect_possible(self) -> None:
        """Raises `MrkError` without systemd, and when a take-over would be refused now."""
        if self._host.root == Path("/") and not os.path.isdir(_SYSTEMD_RUNS):
            raise MrkError(
                "systemd does not run here, so mrk cannot be its service: let what starts programs"
                " on this host start it, or write an image with --root"
            )
        if self.old is not None:
            self._server(self.old)

    def _server(self, old: OldService) -> ServerSettings:
        refuse_while_printing(old.paths.unix_socket, "take over")
        try:
            return load(old.paths).settings.server
        except ConfigError as exc:
            raise MrkError(f"mrk cannot read the configuration:\n{exc}") from exc

    def _take_over(self, old: OldService, tell: Callable[[str], None]) -> None:
        server = self._server(old)
        database = self._host.at(self.data) / "database"
        attempt = TakeOver(
            switch=self._switch(old),
            user=self.user.name,
            unix_socket=str(old.paths.unix_socket),
            host=server.host,
            port=server.port,
            route_prefix=server.route_prefix,
            had_database=(database / "mrk.db").exists(),
            was_active=self._host.is_active(old.name),
        )
        importing: list[str] = []
        if any((database / name).exists() for name in (SQL_NAME, LMDB_NAME)):
            data = str(self.data)
            importing = [*self._wanted.program, "-d", data, "import-moonraker", data, "--again"]
        self._attempts(tell).take_over(attempt, self.files, self._drop_in(old), importing)

    def _attempts(self, tell: Callable[[str], None]) -> Attempts:
        return Attempts(self._host, self.user, self.data, tell, self._patience_s)

    def _switch(self, old: OldService) -> UnitSwitch:
        return UnitSwitch(
            old=old.name, old_path=old.path, own=self.unit.name, keep_name=self.keep_name
        )

    def _drop_in(self, old: OldService) -> str:
        return drop_in_text(msgspec.structs.replace(self.unit, name=old.name))

    def _old(self) -> OldService | None:
        if not self._wanted.take_over:
            return None
        data = self._wanted.data
        if data is None and (self._wanted.user or os.environ.get("SUDO_USER") or os.geteuid()):
            data = self._user_named(self._wanted.user).home / "printer_data"
        if data is not None and self._host.at(data).is_dir():
            attempts = Attempts(self._host, owner_of(self._host, data), data, print)
            attempts.recover_interrupted()
            self._is_taken = attempts.finished() is not None
            if self._is_taken:
                self._owner = attempts.user
                return None
        return choose(self._host, self._wanted.data)

    def _user(self) -> HostUser:
        if self.old is not None:
            if self._wanted.user not in (None, self.old.user):
                raise MrkError(f"{self.old.path} runs as {self.old.user}: leave --user out")
            return self._host.user(self.old.user)
        return self._owner or self._user_named(self._wanted.user)

    def _user_named(self, given: str | None) -> HostUser:
        name = given or os.environ.get("SUDO_USER")
        if name is None:
            if os.geteuid() == 0:
                raise MrkError("who is to run mrk? Name him with --user; root should not")
            name = pwd.getpwuid(os.geteuid()).pw_name
        return self._host.user(name)

    def _data(self) -> Path:
        if self.old is not None:
            return self.old.paths.data
        data = self._wanted.data or self.user.home / "printer_data"
        if not data.is_absolute():
            raise MrkError(f"--data {data} is not absolute")
        return data

    def _has_configuration_elsewhere(self) -> bool:
        if self.old is None:
            return "config_file" in self._wanted.daemon
        return "-c" in self.old.arguments

    def _name(self) -> str:
        """Of the unit: each data folder has one of its own, and keeps it."""
        if self._wanted.name is not None:
            return self._wanted.name
        record = ServiceFiles(self._host, self.user, str(self.data)).record()
        if record is not None and is_unit_name(record.name):
            return record.name
        return "mrk" if self.old is None else name_in_place_of(self.old.name)

    def _arguments(self) -> Sequence[str]:
        if self.old is not None:
            return self.old.arguments
        return arguments_of(Paths.resolve(environ={}, data_path=self.data, **self._wanted.daemon))

    def _check(self) -> None:
        name = self.unit.name
        if self.old is not None:
            if self.old.name == name:
                raise MrkError(f"{name}.service is Moonraker's: choose another --name")
        else:
            for other in find_old_services(self._host):
                if self._host.is_same(other.paths.data, self.data):
                    raise MrkError(
                        f"{other.path} serves {self.data} already: --take-over replaces it, and"
                        " `mrk switch-back` brings it back"
                    )
        if not self.keep_name and not is_ours(self._host, name):
            raise MrkError(f"{unit_path(name)} is somebody else's: choose another --name")
        served = None if self.keep_name else served_by(self._host, name)
        if served is not None and not self._host.is_same(served, self.data):
            raise MrkError(f"{unit_path(name)} serves {served}: choose another --name")


def installed(host: TargetSystem, user: HostUser, data: Path) -> InstallRecord:
    """What an earlier run wrote. Raises `MrkError` when there was none."""
    record = ServiceFiles(host, user, str(data)).record()
    if record is None:
        raise MrkError(f"nothing was installed in {data}")
    return record


def uninstall(host: TargetSystem, user: HostUser, data: Path) -> list[str]:
    """Remove what `install` wrote; returns what is left because it was changed since."""
    record = installed(host, user, data)
    if Attempts(host, user, data, lambda _text: None).finished() is not None:
        raise MrkError("mrk runs in Moonraker's place: `mrk switch-back` undoes that")
    if host.is_live:
        host.systemctl("stop", record.name)
    left = ServiceFiles(host, user, str(data)).remove()
    host.systemctl("daemon-reload")
    return left


def own_program() -> list[str]:
    """What starts this mrk again."""
    releases = Releases.of_this_process()
    if releases is not None and releases.launcher.exists():
        return [str(releases.launcher)]
    script = Path(sys.prefix) / "bin" / "mrk"
    return [str(script)] if script.is_file() else [sys.executable, "-m", "mrk"]


def owner_of(host: TargetSystem, data: Path) -> HostUser:
    """Whose data folder it is. Raises `MrkError`."""
    try:
        return host.user_of(host.at(data).stat().st_uid)
    except OSError as exc:
        raise MrkError(f"data folder {data}: {exc.strerror}") from exc


def own_unit(host: TargetSystem, user: HostUser, data: Path) -> str:
    """The unit that runs mrk for a data folder; empty when we have installed none."""
    taken = Attempts(host, user, data, lambda _text: None).finished()
    record = ServiceFiles(host, user, str(data)).record()
    return taken.switch.new if taken else record.name if record else ""
