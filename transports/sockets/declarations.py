"""What documents tell of websockets and event streams; imported when somebody asks for one."""

from mrk.api.door_route import Answer, Content, DoorRoute, Parameter
from mrk.api.endpoint import Access

_SWITCHED = (Answer(101, "The connection is a websocket from here on"),)


def _websocket(path: str, summary: str, access: Access, errors: tuple[int, ...]) -> DoorRoute:
    return DoorRoute(path, ("GET",), summary, access, _SWITCHED, errors)


# By path, without the route prefix.
SOCKETS = {
    one.path: one
    for one in (
        _websocket(
            "/websocket",
            "A websocket for JSON-RPC and notifications; who comes without credentials may log in.",
            Access.OPEN,
            (400, 403, 426, 503),
        ),
        _websocket(
            "/klippysocket",
            "A websocket that is passed on to Klipper's own API, frame by frame.",
            Access.OPERATE,
            (400, 403, 426, 503),
        ),
    )
}


def event_streams(path: str, field: str) -> list[DoorRoute]:
    """Where the stream is, and what names a position in the query."""
    said = "The last event's id: what came behind it is sent first"
    return [
        DoorRoute(
            path,
            ("GET", "HEAD"),
            "Notifications as Server-Sent Events; the answer does not end by itself.",
            Access.VIEW,
            (Answer(200, "Events", (Content("text/event-stream", str),)),),
            (400, 503),
            (
                Parameter("Last-Event-ID", said, "header"),
                Parameter(field, f"{said}; as the header"),
            ),
        )
    ]
