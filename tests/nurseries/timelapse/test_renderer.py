"""Videos and archives in a real folder, by a stand-in for ffmpeg."""

import os
import zipfile
from pathlib import Path

import pytest
import trio

from mrk.timelapse.frames import frame_name
from mrk.timelapse.session import RenderOrder
from mrk.timelapse.settings import LapseSettings
from nurseries.timelapse.ffmpeg import Ffmpeg
from nurseries.timelapse.frame_folder import FrameFolder
from nurseries.timelapse.renderer import MOST_WAITING, Renderer
from tests.fakes.ffmpeg import FakeFfmpeg
from tests.polling import until

pytestmark = pytest.mark.e2e


class Workshop:
    """A renderer, with frames to be ordered."""

    def __init__(self, folder, program="ffmpeg/ffmpeg", stall_s=30.0):
        self.fake = FakeFfmpeg(folder / "ffmpeg")
        self.output = folder / "videos"
        self.output.mkdir(exist_ok=True)
        self.folder = FrameFolder(folder / "frames")
        self.folder.open()
        self.settings = LapseSettings(time_format_code="x", duplicatelastframe=2)
        self.events = []
        self.renderer = Renderer(
            self.output,
            self.folder,
            Ffmpeg(folder / program, stall_s=stall_s),
            self.look,
            self.events.append,
        )

    async def look(self):
        return self.settings

    def order(self, frames=3, *, archive=False, render=True):
        for number in range(1, frames + 1):
            (self.folder.path / frame_name(number)).write_bytes(b"picture %d" % number)
        order = RenderOrder("dir/part.gcode", frames, archive, render)
        return self.folder.link(range(1, frames + 1), order), order

    async def make(self, **kinds):
        work = self.renderer.put(*self.order(**kinds))
        await done(work)
        return work

    @property
    def made(self):
        return sorted(os.listdir(self.output))

    @property
    def orders(self):
        return [name for name in os.listdir(self.folder.path) if name.startswith(".render")]

    async def hanging(self):
        """Return once ffmpeg hangs."""
        await until(lambda: self.fake.pid is not None)


async def done(work):
    with trio.fail_after(20):
        await work.done.wait()


@pytest.fixture
async def shop(tmp_path, nursery):
    shop = Workshop(tmp_path)
    nursery.start_soon(shop.renderer.serve, [])
    return shop


async def test_a_video_with_its_preview(shop):
    work = await shop.make()
    assert shop.made == ["timelapse_part.gcode_x.jpg", "timelapse_part.gcode_x.mp4"]
    assert (shop.output / "timelapse_part.gcode_x.mp4").read_bytes() == b"made of 5"
    assert (shop.output / "timelapse_part.gcode_x.jpg").read_bytes() == b"picture 3"
    assert [event["status"] for event in shop.events] == [
        "started",
        "running",
        "running",
        "success",
    ]
    assert shop.events[0]["settings"] == {"framerate": 30, "crf": 23, "pixelformat": "yuv420p"}
    assert [event.get("progress") for event in shop.events[1:3]] == [20, 100]
    assert work.result == shop.events[-1]
    assert work.result["filename"] == "timelapse_part.gcode_x.mp4"
    assert work.result["previewimage"] == "timelapse_part.gcode_x.jpg"
    assert work.result["printfile"] == "dir/part.gcode"
    assert work.result["framecount"] == "5"
    assert shop.orders == []


async def test_a_second_video_of_that_minute_gets_another_name(shop):
    await shop.make()
    await shop.make()
    assert "timelapse_part.gcode_x_2.mp4" in shop.made
    assert "timelapse_part.gcode_x_2.jpg" in shop.made


async def test_a_turned_preview_is_made_by_ffmpeg(shop):
    shop.settings = LapseSettings(rotation=90, time_format_code="x", duplicatelastframe=0)
    await shop.make()
    assert len(shop.fake.calls) == 2
    assert "transpose=1" in shop.fake.calls[1]
    assert (shop.output / "timelapse_part.gcode_x.jpg").read_bytes() == b"made of 3"


async def test_without_a_preview(shop):
    shop.settings = LapseSettings(previewimage=False, time_format_code="x")
    work = await shop.make()
    assert "previewimage" not in work.result
    assert shop.made == ["timelapse_part.gcode_x.mp4"]


async def test_a_failure_is_told_with_the_last_line_and_leaves_nothing(shop):
    shop.fake.fail("Unknown encoder 'libx264'")
    work = await shop.make()
    assert work.result["status"] == "error"
    assert work.result["cmdresponse"] == "Unknown encoder 'libx264'"
    assert "libx264" in work.result["msg"]
    assert "-crf" in work.result["cmd"]
    assert (shop.made, shop.orders) == ([], [])


async def test_a_missing_ffmpeg_is_told(tmp_path, nursery, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    shop = Workshop(tmp_path, "nowhere/ffmpeg")
    nursery.start_soon(shop.renderer.serve, [])
    work = await shop.make()
    assert "there is no ffmpeg at" in work.result["msg"]


async def test_one_that_hangs_is_ended(tmp_path, nursery):
    shop = Workshop(tmp_path, stall_s=1.0)
    shop.fake.hang()
    nursery.start_soon(shop.renderer.serve, [])
    work = await shop.make()
    assert "no new frame within 1 s" in work.result["msg"]
    assert not os.path.exists(f"/proc/{shop.fake.pid}")


async def test_a_render_is_cancelled_with_its_process_at_idle_priority(shop):
    shop.fake.hang()
    work = shop.renderer.put(*shop.order())
    await shop.hanging()
    assert os.getpriority(os.PRIO_PROCESS, shop.fake.pid) == 19
    assert Path(f"/proc/{shop.fake.pid}/oom_score_adj").read_text() == "1000\n"
    assert shop.renderer.is_rendering
    assert shop.renderer.cancel()
    await done(work)
    assert work.result["msg"] == "Rendering failed: cancelled"
    assert not os.path.exists(f"/proc/{shop.fake.pid}")
    assert (shop.made, shop.orders, shop.renderer.is_rendering) == ([], [], False)
    assert not shop.renderer.cancel()


async def test_a_restart_goes_on_with_what_was_not_finished(tmp_path):
    shop = Workshop(tmp_path)
    shop.fake.hang()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shop.renderer.serve, [])
        work = shop.renderer.put(*shop.order())
        await shop.hanging()
        nursery.cancel_scope.cancel()
    assert work.done.is_set()
    assert "after the restart" in work.result["msg"]
    (shop.output / ".timelapse-0123.mp4").write_bytes(b"half")
    shop.fake.go_on()
    again = Workshop(tmp_path)
    _, _, left = again.folder.open()
    assert len(left) == 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(again.renderer.serve, left)
        await until(lambda: "success" in [event.get("status") for event in again.events])
        nursery.cancel_scope.cancel()
    assert again.made == ["timelapse_part.gcode_x.jpg", "timelapse_part.gcode_x.mp4"]


async def test_an_order_that_ends_the_daemon_is_not_tried_for_ever(shop):
    folder, order = shop.order()
    order.attempts = 3
    work = shop.renderer.put(folder, order)
    await done(work)
    assert "given up after 3 attempts" in work.result["msg"]
    assert shop.fake.calls == []
    assert shop.orders == []


async def test_an_archive_that_ends_the_daemon_is_not_tried_for_ever(shop):
    folder, order = shop.order(archive=True, render=False)
    order.attempts = 3
    work = shop.renderer.put(folder, order)
    await done(work)
    assert "given up after 3 attempts" in work.result["msg"]
    assert work.archived == {}
    assert shop.orders == []


async def test_an_archive_of_a_machine_without_a_clock(shop):
    folder, order = shop.order(frames=1, archive=True, render=False)
    os.utime(folder / frame_name(1), (0.0, 0.0))
    work = shop.renderer.put(folder, order)
    await done(work)
    assert work.archived["status"] == "finished"


async def test_an_archive_holds_the_frames_flat(shop):
    work = await shop.make(archive=True, render=False)
    assert work.archived == {
        "action": "saveframes",
        "status": "finished",
        "zipfile": "timelapse_part.gcode_x_frames.zip",
    }
    with zipfile.ZipFile(shop.output / work.archived["zipfile"]) as archive:
        assert archive.namelist() == [frame_name(number) for number in (1, 2, 3)]
        assert archive.testzip() is None


async def test_more_than_two_that_wait_are_too_many(shop):
    shop.fake.hang()
    shop.renderer.put(*shop.order())
    await shop.hanging()
    for _ in range(MOST_WAITING):
        assert not shop.renderer.is_full
        shop.renderer.put(*shop.order())
    assert shop.renderer.is_full


async def test_an_output_folder_that_is_gone_is_told(shop):
    os.rmdir(shop.output)
    work = shop.renderer.put(*shop.order(archive=True))
    await done(work)
    assert "No such file" in work.result["msg"]
    assert work.archived == {}
