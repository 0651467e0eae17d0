"""What an installation writes: which files, with which texts, and what of it is there already.

`plan` decides, `ServiceFiles` writes and remembers in `systemd/mrk-install.json` of the data
folder, so that `remove` takes away exactly that.
"""

import contextlib
import hashlib
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from config.whole_file import write_whole
from mrk import foreign_json
from mrk.errors import MrkError
from mrk.foreign_json import NotJson
from mrk.installation.first_configuration import allowed_services_text, configuration_text
from mrk.installation.polkit_text import key_file_text, rules_text
from mrk.installation.unit_file import parse_unit, start_words
from mrk.installation.unit_text import MARK, ServiceUnit, unit_text
from nurseries.installation.old_services import ADMIN_FOLDER
from nurseries.installation.target_system import HostUser, TargetSystem, Unreadable

RECORD = "systemd/mrk-install.json"
USERS_FILES = ("config/moonraker.conf", "moonraker.asvc")
FOLDERS = ("config", "logs", "gcodes", "database", "comms", "systemd")
POLKIT_RULES = ("/etc/polkit-1/rules.d", "/usr/share/polkit-1/rules.d")
_KEY_FILES = "/etc/polkit-1/localauthority/50-local.d"
# Of what is written as root: units, rules, key files.
_BEGINNINGS = (MARK.split("`")[0], "// Written by `mrk ", "[mrk: ")


class PlannedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file: root's, or the user's, who may have his own already (`is_users`)."""

    path: str
    text: str = ""
    link_to: str = ""
    is_users: bool = False


class InstallRecord(msgspec.Struct):
    """What was written: system files, and the user's with the hash of what they held."""

    name: str
    system: list[str] = []
    users: dict[str, str] = {}
    folders: list[str] = []


def plan(
    host: TargetSystem,
    unit: ServiceUnit,
    *,
    private_networks: bool,
    own_unit: bool = True,
    own_configuration: bool = True,
) -> list[PlannedFile]:
    """Every file of an installation, whether it is there or not."""
    files = [_polkit_file(host, unit)]
    if own_unit:
        files.insert(0, PlannedFile(path=unit_path(unit.name), text=unit_text(unit)))
    data = unit.data
    names = ("moonraker.conf", "mrk.toml")
    if own_configuration and not any(host.exists(f"{data}/config/{name}") for name in names):
        klippy = "{data_path}/comms/klippy.sock"
        text = configuration_text(7125, klippy, private_networks=private_networks)
        files.append(PlannedFile(path=f"{data}/config/moonraker.conf", text=text, is_users=True))
    allowed = PlannedFile(
        path=f"{data}/moonraker.asvc", text=allowed_services_text(), is_users=True
    )
    return [file for file in [*files, allowed] if file is not None]


def unit_path(name: str) -> str:
    """Where the administrator's unit of that name stands."""
    return f"{ADMIN_FOLDER}/{name}.service"


def enabling_link(name: str) -> PlannedFile:
    """What lets systemd start the unit with the machine."""
    path = f"{ADMIN_FOLDER}/multi-user.target.wants/{name}.service"
    return PlannedFile(path=path, link_to=unit_path(name))


def is_ours(host: TargetSystem, name: str) -> bool:
    """Whether the unit of that name, if there is one, was written by us."""
    text = host.text(unit_path(name))
    return text is None or text.startswith(MARK.split("`")[0])


def served_by(host: TargetSystem, name: str) -> Path | None:
    """The data folder of another installation that our unit of that name serves.

    None when there is no such unit, or that installation is gone.
    """
    text = host.text(unit_path(name))
    if text is None:
        return None
    words = [word.replace("%%", "%") for word in start_words(parse_unit([text]), {})]
    folders = [Path(after) for word, after in pairwise(words) if word == "-d"]
    return next((one for one in folders if not _is_gone(host.at(one / RECORD))), None)


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # another user's, who lets nobody look
    return False


def is_there(host: TargetSystem, file: PlannedFile) -> bool:
    """Whether nothing is to be written for it."""
    if file.is_users:
        return host.exists(file.path)
    if file.link_to:
        return host.links_to(file.path, file.link_to)
    try:
        return host.text(file.path) == file.text
    except Unreadable:
        # polkit's folder of rules is its own on Debian; root writes there all the same.
        return False


class ServiceFiles:
    """Writes for a user in his data folder, and as root elsewhere; remembers what."""

    def __init__(self, host: TargetSystem, user: HostUser, data: str) -> None:
        self._host = host
        self._user = user
        self._data = host.at(data)

    def record(self) -> InstallRecord | None:
        """What an earlier installation wrote; None when there was none."""
        try:
            return foreign_json.decode((self._data / RECORD).read_bytes(), InstallRecord)
        except FileNotFoundError:
            return None
        except (OSError, NotJson) as exc:
            raise MrkError(f"{self._data / RECORD} cannot be read: {exc}") from exc

    def write(self, name: str, files: list[PlannedFile]) -> list[str]:
        """Write what is missing; returns the paths. Raises `MrkError`."""
        record = self.record() or InstallRecord(name)
        self._make_folders(record)
        missing = [file for file in files if not is_there(self._host, file)]
        for file in missing:
            if file.is_users:
                record.users[file.path] = _hash(file.text)
            elif file.path not in record.system:
                record.system.append(file.path)
        # First, so that nothing is written that is not remembered.
        self.write_users(RECORD, msgspec.json.encode(record).decode() + "\n")
        for file in missing:
            if file.is_users:
                self.write_users(str(self._host.at(file.path).relative_to(self._data)), file.text)
            elif file.link_to:
                self._host.link(file.path, file.link_to)
            else:
                self._host.write(file.path, file.text)
        return [file.path for file in missing]

    def remove(self) -> list[str]:
        """Remove what was written; returns what was left because it was changed since.

        The record is the user's, and this may be root's doing: whatever else stands in it stays.
        """
        record = self.record()
        if record is None:
            return []
        left = []
        for path in record.system:
            if self._is_written_by_us(path):
                self._host.remove(path)
            else:
                left.append(path)
        for path, written in record.users.items():
            text = self._host.text(path) if self._is_in_data(path, USERS_FILES) else ""
            if text is not None and _hash(text) != written:
                left.append(path)
            else:
                self._host.at(path).unlink(missing_ok=True)
        (self._data / RECORD).unlink(missing_ok=True)
        for folder in reversed(record.folders):
            if self._is_in_data(folder, ("", *FOLDERS)):
                with contextlib.suppress(OSError):
                    self._host.at(folder).rmdir()
        return left

    def _is_in_data(self, path: str, names: Sequence[str]) -> bool:
        return self._host.at(path) in [self._data / name for name in names]

    def _is_written_by_us(self, path: str) -> bool:
        name = Path(path).stem
        if path == enabling_link(name).path:
            return self._host.links_to(path, unit_path(name)) and is_ours(self._host, name)
        if path not in _paths(name):
            return False
        try:
            text = self._host.text(path)
        except Unreadable:
            return os.geteuid() != 0  # he may remove it himself
        return text is None or text.startswith(_BEGINNINGS)

    def write_users(self, name: str, text: str) -> None:
        """Make a file of the user's in the data folder, whole or not at all."""
        target = self._data / name
        owner = (self._user.uid, self._user.gid) if os.geteuid() == 0 else None
        try:
            self._make_folder(target.parent, [])
            write_whole(target, text.encode(), owner=owner)
        except OSError as exc:
            raise MrkError(f"{target} cannot be written: {exc.strerror}") from exc

    def _make_folders(self, record: InstallRecord) -> None:
        made: list[Path] = []
        try:
            for folder in (self._data, *(self._data / name for name in FOLDERS)):
                self._make_folder(folder, made)
        except OSError as exc:
            raise MrkError(f"{exc.filename} cannot be made: {exc.strerror}") from exc
        record.folders += [self._host.seen(folder) for folder in made]

    def _make_folder(self, folder: Path, made: list[Path]) -> None:
        if not folder.is_dir():
            folder.mkdir()
            self.give(folder)
            made.append(folder)

    def give(self, path: Path) -> None:
        """Make a file or folder the user's; a link is not followed."""
        if os.geteuid() == 0:
            os.chown(path, self._user.uid, self._user.gid, follow_symlinks=False)


def _polkit_file(host: TargetSystem, unit: ServiceUnit) -> PlannedFile | None:
    for folder in POLKIT_RULES:
        if host.exists(folder):
            return PlannedFile(path=f"{folder}/{unit.name}.rules", text=rules_text(unit.user))
    if host.exists(_KEY_FILES):
        return PlannedFile(path=f"{_KEY_FILES}/{unit.name}.pkla", text=key_file_text(unit.user))
    return None


def _paths(name: str) -> list[str]:
    """What an installation under that name may write as root, links apart."""
    rules = [f"{folder}/{name}.rules" for folder in POLKIT_RULES]
    return [unit_path(name), *rules, f"{_KEY_FILES}/{name}.pkla"]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
