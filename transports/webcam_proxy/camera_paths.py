"""Which camera a path means, and what it is asked: only what the configuration names.

The path of a request chooses among cameras and names what is below one; never a host or a port.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from urllib.parse import unquote

import msgspec

from config.settings.webcam_proxy import CameraTarget, ProxiedCamera, camera_target
from mrk.errors import ClientError
from mrk.http.head import RequestHead
from mrk.http.urlencoded import NotFields
from mrk.webcams.passing import CameraRequest, camera_request
from mrk.webcams.webcam import CONFIGURED, Webcam

# `/webcams/<name>/stream` and `snapshot`, of a `[webcam <name>]`.
OWN = "/webcams/"
_OWN_KINDS = ("stream", "snapshot")

Query = Sequence[tuple[str, str]]


class FoundCamera(msgspec.Struct, frozen=True):
    """`base` is the camera's own path, which stands behind `prefix` here; `rest` is below both."""

    name: str
    target: CameraTarget
    request: CameraRequest
    prefix: str
    rest: str

    @property
    def base(self) -> str:
        """With a slash at its end."""
        return self.target.path

    @property
    def host(self) -> str:
        """As a Host header has it."""
        return self.target.authority


class CameraPaths:
    """`webcams` lists all webcams, stored ones too, of which none is passed on."""

    def __init__(
        self,
        cameras: Sequence[ProxiedCamera],
        webcams: Callable[[], Awaitable[list[Webcam]]],
        route_prefix: str,
    ) -> None:
        self._cameras = {camera.name: camera for camera in cameras}
        self._webcams = webcams
        self._prefix = route_prefix

    @property
    def names(self) -> Iterable[str]:
        """Those of cameras, which their paths begin with."""
        return self._cameras

    def is_proxied(self, path: str) -> bool:
        """Whether a path (behind the route prefix) is below a camera's."""
        return path.startswith("/") and path[1:].partition("/")[0] in self._cameras

    def is_own(self, path: str) -> bool:
        """Whether a path is one of a `[webcam NAME]`."""
        parts = path.split("/")
        return path.startswith(OWN) and len(parts) == 4 and parts[3] in _OWN_KINDS

    def local(self, head: RequestHead) -> str:
        """The path behind the route prefix; empty outside of it."""
        path = head.path
        return path.removeprefix(self._prefix) if path.startswith(self._prefix) else ""

    def rest(self, head: RequestHead) -> str:
        """What a path names below its camera's, whether there is one or not."""
        path = self.local(head)
        return path.rpartition("/")[2] if self.is_own(path) else path[1:].partition("/")[2]

    async def find(self, head: RequestHead) -> FoundCamera:
        """What a request is to be asked of; raises `ClientError` 400 and 404."""
        path = self.local(head)
        if self.is_own(path):
            return await self._own(path, head)
        name, _, rest = path[1:].partition("/")
        camera = self._cameras[name]
        request = camera_request(camera.target.path, rest, query_of(head))
        return FoundCamera(name, camera.target, request, f"{self._prefix}/{name}", rest)

    async def _own(self, path: str, head: RequestHead) -> FoundCamera:
        _, _, name, kind = path.split("/")
        known = await self._webcams()
        webcam = next((one for one in known if one.name == name and one.source == CONFIGURED), None)
        url = "" if webcam is None else getattr(webcam, f"{kind}_url")
        try:
            target = camera_target(url)
        except ValueError:
            text = f"There is no [webcam {name:.60}] whose {kind}_url is an http address"
            raise ClientError(text, 404) from None
        asked = target.path + (f"?{target.query}" if target.query else "")
        request = CameraRequest(asked, asked, kind == "stream", kind == "snapshot")
        base = msgspec.structs.replace(target, path=target.path.rpartition("/")[0] + "/", query="")
        prefix = f"{self._prefix}{unquote(path).rpartition('/')[0]}"
        return FoundCamera(name, base, request, prefix, kind)


def query_of(head: RequestHead) -> Query:
    """Raises `ClientError` 400."""
    try:
        return head.query
    except NotFields as exc:
        raise ClientError(f"The query has {exc}") from exc
