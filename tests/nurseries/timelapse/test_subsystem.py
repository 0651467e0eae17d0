"""What prints, macros and settings make of time-lapse; the printer, the camera and ffmpeg are not
there."""

from types import SimpleNamespace
from typing import Any

import pytest
import trio

from mrk.api.caller import Caller, Transport
from mrk.api.endpoint import NoParams
from mrk.definitions.roles import Role
from mrk.fanout import Fanout
from mrk.http.client import FetchFailed
from mrk.jobs.events import JobChanged, JobSeen, JobSnapshot
from mrk.jobs.print_stats import JobEvent, PrintStats
from mrk.timelapse.session import LapseSession, Stage
from nurseries.timelapse.section import LapseSection
from nurseries.timelapse.subsystem import Timelapse
from tests.fakes.items import MemoryItems
from tests.nurseries.timelapse.test_macros import RENDERED, STOP, Printer
from tests.polling import until

NOBODY = "nobody there"
START = "HYPERLAPSE ACTION=START CYCLE=30"
ADMIN = Caller(Transport.UNIX, authorized=True, role=Role.ADMIN)


class Lapsed(Printer):
    """Remote methods by name."""

    def __init__(self) -> None:
        super().__init__()
        self.methods: dict[str, Any] = {}

    def register_remote_method(self, name, method):
        self.methods[name] = method

    def unregister_remote_method(self, name):
        del self.methods[name]


class NoCamera:
    async def get(self, url, **_):
        await trio.lowlevel.checkpoint()
        raise FetchFailed("nobody there")


class House:
    """`said` is what clients were told; `state` the printer's job."""

    def __init__(self, folder, **written):
        self.printer = Lapsed()
        self.events = Fanout()
        self.job_state = SimpleNamespace(snapshot=None, open_events=self.events.open_reader)
        self.said = []
        clients = SimpleNamespace(broadcast=lambda _name, params: self.said.extend(params))
        needs = SimpleNamespace(
            database=MemoryItems(),
            http=NoCamera(),
            klippy=self.printer,
            gcode=self.printer,
            job_state=self.job_state,
            clients=clients,
            webcams=self.webcams,
            camera_address=str,
        )
        for name in ("videos", "frames"):
            (folder / name).mkdir()
        section = LapseSection(
            output_path=folder / "videos",
            frame_path=None,
            ffmpeg_path=folder / "none",
            any_certificate=False,
            budget_bytes=1_000_000,
            written=written,
        )
        self.lapse = Timelapse(section, folder / "frames", needs)

    async def webcams(self):
        await trio.lowlevel.checkpoint()
        return []

    @property
    def session(self):
        return self.lapse._recorder.session

    def seen(self, state, filename="a.gcode"):
        self.events.publish(JobSeen(look(state, filename)))

    def changed(self, event, state, filename="a.gcode"):
        self.events.publish(JobChanged(event, PrintStats(), look(state, filename)))

    async def set(self, **settings):
        await self.lapse.post_settings(settings, ADMIN)

    async def timer(self, *commands):
        """The printer's timer was told these, and nothing else, since the last look."""
        await until(lambda: len(self._timer()) >= len(commands))
        assert self._timer() == list(commands)
        self.printer.ran.clear()

    def _timer(self):
        return [command for command in self.printer.ran if command.startswith("HYPERLAPSE")]


def look(state, filename):
    return JobSnapshot(PrintStats(state, filename, total_duration=5.0), 100.0)


@pytest.fixture
def open_house(tmp_path, nursery):
    async def open_house(**written):
        house = House(tmp_path, **written)
        await nursery.start(house.lapse.serve)
        return house

    return open_house


async def test_the_timer_runs_as_long_as_a_print(open_house):
    house = await open_house(mode="hyperlapse")
    await house.timer(STOP)
    for ends in (JobEvent.COMPLETED, JobEvent.CANCELLED, JobEvent.ERROR, JobEvent.STANDBY):
        house.changed(JobEvent.STARTED, "printing")
        await house.timer(START)
        assert house.session.stage is Stage.COLLECTING
        house.changed(JobEvent.PAUSED, "paused")
        house.changed(JobEvent.RESUMED, "printing")
        house.changed(ends, "standby")
        await house.timer(STOP)
        await until(lambda: house.session.stage is Stage.KEPT)
    # A printer that forgets a print which has ended already: nothing is to be stopped.
    house.changed(JobEvent.STANDBY, "standby")
    house.changed(JobEvent.STARTED, "printing")
    await house.timer(START)


async def test_without_the_timer_the_printer_is_told_once_that_it_stands(open_house):
    house = await open_house()
    await house.timer(STOP)
    house.changed(JobEvent.STARTED, "printing")
    house.changed(JobEvent.COMPLETED, "complete")
    house.changed(JobEvent.STARTED, "printing", "b.gcode")
    await until(lambda: house.session.printed == "b.gcode")
    await house.timer()


async def test_settings_that_are_changed_in_the_middle_of_a_print(open_house):
    house = await open_house()
    await house.timer(STOP)
    await house.set(mode="hyperlapse")
    await house.timer(STOP)
    house.changed(JobEvent.STARTED, "printing")
    await house.timer(START)
    await house.set(mode="layermacro")
    await house.timer(STOP)
    await house.set(mode="hyperlapse")
    await house.timer(START)
    await house.set(hyperlapse_cycle=60, park_time=0.2)
    await house.timer("HYPERLAPSE ACTION=START CYCLE=60")
    await house.set(enabled=False)
    await house.timer(STOP)
    await house.set(enabled=True)
    await house.timer("HYPERLAPSE ACTION=START CYCLE=60")
    await house.set(mode="layermacro")
    await house.timer(STOP)
    await house.set(gcode_verbose=True)
    await until(lambda: any("VERBOSE=True" in command for command in house.printer.ran))


@pytest.mark.parametrize(
    ("stage", "printed", "state", "after"),
    [
        (Stage.COLLECTING, "a.gcode", "printing", Stage.COLLECTING),
        (Stage.COLLECTING, "other.gcode", "paused", Stage.COLLECTING),
        (Stage.KEPT, "a.gcode", "printing", Stage.COLLECTING),
        (Stage.COLLECTING, "a.gcode", "complete", Stage.KEPT),
        (Stage.COLLECTING, "a.gcode", "standby", Stage.KEPT),
        (Stage.COLLECTING, "other.gcode", "complete", Stage.KEPT),
    ],
)
async def test_a_print_that_is_met(tmp_path, nursery, stage, printed, state, after):
    """As it was remembered, and as it is when the daemon begins."""
    house = House(tmp_path, mode="hyperlapse")
    house.lapse._recorder._folder.remember(LapseSession(printed, stage))
    house.job_state.snapshot = look(state, "a.gcode")
    await nursery.start(house.lapse.serve)
    assert house.session.stage is after
    if after is Stage.COLLECTING:
        assert house.session.printed == "a.gcode"
        await until(lambda: house._timer()[-1:] == [START])


async def test_a_macro_that_waits_for_a_video_goes_on_whatever_becomes_of_it(open_house):
    house = await open_house()
    for _ in range(9):  # more than may wait
        house.printer.methods["timelapse_render"](byrendermacro="True")
    await until(lambda: RENDERED in house.printer.ran)
    await until(lambda: any(event["status"] == "skipped" for event in house.said))
    house.said.clear()
    house.printer.methods["timelapse_saveFrames"]()
    await until(lambda: house.said)
    assert "no frames" in house.said[0]["msg"]


async def test_without_ffmpeg_and_without_a_camera(open_house, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    house = await open_house()
    assert (await house.lapse.get_settings(NoParams(), ADMIN))["autorender"] is False
    assert "no ffmpeg" in house.lapse.warnings()[0]
    house.printer.methods["timelapse_newframe"](macropark={}, hyperlapse="False")
    await until(lambda: house.said)
    assert house.said == [
        {"action": "newframe", "status": "error", "frame": "0", "framefile": "", "msg": NOBODY}
    ]
    assert (await house.lapse.state(NoParams(), ADMIN)).camera == NOBODY
