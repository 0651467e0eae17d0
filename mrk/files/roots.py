"""The roots that clients see: their names, where they are and whether they may be written.

Filled by the file manager; read by everybody who takes a client's path.
"""

from collections.abc import Iterator

import msgspec

from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.files.paths import RootPath, locate, shown, within
from mrk.files.records import RootInfo
from mrk.files.reserved import ReservedPaths

READ_ONLY = 405
CONFIG = "config"


class Root(msgspec.Struct, frozen=True):
    """One root. `path` as configured, `real` without links; both absolute."""

    name: str
    path: str
    real: str
    writable: bool

    @property
    def permissions(self) -> str:
        """As clients read it."""
        return "rw" if self.writable else "r"

    def info(self) -> RootInfo:
        """As server.files.roots lists it."""
        return RootInfo(self.name, self.path, self.permissions)

    def disk_path(self, parts: tuple[str, ...]) -> str:
        """Where a path of this root is; links are not followed."""
        return "/".join((self.real, *parts))


class Roots:
    """All roots in the order of registration, and the places reserved within them."""

    def __init__(self, reserved: ReservedPaths) -> None:
        self.reserved = reserved
        self._roots: dict[str, Root] = {}
        # In the order of registration; the same list as long as there are roots.
        self.names: list[str] = []

    def register(self, root: Root) -> bool:
        """Add or replace a root; False when it was there just so."""
        known = self._roots.get(root.name) == root
        if root.name not in self._roots:
            self.names.append(root.name)
        self._roots[root.name] = root
        return not known

    def __iter__(self) -> Iterator[Root]:
        return iter(list(self._roots.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._roots

    def get(self, name: str) -> Root:
        """Raises 400 for a name that is no root."""
        try:
            return self._roots[name]
        except KeyError:
            raise ClientError(f"There is no root {shown(name)}") from None

    def locate(self, text: str) -> tuple[Root, RootPath]:
        """A client's path that begins with a root's name; raises as `mrk.files.paths.locate`."""
        path = locate(text, self._roots)
        return self._roots[path.root], path

    def within(self, root: str, text: str) -> tuple[Root, RootPath]:
        """A client's path relative to a root; raises as `mrk.files.paths.within`."""
        return self.get(root), within(root, text)


def write_role(root: str) -> Role:
    """What it takes to change a root's files: the printer's and our own configuration are more."""
    return Role.ADMIN if root == CONFIG else Role.OPERATE


def require_writable(root: Root, status: int = 400) -> None:
    """Raise `ClientError` for a read-only root; Moonraker's status depends on the request."""
    if not root.writable:
        raise ClientError(f"The root {root.name} is read-only", status)
