"""Frames on a real disk, from a camera that is told what to give."""

import os

import pytest
import trio
import trio.testing

from mrk.errors import ClientError, Transient
from mrk.timelapse.cameras import CameraChoice
from mrk.timelapse.session import Stage
from mrk.timelapse.settings import LapseSettings
from nurseries.timelapse import frame_folder
from nurseries.timelapse.camera import CameraFailed
from nurseries.timelapse.frame_folder import FrameFolder
from nurseries.timelapse.recorder import Recorder

JPEG = b"\xff\xd8" + b"x" * 96 + b"\xff\xd9"


class Bench:
    """A recorder with a camera that gives a picture, or fails."""

    def __init__(self, folder, budget_bytes=10_000):
        self.path = folder
        self.settings = LapseSettings(stream_delay_compensation=0.0)
        self.events = []
        self.gives = JPEG
        self.told = trio.Event()
        self.recorder = Recorder(FrameFolder(folder), self, self.look, self.tell, budget_bytes)

    async def take(self, camera):
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives

    async def look(self):
        if isinstance(self.settings, Exception):
            raise self.settings
        return self.settings, CameraChoice("one", "http://x/")

    def tell(self, event):
        self.events.append(event)
        self.told.set()

    async def frame(self, *, timed=False):
        self.told = trio.Event()
        self.recorder.call(timed=timed)
        with trio.fail_after(10):
            await self.told.wait()
        return self.events[-1]

    @property
    def names(self):
        return sorted(name for name in os.listdir(self.path) if name.startswith("frame"))


@pytest.fixture
async def bench(tmp_path, nursery):
    bench = Bench(tmp_path / "frames")
    assert await bench.recorder.open() == []
    await bench.recorder.begin("part.gcode")
    nursery.start_soon(bench.recorder.serve)
    return bench


async def test_a_frame_is_stored_and_told(bench):
    assert await bench.frame() == {
        "action": "newframe",
        "frame": "1",
        "framefile": "frame000001.jpg",
        "status": "success",
    }
    assert (await bench.frame())["frame"] == "2"
    assert bench.names == ["frame000001.jpg", "frame000002.jpg"]
    assert (bench.path / "frame000001.jpg").read_bytes() == JPEG
    assert bench.recorder.last_name == "frame000002.jpg"


@pytest.mark.parametrize(
    "failure", [CameraFailed("no camera"), OSError(28, "No space left on device")]
)
async def test_a_failure_costs_a_frame_and_its_number_is_used_again(bench, failure):
    await bench.frame()
    bench.gives = failure
    event = await bench.frame()
    assert (event["status"], event["frame"]) == ("error", "1")
    assert event["msg"] == bench.recorder.trouble != ""
    bench.gives = JPEG
    assert (await bench.frame())["frame"] == "2"
    assert bench.recorder.trouble == ""


async def test_a_full_disk_refuses_frames(bench, monkeypatch):
    monkeypatch.setattr(frame_folder, "fits", lambda *_: False)
    assert "disk" in (await bench.frame())["msg"]
    assert bench.names == []


async def test_a_disk_that_takes_nothing_costs_frames_and_nothing_else(bench, monkeypatch):
    await bench.frame()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(frame_folder, "_write", full)
        patched.setattr(frame_folder.FrameFolder, "clear", full)
        await bench.recorder.end()
        await bench.recorder.begin("other.gcode")
        assert "No space left on device" in bench.recorder.trouble
    assert bench.recorder.session.printed == "other.gcode"
    assert (await bench.frame())["frame"] == "1"
    assert bench.recorder.trouble == ""
    again = Bench(bench.path)
    await again.recorder.open()
    assert again.recorder.session.printed == "other.gcode"


async def test_webcams_that_cannot_be_read_cost_a_frame(bench):
    bench.settings = ClientError("the database is busy", 503)
    assert "the database is busy" in (await bench.frame())["msg"]
    bench.settings = LapseSettings(stream_delay_compensation=0.0)
    assert (await bench.frame())["frame"] == "1"


async def test_a_folder_that_cannot_be_made_is_waited_for(tmp_path):
    (tmp_path / "frames").write_text("in the way")
    bench = Bench(tmp_path / "frames")
    with pytest.raises(Transient, match="frames"):
        await bench.recorder.open()
    assert str(bench.path) in bench.recorder.trouble


async def test_calls_of_the_other_kind_and_disabled_ones_take_nothing(bench):
    bench.recorder.call(timed=True)
    assert (await bench.frame())["frame"] == "1"
    bench.settings = LapseSettings(mode="hyperlapse", stream_delay_compensation=0.0)
    bench.recorder.call(timed=False)
    assert (await bench.frame(timed=True))["frame"] == "2"
    bench.settings = LapseSettings(enabled=False)
    bench.recorder.call(timed=False)
    await trio.testing.wait_all_tasks_blocked()
    assert len(bench.events) == 2


async def test_calls_that_come_faster_than_frames_are_left_out(bench):
    for _ in range(100):
        bench.recorder.call(timed=False)
    await bench.frame()
    while len(bench.events) < 2:
        await trio.testing.wait_all_tasks_blocked(0.05)
    assert len(bench.events) <= 3


async def test_the_budget_thins_out_frames(tmp_path, nursery):
    bench = Bench(tmp_path / "frames", budget_bytes=450)
    await bench.recorder.open()
    await bench.recorder.begin("part.gcode")
    nursery.start_soon(bench.recorder.serve)
    for _ in range(5):
        await bench.frame()
    assert bench.names == ["frame000001.jpg", "frame000003.jpg", "frame000005.jpg"]
    assert bench.recorder.frames.stride == 2
    again = Bench(tmp_path / "frames", budget_bytes=450)
    await again.recorder.open()
    assert again.recorder.frames == bench.recorder.frames


async def test_a_restart_in_the_middle_of_a_print_goes_on_with_the_next_number(bench):
    await bench.frame()
    (bench.path / ".unfinished").write_bytes(b"half")
    (bench.path / ".render-0123").mkdir()
    again = Bench(bench.path)
    assert await again.recorder.open() == []
    assert again.recorder.session.stage is Stage.COLLECTING
    assert again.recorder.session.printed == "part.gcode"
    assert again.recorder.frames.last == 1
    assert {".unfinished", ".render-0123"} & set(os.listdir(bench.path)) == set()


async def test_a_broken_session_file_costs_itself_alone(bench):
    await bench.frame()
    (bench.path / ".session.json").write_bytes(b"{")
    again = Bench(bench.path)
    await again.recorder.open()
    assert again.recorder.session.stage is Stage.KEPT
    assert again.recorder.frames.count == 1


async def test_the_next_print_takes_the_frames_but_not_what_is_being_rendered(bench):
    await bench.frame()
    await bench.frame()
    folder, order = await bench.recorder.order("part.gcode", archive=False, render=True)
    await bench.recorder.begin("other.gcode")
    assert bench.names == []
    assert bench.recorder.frames.count == 0
    assert order.frames == 2
    assert (folder / "frame000002.jpg").read_bytes() == JPEG
    again = Bench(bench.path)
    assert await again.recorder.open() == [folder]


async def test_links_are_copies_where_the_file_system_has_none(bench, monkeypatch):
    await bench.frame()

    def no_links(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    folder, _ = await bench.recorder.order("part.gcode", archive=True, render=False)
    assert (folder / "frame000001.jpg").read_bytes() == JPEG


async def test_what_a_power_cut_leaves_of_frames_and_orders(bench, monkeypatch):
    for _ in range(3):
        await bench.frame()
    os.truncate(bench.path / "frame000002.jpg", 0)  # ffmpeg would end a video there
    again = Bench(bench.path)
    await again.recorder.open()
    assert list(again.recorder.frames.sizes) == [1, 3]
    assert again.names == ["frame000001.jpg", "frame000003.jpg"]
    synced, fsync = [], os.fsync

    def noted(descriptor):
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    folder, _order = await again.recorder.order("part.gcode", archive=False, render=True)
    # Without its order, frames are taken for those of one that was never given.
    assert {os.path.dirname(path) for path in synced} >= {str(folder)}
