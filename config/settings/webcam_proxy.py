"""`[webcam_proxy]`: cameras of this host, or of another one, shown through mrk's own port.

Read by `read_webcam_proxy`; without the section nothing is passed on. Only what is written here,
and in the URLs of `[webcam NAME]` sections, is ever connected to.
"""

import re
from urllib.parse import urlsplit

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Section
from config.values import PORT, Bounds
from mrk.definitions.api_paths import API_NAMES

MOST_CAMERAS = 20
# As crowsnest and the front ends' nginx have them.
USUAL_CAMERAS = ("webcam 8080", "webcam2 8081", "webcam3 8082", "webcam4 8083")
_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
# What mrk itself has at the first place of a path.
_RESERVED = API_NAMES | {"webcams"}
_HOST = r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}"
_PATH = r"[A-Za-z0-9/._~!$&'()*+,;=:@%-]*"
_QUERY = r"[A-Za-z0-9/._~!$&'()*+,;=:@%?-]*"


class CameraTarget(msgspec.Struct, frozen=True):
    """Where a camera answers HTTP; `path` begins with a slash."""

    host: str
    port: int
    path: str = "/"
    query: str = ""

    @property
    def authority(self) -> str:
        """As a Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Without the query."""
        return f"http://{self.authority}{self.path}"


class ProxiedCamera(msgspec.Struct, frozen=True):
    """What is at `/<name>/` is asked below `target.path`, which ends with a slash."""

    name: str
    target: CameraTarget


class WebcamProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """`viewers` are streams and websockets at once of a camera, `..._per_address` of one client.

    `frame_bytes` bounds one picture.
    """

    cameras: tuple[ProxiedCamera, ...]
    viewers: int = 20
    viewers_per_address: int = 10
    frame_bytes: int = 4 * 1024 * 1024


def read_webcam_proxy(reader: ConfigReader, paths: Paths) -> WebcamProxySettings | None:
    """Read the section; None when it is not written."""
    if not reader.has("webcam_proxy"):
        return None
    section = reader.section("webcam_proxy")
    return WebcamProxySettings(
        cameras=_cameras(section),
        viewers=section.integer("max_viewers", 20, Bounds(low=1, high=1000, clamps=True)),
        viewers_per_address=section.integer(
            "max_viewers_per_address", 10, Bounds(low=1, high=1000, clamps=True)
        ),
        frame_bytes=1024
        * section.integer("max_frame_size", 4096, Bounds(low=64, high=65536, clamps=True)),
    )


def _cameras(section: Section) -> tuple[ProxiedCamera, ...]:
    found: dict[str, ProxiedCamera] = {}
    for line in section.items("cameras", list(USUAL_CAMERAS)):
        try:
            camera = _camera(line)
            if camera.name in found:
                raise ValueError(f"{quoted(camera.name)} is there twice")
        except ValueError as exc:
            section.problem("cameras", str(exc))
            continue
        found[camera.name] = camera
    if len(found) > MOST_CAMERAS:
        section.problem("cameras", f"{len(found)} cameras (at most {MOST_CAMERAS})")
    return tuple(found.values())


def _camera(line: str) -> ProxiedCamera:
    name, _, where = line.strip().partition(" ")
    where = where.strip()
    if not re.fullmatch(_NAME, name) or name.lower() in _RESERVED:
        raise ValueError(f"{quoted(name)} cannot be a path (expected a name such as webcam2)")
    if where.isascii() and where.isdigit():
        where = f"http://127.0.0.1:{where}/"
    target = camera_target(where)
    if target.query:
        raise ValueError(
            f"{quoted(where)} has a query (expected a folder such as http://host:8080/)"
        )
    folder = target.path if target.path.endswith("/") else target.path + "/"
    return ProxiedCamera(name, msgspec.structs.replace(target, path=folder))


def camera_target(url: str) -> CameraTarget:
    """Read an address; raises `ValueError` with what was expected."""
    expected = "(expected a port, or an address such as http://127.0.0.1:8080/)"
    try:
        parts = urlsplit(url)
        port = 80 if parts.port is None else parts.port
    except ValueError:
        raise ValueError(f"{quoted(url)} is not an address {expected}") from None
    if parts.scheme != "http" or not parts.hostname or not re.fullmatch(_HOST, parts.hostname):
        raise ValueError(f"{quoted(url)} is not an address {expected}")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("an address with a user or a fragment cannot be passed on " + expected)
    if not PORT.hold(port):
        raise ValueError(f"{port} is not a port (expected 1 to 65535)")
    if not re.fullmatch(_PATH, parts.path) or not re.fullmatch(_QUERY, parts.query):
        raise ValueError(f"{quoted(url)} has characters that an address cannot have {expected}")
    return CameraTarget(parts.hostname, port, parts.path or "/", parts.query)
