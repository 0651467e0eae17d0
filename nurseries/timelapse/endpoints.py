"""machine.timelapse.*: what clients may ask of time-lapse, and its declarations."""

from typing import Any, Protocol

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post


class LastFrame(msgspec.Struct, frozen=True):
    """The newest frame; 0 and an empty name without any."""

    framecount: int
    lastframefile: str


class LapseState(msgspec.Struct, frozen=True):
    """How it stands. `render` is idle or rendering, `progress` in percent; the others say what is
    wrong, or nothing."""

    frames: int
    frame_bytes: int
    stride: int
    render: str
    progress: int
    waiting: int
    ffmpeg: str
    camera: str
    macros: str


class Cancelled(msgspec.Struct, frozen=True):
    """Whether a render was ended."""

    cancelled: bool


class LapseHandlers(Protocol):
    """Who answers."""

    async def get_settings(self, params: NoParams, caller: Caller) -> dict[str, Any]: ...
    async def post_settings(self, params: Any, caller: Caller) -> dict[str, Any]: ...
    def last_frame(self, params: NoParams, caller: Caller) -> LastFrame: ...
    async def state(self, params: NoParams, caller: Caller) -> LapseState: ...
    async def render(self, params: NoParams, caller: Caller) -> dict[str, Any]: ...
    async def save_frames(self, params: NoParams, caller: Caller) -> dict[str, Any]: ...
    def cancel(self, params: NoParams, caller: Caller) -> Cancelled: ...


def lapse_endpoints(lapse: LapseHandlers) -> list[Endpoint]:
    """The first four paths are moonraker-timelapse's."""
    base = "/machine/timelapse"
    view, operate = Access.VIEW, Access.OPERATE
    return [
        get(f"{base}/settings", lapse.get_settings, "All settings.", view),
        post(f"{base}/settings", lapse.post_settings, "Change settings.", operate, None),
        get(f"{base}/lastframeinfo", lapse.last_frame, "The newest frame.", view, result=LastFrame),
        post(f"{base}/render", lapse.render, "Make a video; answers when it is made.", operate),
        post(f"{base}/saveframes", lapse.save_frames, "Archive the frames.", operate),
        get(f"{base}/state", lapse.state, "How it stands.", view, result=LapseState),
        post(f"{base}/cancel", lapse.cancel, "End the render.", operate, result=Cancelled),
    ]
