"""Does what the cloud demands, with the role that the configuration gives it.

`serve` owns the demands that take time, a few at once, and outlives connections; it ends when
cancelled.
"""

import logging

import trio

from mrk.api.component_calls import ApiCalls
from mrk.errors import ClientError
from mrk.klippy.requests import is_stop
from mrk.log.throttle import LogThrottle
from mrk.simplyprint.demands import (
    BadDemand,
    Call,
    CheckWebcam,
    Demand,
    FetchFile,
    RunGcode,
    SendPicture,
    StartFetched,
    SwitchPower,
    Terminal,
)
from nurseries.simplyprint.cloud import Cloud
from nurseries.simplyprint.files import CloudFiles
from nurseries.simplyprint.pictures import Pictures
from nurseries.simplyprint.printer import FollowedPrinter
from nurseries.simplyprint.reporter import Reporter

logger = logging.getLogger(__name__)
MOST_AT_ONCE = 8
MOST_STOPS = 2
_STOP = "M112"


class Demands:
    """`take` is called by the connection and never blocks."""

    def __init__(
        self,
        cloud: Cloud,
        calls: ApiCalls,
        printer: FollowedPrinter,
        reporter: Reporter,
        pictures: Pictures,
        files: CloudFiles,
    ) -> None:
        self._cloud = cloud
        self._calls = calls
        self._printer = printer
        self._reporter = reporter
        self._pictures = pictures
        self._files = files
        self._running = 0
        self._throttle = LogThrottle()
        self._put, self._demands = trio.open_memory_channel[Demand](MOST_AT_ONCE + MOST_STOPS)

    def take(self, demand: Demand) -> None:
        """Begin with it, or refuse it."""
        match demand:
            case Terminal(enabled):
                self._cloud.wants_terminal = enabled
            case FetchFile():
                self._files.fetch(demand)
            case BadDemand(reason):
                self._warn("a demand is not understood", reason)
            case _:
                self._begin(demand)

    def _begin(self, demand: Demand) -> None:
        most = MOST_AT_ONCE + (MOST_STOPS if _is_stop(demand) else 0)
        if self._running >= most:
            self._refused(demand, f"{most} demands are under way")
            return
        self._running += 1
        self._put.send_nowait(demand)

    async def serve(self) -> None:
        """Each in a task of its own."""
        async with trio.open_nursery() as nursery:
            async for demand in self._demands:
                nursery.start_soon(self._do, demand, name="simplyprint demand")

    async def _do(self, demand: Demand) -> None:
        try:
            match demand:
                case Call():
                    await self._call(demand)
                case RunGcode():
                    await self._run_gcode(demand)
                case SwitchPower(on):
                    await self._switch(on)
                case StartFetched():
                    await self._files.start()
                case SendPicture():
                    await self._pictures.send(demand)
                case CheckWebcam():
                    await self._reporter.check_webcam()
        except ClientError as exc:
            self._refused(demand, exc.message)
        finally:
            self._running -= 1

    async def _call(self, demand: Call) -> None:
        self._printer.wish = demand.wish
        try:
            await self._calls.call(demand.method, **demand.params)
        finally:
            if self._printer.wish is demand.wish:
                self._printer.wish = None

    async def _run_gcode(self, demand: RunGcode) -> None:
        script = _STOP if _is_stop(demand) else "\n".join(demand.lines)
        self._cloud.send_line("command", script)
        await self._calls.call("printer.gcode.script", script=script)
        self._executed(demand, success=True)

    def _executed(self, demand: RunGcode, *, success: bool, message: str = "") -> None:
        if demand.identifier is not None:
            answer = {"identifier": demand.identifier, "success": success, "message": message}
            self._cloud.send("gcode_executed", answer)

    async def _switch(self, on: bool) -> None:
        device = await self._reporter.power_device()
        if device is None:
            raise ClientError("there is no power device for the cloud: see power_device")
        action = "on" if on else "off"
        await self._calls.call(
            "machine.device_power.post_device", device=device["device"], action=action
        )
        self._reporter.power_switched(on)

    def _refused(self, demand: Demand, reason: str) -> None:
        what = demand.method if isinstance(demand, Call) else type(demand).__name__
        self._warn(f"{what} was demanded and refused", reason)
        if isinstance(demand, RunGcode):
            self._executed(demand, success=False, message=reason)

    def _warn(self, text: str, reason: str) -> None:
        self._throttle.log(logger, f"simplyprint: {text}", trio.current_time(), after=f": {reason}")


def _is_stop(demand: Demand) -> bool:
    return isinstance(demand, RunGcode) and any(is_stop({"script": one}) for one in demand.lines)
