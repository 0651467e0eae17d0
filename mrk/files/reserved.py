"""Places on disk that are closed to clients, even where a root or a link leads into them.

Paths here are absolute and free of links (`os.path.realpath`), as text.
"""

import enum
from collections.abc import Collection, Iterable, Mapping

from mrk.errors import ClientError
from mrk.files.paths import FORBIDDEN, is_hidden

# Of the data folder, design of Moonraker's: what a client must not read or change.
CLOSED_NAMES = (
    "database",
    "certs",
    "systemd",
    "backup",
    "moonraker.secrets",
    "moonraker.asvc",
)


class Permissions(enum.StrEnum):
    """What the API allows; values as clients read them."""

    NONE = ""
    READ = "r"
    WRITE = "rw"


def usual_places(data_folder: str) -> dict[str, Permissions]:
    """Moonraker's reserved names in the data folder."""
    return {f"{data_folder}/{name}": Permissions.NONE for name in CLOSED_NAMES}


class ReservedPaths:
    """The closed places: each with what is still allowed there.

    `identities` are device and inode of the closed ones that exist, for spellings that differ.
    """

    def __init__(
        self,
        places: Mapping[str, Permissions],
        identities: Collection[tuple[int, int]] = frozenset(),
    ) -> None:
        self.places = dict(places)
        self._longest_first = sorted(
            ((f"{place}/", allowed) for place, allowed in self.places.items()),
            key=lambda item: -len(item[0]),
        )
        self.identities = identities

    def is_same_as_closed(self, found: Iterable[tuple[int, int]]) -> bool:
        """Whether one of some files and folders is a closed place."""
        return any(identity in self.identities for identity in found)

    def permissions(self, real: str) -> Permissions:
        """What is allowed at a path by the closest reserved place above it, or at it."""
        if "/." in real and any(is_hidden(part) for part in real.split("/")):
            return Permissions.NONE
        # There are few places, and a path may be hundreds of folders deep.
        below = f"{real}/"
        for place, allowed in self._longest_first:
            if below.startswith(place):
                return allowed
        return Permissions.WRITE

    def below(self, inherited: Permissions, real_folder: str, name: str) -> Permissions:
        """The same for a name in a folder whose permissions are known: for whole listings."""
        if is_hidden(name):
            return Permissions.NONE
        return self.places.get(f"{real_folder}/{name}", inherited)

    def check(self, real: str, *, write: bool) -> None:
        """Raise 403 for what is closed; a write also for what has something reserved below it."""
        allowed = self.permissions(real)
        inside = write and any(place.startswith(real + "/") for place in self.places)
        if allowed is Permissions.NONE or inside or (write and allowed is Permissions.READ):
            raise ClientError("Access to this path is not allowed", FORBIDDEN)
