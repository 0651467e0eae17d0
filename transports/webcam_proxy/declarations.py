"""What documents tell of cameras that are passed on; imported when somebody asks for one."""

from collections.abc import Iterable

from mrk.api.door_route import Answer, Content, DoorRoute, Parameter
from mrk.api.endpoint import Access
from mrk.http.head import READING

_STREAM = Content("multipart/x-mixed-replace")
_PICTURE = Content("image/jpeg")
_ANY = Content("*/*")
# Of the camera's own errors, which are passed on, there may be more.
_ERRORS = (400, 403, 404, 413, 502, 503)
_CHANGE = ("POST", "PATCH", "DELETE")
_REST = Parameter("path", "Below the camera's own path; slashes as they are, or as %2F")
_ACTION = Parameter(
    "action", "mjpg-streamer's `stream` or `snapshot`; all of the query is passed on"
)


def cameras(names: Iterable[str], own: str) -> list[DoorRoute]:
    """Those of `[webcam_proxy]` by name, and below `own` what `[webcam NAME]` gives."""
    return [*(route for name in names for route in _camera(name)), *_own(own)]


def _camera(name: str) -> Iterable[DoorRoute]:
    passed = (
        Answer(101, "The connection is a websocket to the camera"),
        Answer(200, "What the camera answers; its pictures have no end", (_STREAM, _PICTURE, _ANY)),
    )
    for path, captured in ((f"/{name}/", ()), (f"/{name}/{{path...}}", (_REST,))):
        yield DoorRoute(
            path,
            READING,
            f"The camera {name}: its stream, pictures, pages and websockets.",
            Access.VIEW,
            passed,
            _ERRORS,
            (*captured, _ACTION),
        )
        yield DoorRoute(
            path,
            _CHANGE,
            f"Passed on to the camera {name}. To signal a view (WebRTC) the role view suffices.",
            Access.OPERATE,
            (Answer(200, "What the camera answers", (_ANY,)),),
            _ERRORS,
            captured,
            (_ANY,),
        )


def _own(own: str) -> list[DoorRoute]:
    name = Parameter("name", "Of a `[webcam NAME]`")
    return [
        DoorRoute(
            f"{own}{{name}}/{kind}",
            READING,
            f"What is at the {kind}_url of a configured camera.",
            Access.VIEW,
            (Answer(200, "What the camera answers", content),),
            _ERRORS,
            (name,),
        )
        for kind, content in (("stream", (_STREAM, _ANY)), ("snapshot", (_PICTURE, _ANY)))
    ]
