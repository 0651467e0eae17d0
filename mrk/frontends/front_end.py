"""Front ends by port and prefix: which one a request is for, and which file of it.

Pure. The API's names are never a front end's: what the API does not have there stays a 404, which
clients tell features by.
"""

import re
from collections.abc import Sequence

import msgspec

from mrk.definitions.api_paths import API_NAMES

_FIRST = re.compile(r"(?:\.?/)*([^/]*)")
# RFC 8615; and what front ends say their version with.
_PUBLISHED = (".well-known", ".version")
_CAMERA = re.compile("webcam[0-9]*")


class FrontEnd(msgspec.Struct, frozen=True, kw_only=True):
    """`folder` is absolute; `prefix` is empty or begins with a slash and ends without one.

    `port` and `ssl_port` are its own besides those of the server. `secure_port` is where plain HTTP
    is redirected to, None when it is not. `configuration` answers `config.json` where the folder
    has none, `frame_ancestors` are the pages that may embed it.
    """

    name: str
    folder: str
    prefix: str = ""
    port: int | None = None
    ssl_port: int | None = None
    secure_port: int | None = None
    configuration: bytes = b"{}"
    frame_ancestors: tuple[str, ...] = ()

    @property
    def ports(self) -> tuple[int, ...]:
        """Those that are its own."""
        return tuple(port for port in (self.port, self.ssl_port) if port is not None)


class FrontEnds:
    """All of them. On its own ports a front end is the only one at its prefix."""

    def __init__(self, front_ends: Sequence[FrontEnd]) -> None:
        # The longest prefix decides; of two that are equal, one without ports of its own, and then
        # the first one that was configured.
        ordered = sorted(front_ends, key=lambda one: (-len(one.prefix), bool(one.ports)))
        own = {port for one in front_ends for port in one.ports}
        self._everywhere = _first_of_each_prefix(ordered)
        self._by_port = {
            port: _first_of_each_prefix(
                sorted(ordered, key=lambda one: (-len(one.prefix), port not in one.ports))
            )
            for port in own
        }

    def find(self, path: str, port: int) -> FrontEnd | None:
        """The one that a whole decoded path is for, as it came in on a port."""
        if is_reserved(path):
            return None
        for one in self._by_port.get(port, self._everywhere):
            if path == one.prefix or path.startswith(one.prefix + "/"):
                return one
        return None


def _first_of_each_prefix(front_ends: Sequence[FrontEnd]) -> list[FrontEnd]:
    found: dict[str, FrontEnd] = {}
    for one in front_ends:
        found.setdefault(one.prefix, one)
    return list(found.values())


def is_reserved(path: str) -> bool:
    """Whether the first name of a decoded path is the API's; as in a file's path, `.` is none."""
    match = _FIRST.match(path)
    return match is not None and (match[1] in API_NAMES or _CAMERA.fullmatch(match[1]) is not None)


def is_unpublished(parts: Sequence[str]) -> bool:
    """Whether a path leads to what nobody meant to be found: a name begins with a dot."""
    return any(part.startswith(".") for part in parts) and parts[0] not in _PUBLISHED


def is_deep_link(parts: Sequence[str]) -> bool:
    """Whether a path that is no file may be a place within the page: names of files have a dot."""
    return not parts or "." not in parts[-1]
