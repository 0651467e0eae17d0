"""Several items and askers: one at a time, in order, with services restarted at their turn."""

import pytest
import trio
import trio.testing

from config.settings.update_items import UpdateItemSettings
from mrk.errors import ClientError
from nurseries.update_manager.klipper import place_of
from tests.fakes.git_repos import GitServer, git
from tests.fakes.github import open_github
from tests.nurseries.update_manager.house import UpdateHouse, running
from tests.nurseries.update_manager.test_release_update import archive, info

pytestmark = pytest.mark.e2e


@pytest.fixture
async def github():
    async with open_github() as server:
        yield server


def web(folder, name, **more):
    path = folder / name
    path.mkdir()
    (path / "release_info.json").write_text(info("v1.0.0"))
    (path / "index.html").write_text("v1.0.0")
    return UpdateItemSettings(name=name, type="zip", path=path, repo=("owner", "thing"), **more)


@pytest.fixture
def house(tmp_path, github):
    github.publish("owner/thing", "v1.1.0", archive())
    items = (
        web(tmp_path, "one", services=("klipper",)),
        web(tmp_path, "two", services=("two", "moonraker")),
    )
    house = UpdateHouse(tmp_path, github.url, *items)
    house.services.allowed.add("two")
    house.services.service_state["two"] = house.services.service_state["thing"]
    return house


@pytest.fixture
def klipper(tmp_path):
    """A clone of Klipper that is one commit behind, and what Klipper says of it."""
    (tmp_path / "server").mkdir()
    server = GitServer(tmp_path / "server")
    clone = server.clone(tmp_path / "klipper")
    server.commit("second", {"a.py": "two\n"})
    return clone, {"klipper_path": str(clone), "python_path": "/env/bin/python"}


async def test_everything_in_order(house, klipper, tmp_path):
    clone, _ = klipper
    async with running(house):
        house.manager._found_klipper(klipper[1])
        status = await house.call("refresh", name="klipper")
        assert status["version_info"]["klipper"]["commits_behind_count"] == 1
        house.manager._klippy = Back()
        assert await house.call("full") == "ok"
        assert git(clone, "log", "-1", "--format=%s") == "second"
        notes = house.notes("notify_update_response")
        assert {note["application"] for note in notes} == {"full"}
        assert [note["complete"] for note in notes] == [False] * (len(notes) - 1) + [True]
        # Whose line it is can be told.
        messages = [note["message"] for note in notes]
        headings = [text for text in messages if text.endswith((": Updating...", "Finished..."))]
        assert headings == [
            f"{item}: {what}..."
            for item in ("Zip Application one", "Zip Application two", "Git Repo klipper")
            for what in ("Updating", "Update Finished")
        ]
        assert messages[0] == headings[0]
        # Klipper once, at its turn, though another item wants it too.
        assert house.services.restarted == ["two", "klipper"]
        assert house.services.own_restarts == 1
        for name in ("one", "two"):
            assert (tmp_path / name / "index.html").read_text() == "v1.1.0"


class Back:
    """A link to a Klipper that has come back at once."""

    info = {"klipper_path": "/x"}

    def open_events(self, *_):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


async def test_the_first_failure_ends_it(house, tmp_path, github):
    (tmp_path / "one" / "release_info.json").write_text("junk")
    async with running(house):
        with pytest.raises(ClientError, match=r"^\w+ \w+ one: .*validate"):
            await house.call("full")
        assert (tmp_path / "two" / "index.html").read_text() == "v1.0.0"
        assert house.notes("notify_update_response")[-1]["complete"]
        assert not (await house.call("status"))["busy"]


async def test_one_at_a_time(house, github):
    release = trio.Event()
    begun = trio.Event()
    content = archive()

    async def slow(stream):
        begun.set()
        await release.wait()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n"
        await stream.send_all(head.encode() + content)

    github.server.replies["/download/owner/thing/v1.1.0/thing.zip"] = slow
    done = []

    async def update(name):
        await house.call("upgrade", name=name)
        done.append(name)

    async with running(house), trio.open_nursery() as nursery:
        nursery.start_soon(update, "one")
        await begun.wait()
        assert (await house.call("status"))["busy"]
        for method, params in (
            ("upgrade", {"name": "one"}),
            ("refresh", {}),
        ):
            with pytest.raises(ClientError) as caught:
                await house.call(method, **params)
            assert caught.value.status == 503
        nursery.start_soon(update, "two")
        await trio.testing.wait_all_tasks_blocked()
        assert done == []
        release.set()
    assert done == ["one", "two"]


async def test_an_asker_that_goes_ends_nothing(house, github, tmp_path):
    async with running(house):
        with trio.move_on_after(0.01):
            await house.call("upgrade", name="one")
        with trio.fail_after(30):
            while (tmp_path / "one" / "index.html").read_text() != "v1.1.0":  # noqa: ASYNC110
                await trio.sleep(0.01)


async def test_services_wait_for_the_end_of_a_print(house, tmp_path):
    async with running(house):
        announce = house.clients.broadcast

        def broadcast(method, params=None):
            if method == "notify_update_response" and "in place" in params[0].message:
                house.printing = True
            announce(method, params)

        house.clients.broadcast = broadcast
        await house.call("upgrade", name="one")
        assert house.services.restarted == []
        assert any("when the print has ended" in text for text in house.told())
        house.printing = False
        await house.until(lambda: house.services.restarted == ["klipper"])


async def test_what_waits_is_restarted_though_another_does_not_come_up(house):
    async with running(house):
        house.services.breaks = lambda unit: unit == "klipper"
        house.manager._restarts.postpone(["klipper", "two", "moonraker"])
        await house.until(lambda: house.services.own_restarts == 1)
        assert house.services.restarted == ["klipper", "two"]


@pytest.mark.parametrize(
    "facts", [{}, {"klipper_path": "x", "python_path": "/y"}, {"klipper_path": 5}]
)
def test_a_klipper_that_does_not_say_where_it_is(facts):
    assert place_of(facts) is None


async def test_klippers_place_is_remembered(house, klipper):
    async with running(house):
        house.manager._found_klipper(klipper[1])
        await house.call("refresh", name="klipper")
    async with running(house):
        found = (await house.call("status"))["version_info"]["klipper"]
        assert found["commits_behind_count"] == 1
        assert "Unofficial remote url" in found["anomalies"][0]
