"""What clients are sent of time-lapses, for the documents of the API."""

from typing import Any, Literal

import msgspec

from mrk.api.notification import NotificationKind


class LapseEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A frame, a video, or an archive of frames; a failure says why in `msg`."""

    action: Literal["newframe", "render", "saveframes"]
    status: Literal["success", "error", "started", "running", "skipped", "finished"]
    msg: str = ""
    frame: str = ""
    framefile: str = ""
    framecount: str = ""
    progress: int = 0
    settings: dict[str, Any] = {}
    filename: str = ""
    printfile: str = ""
    previewimage: str = ""
    zipfile: str = ""
    cmd: str = ""
    cmdresponse: str = ""


NOTIFICATIONS = (
    NotificationKind(
        "notify_timelapse_event",
        (LapseEvent,),
        "A frame was taken, or a video or archive is being made.",
    ),
)
