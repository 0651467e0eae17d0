"""The manager itself: when it looks, what it refuses, and what it remembers."""

import json

import msgspec
import pytest
import trio

from config.settings.update_items import UpdateItemSettings
from mrk.errors import ClientError
from nurseries.update_manager.unknown_item import UnknownItem
from tests.fakes.github import open_github
from tests.fakes.web_server import response
from tests.nurseries.update_manager.house import PATIENCE_S, UpdateHouse, running

pytestmark = pytest.mark.e2e
INFO = {"project_name": "thing", "project_owner": "owner", "version": "v1.0.0"}


@pytest.fixture
async def github():
    async with open_github() as server:
        server.publish("owner/thing", "v1.1.0", b"zip")
        yield server


@pytest.fixture
def house(tmp_path, github):
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "release_info.json").write_text(json.dumps(INFO))
    web = UpdateItemSettings(name="thing", type="web", path=folder, repo=("owner", "thing"))
    return UpdateHouse(tmp_path, github.url, web)


async def refused(house, method, **params):
    with pytest.raises(ClientError) as caught:
        await house.call(method, **params)
    return caught.value.status, str(caught.value)


async def test_items_in_order(house):
    async with running(house):
        found = await house.call("status")
        assert list(found["version_info"]) == ["moonraker", "klipper", "thing"]
        assert found["version_info"]["klipper"] == {}
        assert found["busy"] is False


async def test_what_is_known_survives_a_start(house, github):
    async with running(house):
        pass
    asked = len(github.asked)
    async with running(house):
        found = (await house.call("status"))["version_info"]["thing"]
        assert found["remote_version"] == "v1.1.0"
        assert found["rollback_version"] == found["version"] == "v1.0.0"
    assert len(github.asked) == asked
    stored = await house.database.get_item("update_manager", "thing")
    assert stored["is_valid"]
    assert stored["last_refresh_time"] == house.now


async def test_what_was_changed_by_hand_is_seen_at_the_start(house, github, tmp_path):
    async with running(house):
        pass
    asked = len(github.asked)
    (tmp_path / "thing" / "release_info.json").write_text(json.dumps({**INFO, "version": "v1.1.0"}))
    async with running(house):
        found = (await house.call("status"))["version_info"]["thing"]
        assert (found["version"], found["remote_version"]) == ("v1.1.0", "v1.1.0")
    assert len(github.asked) == asked


async def test_a_changed_section_is_looked_at_again(house, github):
    async with running(house):
        pass
    (item,) = house.settings.items
    changed = msgspec.structs.replace(item, info_tags=("new",))
    house.settings = msgspec.structs.replace(house.settings, items=(changed,))
    asked = len(github.asked)
    async with running(house):
        assert len(github.asked) == asked + 1


async def test_an_old_look_is_renewed_at_the_start(house, github):
    async with running(house):
        pass
    house.now += 169 * 3600
    asked = len(github.asked)
    async with running(house):
        assert len(github.asked) == asked + 1


async def test_items_that_are_gone_are_forgotten(house):
    await house.database.put_item("update_manager", "gone", {"version": "v1"})
    await house.database.put_item("update_manager", "thing", "nonsense")
    async with running(house):
        assert await house.database.get_item("update_manager", "gone") is None
        assert (await house.call("status"))["version_info"]["thing"]["version"] == "v1.0.0"


async def test_a_full_disk_keeps_what_is_gone_and_ends_nothing(house):
    await house.database.put_item("update_manager", "gone", {"version": "v1"})
    house.database.write_failure = ClientError("The disk is full, nothing was stored", 507)
    async with running(house):
        assert (await house.call("status"))["version_info"]["thing"]["version"] == "v1.0.0"


class Unreadable(UnknownItem):
    """Its folder is on a disk that fails."""

    async def resume(self):
        raise PermissionError(13, "Permission denied")

    refresh = reread = resume


async def test_an_item_on_a_bad_disk_holds_up_no_other(house, github):
    house.built_in = {"moonraker": Unreadable("moonraker")}
    async with running(house):
        found = await house.call("refresh")
        assert found["version_info"]["thing"]["remote_version"] == "v1.1.0"
        assert (await house.call("refresh", name="thing"))["busy"] is False


async def test_nothing_during_a_print(house, github):
    async with running(house):
        house.printing = True
        asked = len(github.asked)
        assert await refused(house, "refresh") == (
            503,
            "Unable to perform refresh: a print is under way",
        )
        for method, params, status in (
            ("upgrade", {"name": "thing"}, 503),
            ("upgrade", {}, 503),
            ("full", {}, 503),
            ("client", {"name": "thing"}, 503),
            ("klipper", {}, 503),
            ("recover", {"name": "thing"}, 400),
            ("rollback", {"name": "thing"}, 400),
        ):
            assert (await refused(house, method, **params))[0] == status
        await house.call("status", refresh=True)
        assert len(github.asked) == asked


async def test_a_start_during_a_print_looks_at_nothing(house, github):
    house.printing = True
    async with running(house):
        assert github.asked == []
        assert (await house.call("status"))["version_info"]["thing"]["remote_version"] == "?"


async def test_names_that_are_not_managed(house):
    async with running(house):
        assert (await refused(house, "refresh", name="nobody"))[0] == 400
        assert (await refused(house, "upgrade", name="nobody"))[0] == 404
        assert (await refused(house, "system"))[0] == 404
        assert (await refused(house, "recover", name="nobody"))[0] == 404
        assert (await refused(house, "rollback", name="nobody"))[0] == 404


async def test_before_the_first_pass_nothing_is_refreshed(house, github):
    started = trio.Event()

    async def hang(stream):
        started.set()
        await trio.sleep_forever()

    github.server.replies["/repos/owner/thing/releases/latest"] = hang
    async with trio.open_nursery() as nursery:
        await nursery.start(house.build().serve)
        await started.wait()
        assert (await refused(house, "refresh"))[0] == 503
        # Clients are answered meanwhile.
        found = await house.call("status", refresh=True)
        assert found["version_info"]["thing"]["version"] == "v1.0.0"
        nursery.cancel_scope.cancel()


async def test_a_refresh_is_told_to_all(house):
    async with running(house):
        house.notes("notify_update_refreshed")
        house.seen.clear()
        await house.call("refresh")
        (told,) = house.notes("notify_update_refreshed")
        assert told["version_info"]["thing"]["remote_version"] == "v1.1.0"


async def test_the_argument_of_the_status_looks_at_most_once_a_minute(house, github):
    async with running(house):
        asked = len(github.asked)
        await house.call("status", refresh=True)
        assert len(github.asked) == asked
        house.now += 61
        await house.call("status", refresh=True)
        assert len(github.asked) == asked + 1


async def shown(house, version):
    """Wait until somebody has looked, without asking for it."""
    with trio.fail_after(PATIENCE_S):
        while (await house.call("status"))["version_info"]["thing"]["remote_version"] != version:  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_a_network_that_comes_after_this_server(house, github):
    """The look at the start fails, and is made up for soon; nobody asks and no night comes."""
    github.failing = [response(b"", "503 Unavailable")] * 2
    house.again_s = (0.01,)
    async with running(house):
        await shown(house, "v1.1.0")
    stored = await house.database.get_item("update_manager", "thing")
    assert stored["last_refresh_time"] == house.now


async def test_a_look_that_failed_is_made_up_for_at_the_next_start(house, github):
    github.failing = [response(b"", "503 Unavailable")] * 2
    async with running(house):
        found = (await house.call("status"))["version_info"]["thing"]
        assert found["last_error"]
        # The argument of the status asks no more often for it.
        asked = len(github.asked)
        await house.call("status", refresh=True)
        assert len(github.asked) == asked
    async with running(house):
        await shown(house, "v1.1.0")


async def test_a_clock_that_is_set_after_the_start(house, github):
    """By the clock of the start nothing is due: a board without a battery is behind then."""
    async with running(house):
        pass
    github.publish("owner/thing", "v1.2.0", b"zip")
    house.again_s = (0.01,) * 500
    async with running(house):
        assert (await house.call("status"))["version_info"]["thing"]["remote_version"] == "v1.1.0"
        house.now += 200 * 3600
        await shown(house, "v1.2.0")


async def test_a_look_of_days_to_come_keeps_nobody_from_looking(house, github):
    async with running(house):
        pass
    house.now -= 1000
    asked = len(github.asked)
    async with running(house):
        await house.call("status", refresh=True)
        assert len(github.asked) == asked + 1
