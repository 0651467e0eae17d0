"""PackageKit's words on D-Bus: names, numbers and what its signals mean.

Pure. Values are those of PackageKit's own interface description.
"""

import msgspec

from mrk.machine.bus import BusPeer

NAME = "org.freedesktop.PackageKit"
PATH = "/org/freedesktop/PackageKit"
TRANSACTION = "org.freedesktop.PackageKit.Transaction"
DAEMON = BusPeer(NAME, PATH, NAME)
POLKIT = BusPeer(
    "org.freedesktop.PolicyKit1",
    "/org/freedesktop/PolicyKit1/Authority",
    "org.freedesktop.PolicyKit1.Authority",
)
ACTIONS = (
    "org.freedesktop.packagekit.system-sources-refresh",
    "org.freedesktop.packagekit.package-install",
    "org.freedesktop.packagekit.system-update",
)
SUCCESS = 1
ONLY_TRUSTED = 1 << 1
# Filters of packages: not installed, the newest of each, of this machine's architecture.
NEW_PACKAGES = 1 << 3 | 1 << 16 | 1 << 18
_EXITS = {2: "it failed", 3: "it was cancelled", 4: "a key is required", 6: "it was killed"}
_STATUSES = {
    1: "waiting",
    2: "setting up",
    3: "running",
    4: "querying",
    6: "removing packages",
    7: "refreshing the package lists",
    8: "downloading packages",
    9: "installing packages",
    10: "updating packages",
    11: "cleaning up",
    13: "resolving dependencies",
    14: "checking signatures",
    30: "waiting for another package manager",
}


class SystemPackage(msgspec.Struct, frozen=True):
    """A package id, `name;version;arch;repo`, and a line about it."""

    id: str
    summary: str = ""

    @property
    def name(self) -> str:
        return self.id.split(";")[0]

    @property
    def version(self) -> str:
        parts = self.id.split(";")
        return parts[1] if len(parts) > 1 else ""


def exit_text(code: int) -> str:
    """Why a transaction did not succeed."""
    return _EXITS.get(code, f"it ended with {code}")


def status_text(code: int) -> str | None:
    """What a transaction does now; None for what need not be told."""
    return _STATUSES.get(code)
