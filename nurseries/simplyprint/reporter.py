"""Tells the cloud how things are: looks at them, and says what has changed.

That is four times a second while the printer prints or heats, else once, and when it comes, goes,
or begins and ends a job.

What has to be asked for (the host, power devices, webcams) is asked beside that. `run` ends when
cancelled.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import trio

from mrk.api.component_calls import ApiCalls
from mrk.errors import ClientError
from mrk.simplyprint.ambient import AmbientGuess
from mrk.simplyprint.host_reports import chosen_power_device, cpu_report, machine_report
from mrk.simplyprint.reports import HostLook, reports
from mrk.simplyprint.told_reports import ToldReports
from mrk.version import VERSION
from mrk.webcams.snapshots import photographed
from mrk.webcams.webcam import Webcam
from nurseries.simplyprint.cloud import Cloud, CloudOutbox
from nurseries.simplyprint.printer import FollowedPrinter
from nurseries.simplyprint.stored import StoredIdentity

BUSY_BEAT_S = 0.25
IDLE_BEAT_S = 1.0
HOST_S = 2.0
CALL_S = 10.0


class Reporter:
    """`host` is what was asked for last."""

    def __init__(
        self,
        cloud: Cloud,
        printer: FollowedPrinter,
        stored: StoredIdentity,
        calls: ApiCalls,
        webcams: Callable[[], Awaitable[Sequence[Webcam]]],
        has_picture: Callable[[], Awaitable[bool]],
        *,
        host_name: str,
        webcam_name: str,
        power_device: str | None,
    ) -> None:
        self._cloud = cloud
        self._printer = printer
        self._stored = stored
        self._calls = calls
        self._webcams = webcams
        self._has_picture = has_picture
        self._host_name = host_name
        self._webcam_name = webcam_name
        self._power_device = power_device
        self._ambient = AmbientGuess()
        self.host = HostLook()

    async def run(self) -> None:
        """For each connection, until it is gone."""
        while True:
            outgoing = await self._cloud.wait_begun()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._ask, outgoing, name="simplyprint host")
                await self._tell(outgoing)
                nursery.cancel_scope.cancel()

    async def _tell(self, outgoing: CloudOutbox) -> None:
        told = ToldReports()
        beat = trio.current_time()
        self._ambient.value = self._ambient.value or self._stored.ambient
        while self._cloud.outgoing is outgoing:
            now = trio.current_time()
            look = self._printer.look(self.host, self._room(now))
            may_hear = {k: v for k, v in reports(look).items() if self._cloud.may_hear(k)}
            for kind, report in told.due(may_hear, now, self._cloud.intervals):
                self._cloud.send(kind, report)
            if self._cloud.may_hear("job_info"):
                for event in self._printer.events.take(now):
                    self._cloud.send("job_info", event)
            beat = max(beat + (BUSY_BEAT_S if look.is_busy else IDLE_BEAT_S), now)
            with trio.move_on_at(beat):
                await self._printer.wait_news()

    def _room(self, now: float) -> float | None:
        sensed = self._printer.sensed_ambient()
        return self._ambient.feed(*self._printer.nozzle(), now) if sensed is None else sensed

    # What has to be asked for

    async def _ask(self, outgoing: CloudOutbox) -> None:
        machine = await self._answer("machine.system_info")
        self._know(machine=machine_report(machine, self._host_name, VERSION))
        self._know(webcam=await self._webcam())
        if self.host.webcam is not None:
            await self.check_webcam()
        cpu_at = -1e9
        while self._cloud.outgoing is outgoing:
            now = trio.current_time()
            if now - cpu_at >= self._cloud.intervals.seconds("cpu"):
                cpu_at = now
                self._know(cpu=cpu_report(await self._answer("machine.proc_stats")))
            self._know(power_on=await self._power(), webcam=await self._webcam())
            await self._stored.keep_ambient(self._ambient.value)
            await trio.sleep(HOST_S)

    def _know(self, **changes: Any) -> None:
        self.host = msgspec.structs.replace(self.host, **changes)

    async def check_webcam(self) -> None:
        """Have the cloud know whether the webcam gives a picture."""
        self._know(webcam_connected=await self._has_picture())

    def power_switched(self, on: bool) -> None:
        """The power device has just been switched."""
        self._know(power_on=on)

    async def _power(self) -> bool | None:
        device = await self.power_device()
        status = None if device is None else device.get("status")
        return status == "on" if status in ("on", "off") else None

    async def power_device(self) -> Any:
        """As `machine.device_power.devices` shows it; None without one."""
        answer = await self._answer("machine.device_power.devices")
        return chosen_power_device(answer, self._power_device)

    async def _webcam(self) -> Webcam | None:
        try:
            with trio.fail_after(CALL_S):
                return photographed(await self._webcams(), self._webcam_name)
        except (ClientError, trio.TooSlowError):
            return None

    async def _answer(self, method: str) -> Any:
        """None for what cannot be had."""
        try:
            with trio.fail_after(CALL_S):
                return await self._calls.call(method)
        except (ClientError, trio.TooSlowError):
            return None
