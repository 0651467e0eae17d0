"""Clones whose remote is git's own server over HTTP, which is moved, private, broken or cut off."""

import msgspec
import pytest

from config.settings.update_items import UpdateChoices, UpdateItemSettings
from mrk.errors import ClientError
from tests.fakes.git_http import Fault, open_git_http
from tests.fakes.git_repos import GitServer, git
from tests.nurseries.update_manager.house import UpdateHouse, running

pytestmark = pytest.mark.e2e
NAME = "owner/thing.git"


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "server").mkdir()
    repository = GitServer(tmp_path / "server")
    repository.tag("v1.0.0")
    return repository


@pytest.fixture
def http(repository, tmp_path):
    with open_git_http(tmp_path / "server") as server:
        yield server


@pytest.fixture
def clone(http, tmp_path):
    git(tmp_path, "clone", "-q", "--depth", "1", f"{http.url}/{NAME}", "thing")
    return tmp_path / "thing"


@pytest.fixture
def settings(http, clone):
    return UpdateItemSettings(
        name="thing",
        type="git_repo",
        path=clone,
        origin=f"{http.url}/{NAME}",
        primary_branch="master",
        services=("thing",),
    )


@pytest.fixture
def house(tmp_path, settings):
    return UpdateHouse(tmp_path, "http://127.0.0.1:9", settings)


def with_settings(house, **changes):
    (item,) = house.settings.items
    item = msgspec.structs.replace(item, **changes)
    house.settings = msgspec.structs.replace(house.settings, items=(item,))


async def test_a_shallow_clone_is_updated_and_goes_back(house, repository, clone):
    repository.commit("second", {"a.py": "two\n"})
    newest = repository.commit("third", {"b.py": "three\n"})
    async with running(house):
        found = await house.item("thing")
        assert (found["is_valid"], found["commits_behind_count"]) == (True, 2)
        assert [one["subject"] for one in found["commits_behind"]] == ["third", "second"]
        await house.call("upgrade", name="thing")
        assert git(clone, "rev-parse", "HEAD") == newest
        await house.call("rollback", name="thing")
        assert git(clone, "rev-parse", "HEAD") == repository.first


async def test_the_stable_channel_stops_at_its_tag(house, repository, clone):
    tagged = repository.commit("second", {"a.py": "two\n"})
    repository.tag("v1.1.0")
    repository.commit("third", {})
    with_settings(house, choices=UpdateChoices(channel="stable"))
    async with running(house):
        await house.call("upgrade", name="thing")
        assert git(clone, "rev-parse", "HEAD") == tagged
        assert (await house.item("thing"))["version"] == "v1.1.0-0"


async def test_an_address_that_moved_is_followed(house, http, repository, clone):
    old = f"{http.url}/moved/{NAME}"
    git(clone, "remote", "set-url", "origin", old)
    with_settings(house, moved_origin=old)
    newest = repository.commit("second", {})
    async with running(house):
        assert (await house.item("thing"))["remote_url"] == f"{http.url}/{NAME}"
        await house.call("upgrade", name="thing")
    assert git(clone, "rev-parse", "HEAD") == newest


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.PRIVATE, "Authentication failed"),
        (Fault.BROKEN, "503"),
        (Fault.CUT, "bad pack header"),
    ],
)
async def test_a_server_that_fails_changes_nothing(house, http, repository, clone, fault, told):
    async with running(house):
        newest = repository.commit("second", {"a.py": "two\n"})
        http.fault = fault
        found = await house.item("thing")
        assert told in found["git_messages"][0]
        assert (found["is_valid"], found["corrupt"], found["warnings"]) == (True, False, [])
        with pytest.raises(ClientError, match=told):
            await house.call("upgrade", name="thing")
        assert git(clone, "rev-parse", "HEAD") == repository.first
        assert git(clone, "fsck", "--full") == ""
        http.fault = Fault.NONE
        await house.call("upgrade", name="thing")
        assert git(clone, "rev-parse", "HEAD") == newest


async def test_a_server_that_is_away(house, http, repository, clone):
    git(clone, "remote", "set-url", "origin", "http://127.0.0.1:9/owner/thing.git")
    async with running(house):
        found = await house.item("thing")
        assert "127.0.0.1" in found["git_messages"][0]
        assert found["is_valid"]


async def test_a_lost_folder_is_cloned_anew(house, http, repository, clone):
    newest = repository.commit("second", {"a.py": "two\n"})
    (clone / "local.cfg").write_text("mine")
    for pack in (clone / ".git" / "objects" / "pack").iterdir():
        pack.unlink()
    async with running(house):
        assert (await house.item("thing"))["corrupt"]
        await house.call("recover", name="thing", hard=True)
        found = await house.item("thing")
        assert (found["is_valid"], found["corrupt"]) == (True, False)
    assert git(clone, "rev-parse", "HEAD") == newest
    assert (clone / "local.cfg").read_text() == "mine"


@pytest.mark.parametrize("written_in", ["clone", "configuration"])
async def test_a_login_in_the_address_is_used_and_shown_to_nobody(
    house, http, repository, clone, written_in, caplog
):
    repository.commit("second", {"a.py": "two\n"})
    http.fault, http.login = Fault.PRIVATE, "me:planted-token"
    address = f"http://{http.login}@127.0.0.1:{http.server_port}/{NAME}"
    git(clone, "remote", "set-url", "origin", address)
    with_settings(house, origin=address)
    async with running(house):
        found = await house.item("thing")
        assert (found["is_valid"], found["anomalies"]) == (True, [])
        assert found["remote_url"] == found["recovery_url"] == f"{http.url}/{NAME}"
        if written_in == "configuration":
            git(clone, "config", "--unset", "remote.origin.url")
        else:
            with_settings(house, origin=f"{http.url}/{NAME}")
        await house.call("recover", name="thing", hard=True)
        assert git(clone, "remote", "get-url", "origin") == address
        http.fault = Fault.BROKEN
        found["after"] = (await house.call("refresh", name="thing"))["version_info"]["thing"]
        assert found["after"]["git_messages"] != []
        stored = await house.database.items("update_manager")
    assert "planted" not in str([found, stored, house.told(), caplog.text])
