"""Time-lapse: follows prints and macros, has frames taken, and videos made when a print is done.

`serve` runs the recorder, the renderer and the macros' side until cancelled. Nothing here is waited
for by the printer: a macro that moved the head away is released whatever becomes of the frame.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trio

from mrk.api.caller import Caller
from mrk.api.endpoint import Endpoint, NoParams
from mrk.errors import ClientError
from mrk.jobs.events import JobChanged, JobSeen, JobSnapshot
from mrk.jobs.print_stats import JobEvent
from mrk.klippy.remote_methods import is_true
from mrk.subsystem import Needs
from mrk.timelapse.session import PrintLook, Stage, first_look
from mrk.timelapse.settings import NAMES, OF_MACROS, TIMED
from nurseries.timelapse.camera import FrameCamera
from nurseries.timelapse.choices import NAMESPACE, LapseChoices
from nurseries.timelapse.endpoints import Cancelled, LapseState, LastFrame, lapse_endpoints
from nurseries.timelapse.ffmpeg import Ffmpeg
from nurseries.timelapse.frame_folder import FrameFolder
from nurseries.timelapse.macros import LapseMacros
from nurseries.timelapse.orders import LapseOrders
from nurseries.timelapse.recorder import Recorder
from nurseries.timelapse.renderer import Renderer
from nurseries.timelapse.section import LapseSection

# What happens to prints comes in ones and twos.
_EVENTS = 20
# Macros that want something made: each waits for its own.
_WISHES = 4


class Timelapse:
    """`section` is what the file says, `frame_path` where frames are collected."""

    def __init__(self, section: LapseSection, frame_path: Path, needs: Needs) -> None:
        self._needs = needs
        self._choices = LapseChoices(section.written, needs)
        needs.database.on_client_write(NAMESPACE, self._read_settings)
        ffmpeg = self._ffmpeg = Ffmpeg(section.ffmpeg_path)
        folder = FrameFolder(frame_path)
        camera = FrameCamera(
            needs.http, ffmpeg, frame_path, any_certificate=section.any_certificate
        )
        look = self._choices.look
        self._recorder = Recorder(folder, camera, look, self._tell, section.budget_bytes)
        self._renderer = Renderer(
            section.output_path, folder, ffmpeg, self._choices.look_settings, self._tell
        )
        self._orders = LapseOrders(
            self._recorder, self._renderer, ffmpeg, self._printed, self._tell
        )
        self._macros = LapseMacros(needs.klippy, needs.gcode)
        self._wish, self._wishes = trio.open_memory_channel[str](_WISHES)

    def endpoints(self) -> list[Endpoint]:
        """machine.timelapse.*"""
        return lapse_endpoints(self)

    def warnings(self) -> list[str]:
        """What server.info should tell."""
        said = self._ffmpeg.trouble
        return [f"[timelapse]: no videos can be made: {said}"] if said else []

    def _tell(self, event: Mapping[str, Any]) -> None:
        self._needs.clients.broadcast("notify_timelapse_event", [event])

    def _printed(self) -> str:
        look = self._needs.job_state.snapshot
        return "" if look is None else look.stats.filename

    # Life

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled."""
        await self._ffmpeg.look()
        await self._choices.open()
        left = await self._recorder.open()
        methods = {
            "timelapse_newframe": self._on_new_frame,
            "timelapse_saveFrames": self._on_save_frames,
            "timelapse_render": self._on_render,
        }
        klippy = self._needs.klippy
        try:
            for name, method in methods.items():
                klippy.register_remote_method(name, method)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._renderer.serve, left, name="time-lapse renderer")
                nursery.start_soon(self._recorder.serve, name="time-lapse recorder")
                nursery.start_soon(self._grant_wishes, name="time-lapse macros' orders")
                await nursery.start(self._follow_prints, name="time-lapse prints")
                nursery.start_soon(self._macros.serve, self._on_ready, name="time-lapse macros")
                task_status.started()
        finally:
            for name in methods:
                klippy.unregister_remote_method(name)

    # Prints

    async def _follow_prints(self, *, task_status: trio.TaskStatus[None]) -> None:
        job_state = self._needs.job_state
        with job_state.open_events("time-lapse", _EVENTS, JobSeen, JobChanged) as events:
            if job_state.snapshot is not None:
                await self._on_seen(job_state.snapshot)
            task_status.started()
            async for event in events:
                if isinstance(event, JobSeen):
                    await self._on_seen(event.snapshot)
                elif isinstance(event, JobChanged):
                    await self._on_changed(event.event, event.snapshot)

    async def _on_seen(self, look: JobSnapshot) -> None:
        """Of a print that may have begun before we looked."""
        session = self._recorder.session
        match first_look(session, look.stats.state, look.stats.filename):
            case PrintLook.OTHER_PRINT:
                await self._on_changed(JobEvent.STARTED, look)
            case PrintLook.ENDED:
                await self._on_changed(JobEvent.COMPLETED, look)
            case PrintLook.IDLE if session.stage is Stage.COLLECTING:
                await self._recorder.end()

    async def _on_changed(self, event: JobEvent, look: JobSnapshot) -> None:
        settings = self._choices.settings
        match event:
            case JobEvent.STARTED:
                await self._recorder.begin(look.stats.filename)
                self._time_frames()
            case JobEvent.COMPLETED:
                self._time_frames(ended=True)
                if settings.enabled:
                    await self._recorder.settle()
                    await self._orders.finish_print(
                        archive=settings.saveframes, render=settings.autorender
                    )
                await self._recorder.end()
            case JobEvent.CANCELLED | JobEvent.ERROR:
                await self._give_up()
            case JobEvent.STANDBY if self._recorder.session.stage is Stage.COLLECTING:
                await self._give_up()  # its file was put away in the middle of it

    async def _give_up(self) -> None:
        self._time_frames(ended=True)
        await self._recorder.end()

    def _time_frames(self, *, ended: bool = False) -> None:
        """Have the printer's timer run when frames come by time, and stand otherwise."""
        settings = self._choices.settings
        printing = self._recorder.session.stage is Stage.COLLECTING and not ended
        if printing and settings.enabled and settings.mode == TIMED:
            self._macros.start_hyperlapse(settings)
        elif settings.mode == TIMED:
            self._macros.stop_hyperlapse()

    def _on_ready(self) -> None:
        """The printer's macros know nothing yet."""
        self._macros.set_up(self._choices.settings)
        if self._choices.settings.mode != TIMED:
            self._macros.stop_hyperlapse()
        self._time_frames()

    # What macros call, in the link's reader

    def _on_new_frame(self, macropark: object = None, hyperlapse: object = False) -> None:
        self._recorder.call(timed=is_true(hyperlapse))
        self._macros.release_after(self._choices.settings.park_time)

    def _on_save_frames(self) -> None:
        self._want("archive")

    def _on_render(self, byrendermacro: object = False) -> None:
        self._want("render for macro" if is_true(byrendermacro) else "render")

    def _want(self, what: str) -> None:
        try:
            self._wish.send_nowait(what)
        except trio.WouldBlock:
            self._macros.rendered()

    async def _grant_wishes(self) -> None:
        while True:
            what = await self._wishes.receive()
            try:
                if what == "archive":
                    self._tell(await self._orders.save_frames())
                else:
                    await self._orders.render()
            except ClientError as exc:
                self._tell({"action": "saveframes", "status": "error", "msg": exc.message})
            if what == "render for macro":
                self._macros.rendered()

    # Requests

    async def get_settings(self, params: NoParams, caller: Caller) -> dict[str, Any]:
        """All settings, and those that the file decides."""
        settings = self._choices.settings
        shown = {name: getattr(settings, name) for name in NAMES}
        if await self._ffmpeg.look():
            shown["autorender"] = False
        return {**shown, "blockedsettings": sorted(self._choices.written)}

    async def post_settings(self, params: Mapping[str, object], caller: Caller) -> dict[str, Any]:
        """Change some of them; raises `ClientError`."""
        self._apply(await self._choices.change(params, caller))
        return await self.get_settings(NoParams(), caller)

    async def _read_settings(self) -> None:
        """A client has stored them in the database's namespace."""
        self._apply(await self._choices.read())

    def _apply(self, changed: set[str]) -> None:
        if changed & OF_MACROS:
            self._macros.set_up(self._choices.settings)
        if "mode" in changed:
            self._macros.stop_hyperlapse()
        if changed & {"mode", "hyperlapse_cycle", "enabled"}:
            self._time_frames()

    def last_frame(self, params: NoParams, caller: Caller) -> LastFrame:
        """The newest frame."""
        return LastFrame(self._recorder.frames.count, self._recorder.last_name)

    async def state(self, params: NoParams, caller: Caller) -> LapseState:
        """How it stands."""
        frames, renderer = self._recorder.frames, self._renderer
        return LapseState(
            frames=frames.count,
            frame_bytes=frames.total_bytes,
            stride=frames.stride,
            render="rendering" if renderer.is_rendering else "idle",
            progress=renderer.progress,
            waiting=renderer.waiting,
            ffmpeg=await self._ffmpeg.look(),
            camera=self._recorder.trouble,
            macros=self._macros.missing,
        )

    async def render(self, params: NoParams, caller: Caller) -> dict[str, Any]:
        """Make a video now."""
        return await self._orders.render()

    async def save_frames(self, params: NoParams, caller: Caller) -> dict[str, Any]:
        """Archive the frames now; raises `ClientError`."""
        return await self._orders.save_frames()

    def cancel(self, params: NoParams, caller: Caller) -> Cancelled:
        """End what is being made."""
        return Cancelled(self._renderer.cancel())
