"""Orders for the renderer: of a print that is done, of a client, of a macro.

Owns no task. Whatever keeps one from beginning is told to clients and to who asked.
"""

from collections.abc import Callable
from typing import Any

from mrk.errors import ClientError
from nurseries.timelapse.ffmpeg import Ffmpeg
from nurseries.timelapse.recorder import Recorder
from nurseries.timelapse.renderer import Renderer, RenderWork

_FULL = "other videos wait to be made already"
Event = dict[str, Any]


class LapseOrders:
    """`printed` names what is printed, for frames that no print is known of."""

    def __init__(
        self,
        recorder: Recorder,
        renderer: Renderer,
        ffmpeg: Ffmpeg,
        printed: Callable[[], str],
        tell: Callable[[Event], None],
    ) -> None:
        self._recorder = recorder
        self._renderer = renderer
        self._ffmpeg = ffmpeg
        self._printed = printed
        self._tell = tell

    async def finish_print(self, *, archive: bool, render: bool) -> None:
        """A print is done."""
        trouble = await self._ffmpeg.look() if render else ""
        if trouble:
            self._tell(_refused("error", trouble))
        if self._recorder.frames.count and (archive or (render and not trouble)):
            try:
                await self._begin(archive=archive, render=render and not trouble)
            except ClientError as exc:
                self._tell(_refused("error", exc.message))

    async def render(self) -> Event:
        """Make a video of the frames; the last event of it."""
        refused = None
        if self._renderer.is_rendering:
            refused = _refused("running", "A video is being made already")
        elif not self._recorder.frames.count:
            refused = _refused("skipped", "There are no frames to make a video of")
        elif trouble := await self._ffmpeg.look():
            refused = _refused("error", trouble)
        if refused is not None:
            self._tell(refused)
            return refused
        try:
            work = await self._begin(archive=False, render=True)
        except ClientError as exc:
            refused = _refused("error", exc.message)
            self._tell(refused)
            return refused
        await work.done.wait()
        return work.result

    async def save_frames(self) -> Event:
        """Put the frames into an archive; raises `ClientError`."""
        if not self._recorder.frames.count:
            raise ClientError("There are no frames to save", 404)
        work = await self._begin(archive=True, render=False)
        await work.done.wait()
        if not work.archived:
            raise ClientError(work.result.get("msg", "The frames could not be saved"), 500)
        return work.archived

    async def _begin(self, *, archive: bool, render: bool) -> RenderWork:
        if self._renderer.is_full:
            raise ClientError(_FULL, 503)
        try:
            printed = self._recorder.session.printed or self._printed()
            folder, order = await self._recorder.order(printed, archive=archive, render=render)
        except OSError as exc:
            raise ClientError(f"the frames cannot be kept: {exc.strerror}", 507) from exc
        return self._renderer.put(folder, order)


def _refused(status: str, said: str) -> Event:
    return {"action": "render", "status": status, "msg": said}
