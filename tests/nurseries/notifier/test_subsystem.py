"""Which messages go out, and what stands in them."""

import pytest
import trio
import trio.testing

from mrk.errors import ClientError
from mrk.fanout import Fanout
from mrk.jobs.events import JobChanged
from mrk.jobs.print_stats import JobEvent, PrintStats
from mrk.jobs.schema import JOB_MIGRATIONS
from mrk.notifier.backlog import GIVE_UP_S, MOST_WAITING
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.workshop import open_shop, open_world
from tests.nurseries.notifier.conftest import House

BODY = "body: {event_name} {event_message}{% if event_args %} {event_args[0].state}>"
ALL = f"""\
[notifier all]
url: json://user:passw0rd@house/hook
events: *
{BODY}{{event_args[1].state}} {{event_args[1].filename}}{{% endif %}}
"""
MACRO = "[notifier macro]\nurl: json://house\nevents: gcode\n"
REMOTE = f"{MACRO}body: {{event_message}}\n"


async def test_a_print_from_start_to_end(open_house, autojump_clock):
    async with open_house(ALL) as house:
        shop = house.shop
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("printing")
        await shop.run("PAUSE")
        await shop.until("paused")
        await shop.run("RESUME")
        await shop.until("complete")
        assert await house.told(4) == [
            "started  standby>printing a.gcode",
            "paused  printing>paused a.gcode",
            "resumed  paused>printing a.gcode",
            "complete  printing>complete a.gcode",
        ]
        await shop.call("printer.print.start", filename="b.gcode")
        await shop.until("printing")
        await shop.run("CANCEL_PRINT")
        assert (await house.told(2))[1] == "cancelled  printing>cancelled b.gcode"


async def test_a_lost_link_is_no_event_and_a_shutdown_is_one(open_house, autojump_clock):
    shutdown = "[notifier down]\nurl: json://house\nevents: shutdown\nbody: {event_message}"
    async with open_house(ALL + shutdown) as house:
        await house.shop.call("printer.restart")
        await trio.sleep(10)
        assert house.sender.bodies == []
        await house.shop.call("printer.emergency_stop")
        assert await house.told() == ["Shutdown due to webhooks request"]


async def test_progress(open_house, autojump_clock):
    text = "[notifier half]\nurl: json://h\nevents: progress:25,50,75\nbody: {event_message} %"
    async with open_house(text) as house:
        for _ in range(2):
            await house.shop.call("printer.print.start", filename="a.gcode")
            await house.shop.until("printing")
            await house.shop.until("complete")
            await trio.sleep(1)
            told = house.sender.bodies
            assert told
            assert set(told) <= {"25 %", "50 %", "75 %"}
            assert told == sorted(set(told))


MARKS = (
    "[notifier marks]\nurl: json://h\nmax_per_minute: 60\n"
    "events: started, complete, progress:30,60\nbody: {event_name} {event_message}"
)


class LateNews:
    """A job state whose events come when the test says so: which task is first is chance."""

    def __init__(self, job_state):
        self._job_state = job_state
        self.events = Fanout()
        self.open_events = self.events.open_reader

    def __getattr__(self, name):
        return getattr(self._job_state, name)


async def test_progress_is_told_behind_the_start(tmp_path, autojump_clock):
    """Large pictures in a file's head are read at once: it begins beyond some marks."""
    database = MemoryDatabase(JOB_MIGRATIONS)
    async with open_world(database) as world, open_shop(world) as shop:
        world.put("a.gcode")
        news = shop.job_state = LateNews(shop.job_state)
        async with trio.open_nursery() as nursery:
            house = House(shop, MARKS, tmp_path)
            await nursery.start(house.notifiers.serve)
            await shop.call("printer.print.start", filename="a.gcode")
            await shop.when(lambda: shop.link.status("virtual_sdcard").get("progress", 0) > 0.3)
            await trio.testing.wait_all_tasks_blocked()
            assert house.sender.bodies == []
            began = JobChanged(JobEvent.STARTED, PrintStats(), shop.job_state.snapshot)
            news.events.publish(began)
            assert await house.told(2) == ["started", "progress 30"]
            nursery.cancel_scope.cancel()
    database.close()


async def test_a_print_that_goes_on_over_a_restart_tells_no_mark_twice(tmp_path, autojump_clock):
    database = MemoryDatabase(JOB_MIGRATIONS)
    told: list[str] = []
    async with open_world(database) as world:
        world.put("a.gcode")
        for order in ("PAUSE", "RESUME"):
            async with open_shop(world) as shop, trio.open_nursery() as nursery:
                house = House(shop, MARKS, tmp_path)
                await nursery.start(house.notifiers.serve)
                if order == "PAUSE":
                    await shop.call("printer.print.start", filename="a.gcode")
                    told += await house.told(2)
                    await shop.run(order)
                    await shop.until("paused")
                else:
                    await shop.when(lambda: bool(shop.link.status("virtual_sdcard")))
                    await shop.run(order)
                    await shop.until("complete")
                await trio.sleep(1)
                told += house.sender.bodies
                nursery.cancel_scope.cancel()
    database.close()
    assert told == ["started", "progress 30", "progress 60", "complete"]


async def test_filament_that_runs_out_in_a_print(open_house, autojump_clock):
    text = "[notifier f]\nurl: json://h\nevents: filament_runout\nbody: {event_message}"
    async with open_house(text) as house:
        shop = house.shop
        assert (
            "filament_switch_sensor runout" in (await shop.call("printer.objects.list"))["objects"]
        )
        sensor = "filament_switch_sensor runout"
        lost = {sensor: {"filament_detected": False}}
        house.notifiers._take(lost)  # no print is under way
        house.notifiers._take({sensor: {"filament_detected": True}})
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("printing")
        house.notifiers._take(lost)
        assert await house.told() == [sensor]


async def test_the_last_job_of_the_queue(open_house, autojump_clock):
    text = "[notifier q]\nurl: json://h\nevents: queue_empty\nbody: {event_args[1].filename}"
    async with open_house(text) as house:
        shop = house.shop
        await shop.call("printer.print.start", filename="b.gcode")
        await shop.until("complete")
        await shop.call("server.job_queue.post_job", filenames=["a.gcode", "b.gcode"])
        await shop.call("server.job_queue.start")
        assert await house.told() == ["b.gcode"]
        await trio.sleep(100)
        assert house.sender.bodies == []


async def test_macros_tell(open_house, autojump_clock, caplog):
    async with open_house(REMOTE) as house:
        await house.shop.run("M118 x")
        await house.macro("macro", "hello")
        assert house.sender.bodies == ["hello"]
        await house.macro("nobody", "hello")
        assert house.sender.bodies == []
        assert "calls the notifier 'nobody', and there is none" in caplog.text


async def test_macros_tell_over_the_link(open_house, autojump_clock):
    async with open_house(REMOTE) as house:
        call = 'VIRTUAL_REMOTE_METHOD METHOD=notify NAME=macro MESSAGE="from Klipper"'
        await house.shop.run(call)
        assert await house.told() == ["from Klipper"]


async def test_an_empty_body_says_nothing_and_none_at_all_the_event(open_house, autojump_clock):
    text = ALL.replace(BODY, "body: {% if event_name == 'complete' %}") + (
        "[notifier plain]\nurl: json://plain\nevents: *\ntitle: {event_name}!\n"
    )
    async with open_house(text) as house:
        await house.shop.call("printer.print.start", filename="a.gcode")
        await house.shop.until("complete")
        await house.shop.when(lambda: len(house.sender.sent) == 3)
        plain = [job for job in house.sender.sent if job.url == "json://plain"]
        assert [(job.title, job.body) for job in plain] == [
            ("started!", "started"), ("complete!", "complete"),
        ]  # fmt: skip


async def test_a_service_that_hangs_delays_nobody_else(open_house, autojump_clock):
    text = ALL + ALL.replace("notifier all", "notifier slow").replace("house", "slow")
    async with open_house(text) as house:
        house.sender.hangs.add("json://user:passw0rd@slow/hook")
        await house.shop.call("printer.print.start", filename="a.gcode")
        await house.shop.until("printing")
        began = trio.current_time()
        await house.shop.when(lambda: len(house.sender.sent) == 2)
        assert trio.current_time() - began < 1


async def test_failures_are_tried_again_and_stand_in_the_warnings(
    open_house, autojump_clock, caplog
):
    async with open_house(REMOTE.replace("json://house", "json://u:passw0rd@h")) as house:
        house.sender.answers = [(False, "refused for u:passw0rd")]
        await house.macro("macro", "important")
        warnings = house.notifiers.warnings
        assert warnings == ["[notifier macro]: not delivered: refused for u:<hidden>"]
        await trio.sleep(9)
        await house.macro("macro", "later")
        assert house.sender.bodies == ["important", "later"]
        await trio.sleep(60)
        assert house.sender.bodies == ["important"]
        assert house.notifiers.warnings == []
        house.sender.answers = [(False, "gone")] * 100
        await house.macro("macro", "hopeless")
        await trio.sleep(GIVE_UP_S + 1)
        assert 5 < len(house.sender.bodies) < 15
        (error,) = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
        assert error.startswith("notifier macro: remote_action is given up after ")
        await trio.sleep(700)
        assert house.sender.bodies == []


async def test_a_flood_of_macros(open_house, autojump_clock):
    """At most 10 within a minute, and what is important is not lost behind them."""
    async with open_house(ALL + REMOTE.replace("[notifier macro]", "[notifier m]")) as house:
        for number in range(1000):
            house.notifiers._remote("m", str(number))
            house.notifiers._remote("all", str(number))
        assert [w.partition(":")[0] for w in house.notifiers.warnings] == [
            "[notifier all]", "[notifier m]",
        ]  # fmt: skip
        await house.shop.call("printer.print.start", filename="a.gcode")
        await house.shop.until("complete")
        began = trio.current_time()
        count = len(house.sender.sent)
        assert count <= 20
        await house.shop.when(lambda: sum("complete" in j.body for j in house.sender.sent) == 1)
        assert trio.current_time() - began < 200
        await trio.sleep(300)
        assert len(house.sender.sent) <= 2 * (MOST_WAITING + 2)
        assert house.notifiers.warnings == []


async def test_unknown_urls_are_told_and_never_tried_again(open_house, autojump_clock):
    async with open_house(REMOTE) as house:
        house.sender.known = False
        await house.macro("macro", "x")
        await trio.sleep(100)
        assert house.sender.bodies == ["x"]


async def test_of_several_urls_only_those_that_failed_are_tried_again(open_house, autojump_clock):
    two = "json://u:passw0rd, json://x:t0ken123 ntfy://topic123"
    async with open_house(REMOTE.replace("json://house", two)) as house:
        house.sender.answers = [(False, "no passw0rd, t0ken123 for topic123"), (False, "late")]
        house.sender.had = (1,)
        await house.macro("macro", "x")
        (warning,) = house.notifiers.warnings
        assert warning.endswith("not delivered: no <hidden>, <hidden> for <hidden>")
        await trio.sleep(9)
        house.sender.had = ()  # as after a process that ended
        await trio.sleep(100)
        assert [job.sent for job in house.sender.sent] == [(), (1,), (1,)]
        await house.macro("macro", "y")
        assert house.sender.sent[-1].sent == ()


async def test_several_urls_of_which_one_is_unknown_still_send(open_house, autojump_clock):
    async with open_house(REMOTE) as house:
        notifier = house.notifiers._notifiers["macro"]
        house.sender.lacking = True
        await notifier._check()
        await house.macro("macro", "x")
        assert house.sender.bodies == ["x"]
        assert house.notifiers.warnings == ["[notifier macro]: option 'url': unknown"]


async def test_templates_that_fail(open_house, autojump_clock):
    text = f"{MACRO}title: {{event_name.x.y}}\nbody: {{event_args[3].state}}\n"
    async with open_house(text) as house:
        await house.macro("macro", "x")
        assert house.sender.bodies == ["remote_action"]
        title, body = house.notifiers.warnings
        assert title.startswith("[notifier macro]: option 'title': the template fails: ")
        assert body.startswith("[notifier macro]: option 'body': the template fails: ")


async def test_templates_that_never_end(open_house, autojump_clock):
    endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    async with open_house(f"{MACRO}body: {endless}\n") as house:
        await house.macro("macro", "x")
        assert await house.told() == ["remote_action"]
        assert len(house.notifiers.warnings) == 1


# Attachments


async def test_pictures(open_house, tmp_path):
    """With a thread: no jumping clock."""
    text = f"{REMOTE}attach:\n  snapshot\n  snapshot bed\n  thumbnail\n  https://h/x.png\n"
    async with open_house(text, speed=100.0) as house:
        house.snapshots.webcams = {"door": b"door", "bed": b"bed"}
        house.shop.world.files.records["a.gcode"] = {
            "thumbnails": [
                {"width": 300, "height": 300, "relative_path": ".thumbs/a-300.png"},
                {"width": 32, "height": 32, "relative_path": ".thumbs/a-32.png"},
            ]
        }
        (tmp_path / ".thumbs").mkdir()
        (tmp_path / ".thumbs/a-300.png").write_bytes(b"large")
        await house.shop.call("printer.print.start", filename="a.gcode")
        await house.shop.until("printing")
        house.notifiers._remote("macro", "look")
        await house.shop.when(lambda: len(house.sender.sent) == 1)
        (job,) = house.sender.sent
        assert [(p.name, p.body) for p in job.pictures] == [
            ("snapshot-1.jpg", b"door"), ("snapshot-2.jpg", b"bed"), ("thumbnail.png", b"large"),
        ]  # fmt: skip
        assert (job.body, job.attached) == ("look", ("https://h/x.png",))


async def test_pictures_that_cannot_be_had(open_house, autojump_clock):
    async with open_house(
        f"{REMOTE}attach:\n  snapshot x\n  snapshot slow\n  thumbnail\n"
    ) as house:
        house.snapshots.webcams = {"slow": None}
        began = trio.current_time()
        await house.macro("macro", "look")
        assert await house.told() == [
            "look\n\n(no snapshot: there is no enabled webcam with a snapshot_url)\n\n"
            "(no snapshot: it did not come within 2 s)\n\n(no thumbnail: the file has none)"
        ]
        assert trio.current_time() - began < 2.2
        assert house.notifiers.warnings == []


@pytest.mark.parametrize("kind", ["there", "missing", "folder", "closed", "link to closed"])
async def test_files(open_house, tmp_path, kind):
    """With threads: no jumping clock."""
    path = tmp_path / "x.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "link to closed":
        (tmp_path / "real").write_bytes(b"x")
        path.symlink_to(tmp_path / "real")
    elif kind != "missing":
        path.write_bytes(b"x")
    async with open_house(f"{REMOTE}attach: {path}\n", speed=100.0) as house:
        house.closed = {tmp_path / "real"} if "link" in kind else set()
        house.closed |= {path} if kind == "closed" else set()
        house.notifiers._remote("macro", "look")
        await house.shop.when(lambda: len(house.sender.sent) == 1)
        if kind == "there":
            assert house.sender.sent[0].attached == (str(path),)
            assert house.notifiers.warnings == []
            return
        assert (house.sender.sent[0].attached, house.sender.bodies) == ((), ["look"])
        said = "no read permission" if "closed" in kind else "file does not exist"
        assert said in house.notifiers.warnings[0]


# The API


async def test_list(open_house, autojump_clock):
    async with open_house(f"{ALL}\n{MACRO}attach: snapshot\n") as house:
        listed = (await house.shop.call("server.notifiers.list"))["notifiers"]
        assert listed[0] | {"body": None} == {
            "name": "all", "url": "json://<hidden>", "events": ["*"], "body": None,
            "title": None, "body_format": None, "attach": None,
        }  # fmt: skip
        assert listed[0]["body"].startswith("{event_name}")
        assert listed[1]["attach"] == "snapshot"


async def test_trying_one(open_house, autojump_clock):
    async with open_house(ALL) as house:
        answer = await house.shop.call("debug.notifiers.test", name="all")
        assert answer["status"] == "success"
        assert (answer["delivered"], answer["reason"]) == (True, "")
        assert answer["stats"]["filename"] == "notifier_test.gcode"
        assert set(answer["stats"]["info"]) == {"total_layer", "current_layer"}
        assert house.sender.bodies == ["started  standby>standby notifier_test.gcode"]
        house.sender.answers = [(False, "no")]
        answer = await house.shop.call("debug.notifiers.test", name="all")
        assert (answer["delivered"], answer["reason"]) == (False, "no")
        with pytest.raises(ClientError, match="no notifier 'x'") as error:
            await house.shop.call("debug.notifiers.test", name="x")
        assert error.value.status == 404
