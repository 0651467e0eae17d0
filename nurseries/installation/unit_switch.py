"""Makes the name of Moonraker's unit lead to mrk, and back.

Each direction is one rename in systemd's folder, so a machine that loses power starts the one or
the other; nothing of it needs space on a disk. Either a drop-in appears in the unit (`keep_name`),
or the unit's name becomes an alias of mrk's own unit while its file has another name.
"""

import os

import msgspec

from nurseries.installation.old_services import ADMIN_FOLDER
from nurseries.installation.service_files import unit_path
from nurseries.installation.target_system import TargetSystem


class UnitSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """`old` is the unit's name, `old_path` its file, `own` the name of mrk's unit."""

    old: str
    old_path: str
    own: str
    keep_name: bool

    @property
    def new(self) -> str:
        """The unit that runs mrk."""
        return self.old if self.keep_name else self.own

    @property
    def drop_in(self) -> str:
        """Last among the drop-ins, so that it holds."""
        return f"{ADMIN_FOLDER}/{self.old}.service.d/zz-mrk.conf"

    def stage(self, host: TargetSystem, drop_in_text: str) -> None:
        """Lay ready what needs space; changes nothing yet."""
        if self.keep_name:
            host.write(self._staged, drop_in_text)

    def swap_in(self, host: TargetSystem) -> None:
        """From now on the old unit's name starts mrk."""
        if self.keep_name:
            if host.exists(self._staged):
                host.rename(self._staged, self.drop_in)
            return
        if self._is_alias(host):
            return
        if host.exists(self._admin_path):
            host.keep(self._admin_path, self._kept)
        host.link(self._admin_path, unit_path(self.own))

    def swap_out(self, host: TargetSystem) -> None:
        """From now on it starts what it started before."""
        if self.keep_name:
            if host.exists(self.drop_in):
                host.rename(self.drop_in, self._staged)
        elif self._is_alias(host):
            if host.exists(self._kept):
                host.rename(self._kept, self._admin_path)
            else:
                host.remove(self._admin_path)

    def unstage(self, host: TargetSystem) -> None:
        """Remove what lay ready."""
        if self.keep_name:
            host.remove(self._staged)
            host.remove(f"{self._staged}.part")
            host.remove_empty(f"{ADMIN_FOLDER}/{self.old}.service.d")
        else:
            host.remove(self._kept)
            host.remove(f"{self._admin_path}.part")

    @property
    def _admin_path(self) -> str:
        return unit_path(self.old)

    @property
    def _kept(self) -> str:
        return f"{self._admin_path}.before-mrk"

    @property
    def _staged(self) -> str:
        return f"{self.drop_in}.staged"

    def _is_alias(self, host: TargetSystem) -> bool:
        path = host.at(self._admin_path)
        return path.is_symlink() and os.readlink(path) == unit_path(self.own)
