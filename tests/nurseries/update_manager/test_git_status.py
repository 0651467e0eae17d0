"""What is told of real clones: behind, tagged, pinned, dirty, detached, diverged, moved, broken."""

import shutil

import msgspec
import pytest

from config.settings.update_items import UpdateChoices, UpdateItemSettings
from tests.fakes.git_repos import GitServer, git
from tests.nurseries.update_manager.house import UpdateHouse, running

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(tmp_path):
    return GitServer(tmp_path / "server")


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    (tmp_path / "server").mkdir()


def item(server, path, **choices):
    return UpdateItemSettings(
        name="thing",
        type="git_repo",
        path=path,
        origin=server.url,
        primary_branch="master",
        choices=UpdateChoices(**choices),
        info_tags=("desc=A thing",),
    )


async def look(tmp_path, settings):
    async with running(UpdateHouse(tmp_path, "http://127.0.0.1:9", settings)) as house:
        return await house.item("thing")


async def test_what_was_pulled_by_hand_is_seen_at_the_start(tmp_path, server):
    clone = server.clone(tmp_path / "thing")
    newest = server.commit("second", {"a.py": "two\n"})
    house = UpdateHouse(tmp_path, "http://127.0.0.1:9", item(server, clone))
    async with running(house):
        assert (await house.item("thing"))["commits_behind_count"] == 1
    git(clone, "merge", "-q", "origin/master")
    async with running(house):
        found = (await house.call("status"))["version_info"]["thing"]
        assert (found["current_hash"], found["remote_hash"]) == (newest, newest)
        assert found["commits_behind"] == []


async def test_a_clone_that_is_behind(tmp_path, server):
    server.tag("v0.1.0")
    clone = server.clone(tmp_path / "thing")
    middle = server.commit("second\n\nwith a body", {"a.py": "two\n"})
    server.tag("v0.2.0")
    newest = server.commit("third", {"a.py": "three\n"})
    found = await look(tmp_path, item(server, clone))
    assert found["is_valid"]
    assert (found["warnings"], found["anomalies"]) == ([], [])
    assert (found["version"], found["remote_version"]) == ("v0.1.0-0", "v0.2.0-1")
    assert (found["current_hash"], found["remote_hash"]) == (server.first, newest)
    assert (found["branch"], found["remote_alias"], found["detached"]) == (
        "master",
        "origin",
        False,
    )
    assert found["repo_name"] == "thing"
    assert found["commits_behind_count"] == 2
    assert [commit["sha"] for commit in found["commits_behind"]] == [newest, middle]
    assert found["commits_behind"][1] == {
        "sha": middle,
        "author": "A. Developer",
        "date": "1719000000",
        "subject": "second",
        "message": "with a body",
        "tag": "v0.2.0",
    }
    assert found["full_version_string"] == f"v0.1.0-0-g{server.first[:8]}"
    assert found["info_tags"] == ["desc=A thing"]


async def test_no_tags(tmp_path, server):
    clone = server.clone(tmp_path / "thing")
    server.commit("second", {})
    found = await look(tmp_path, item(server, clone))
    assert (found["version"], found["remote_version"]) == ("v0.0.0-1", "v0.0.0-2")
    assert found["full_version_string"].endswith("-inferred")


async def test_channels_follow_tags(tmp_path, server):
    server.tag("v1.0.0")
    clone = server.clone(tmp_path / "thing")
    server.commit("b", {})
    server.tag("v1.1.0", annotated=False)
    server.commit("c", {})
    server.tag("v1.2.0-beta1")
    server.commit("d", {})
    server.tag("v1.3.0-alpha1")
    server.commit("e", {})
    stable = await look(tmp_path, item(server, clone, channel="stable"))
    assert (stable["remote_version"], stable["commits_behind_count"]) == ("v1.1.0-0", 1)
    beta = await look(tmp_path, item(server, clone, channel="beta"))
    assert (beta["remote_version"], beta["commits_behind_count"]) == ("v1.2.0-beta1-0", 2)
    dev = await look(tmp_path, item(server, clone))
    assert (dev["remote_version"], dev["commits_behind_count"]) == ("v1.3.0-alpha1-1", 4)


async def test_no_newer_tag_means_nothing_to_do(tmp_path, server):
    server.tag("v1.0.0")
    server.commit("b", {})
    clone = server.clone(tmp_path / "thing")
    found = await look(tmp_path, item(server, clone, channel="stable"))
    assert found["remote_hash"] == found["current_hash"]
    assert found["commits_behind"] == []


async def test_a_pinned_commit(tmp_path, server):
    clone = server.clone(tmp_path / "thing")
    pinned = server.commit("second", {})
    server.commit("third", {})
    found = await look(tmp_path, item(server, clone, pinned_commit=pinned[:10]))
    assert (found["remote_hash"], found["commits_behind_count"]) == (pinned, 1)
    missing = await look(tmp_path, item(server, clone, pinned_commit="0123456789"))
    assert missing["anomalies"] == ["Pinned Commit 0123456789 does not exist"]
    assert missing["remote_hash"] == missing["current_hash"]
    assert missing["is_valid"]


async def test_a_dirty_clone(tmp_path, server):
    clone = server.clone(tmp_path / "thing")
    (clone / "a.py").write_text("mine\n")
    (clone / "new.py").write_text("mine\n")
    (clone / "notes.txt").write_text("mine\n")
    found = await look(tmp_path, item(server, clone))
    assert (found["is_valid"], found["is_dirty"], found["pristine"]) == (False, True, False)
    assert found["warnings"] == [
        "Repo is dirty.  Detected the following modified files: ['a.py']",
    ]
    assert found["anomalies"] == ["Repo has untracked source files: ['new.py']"]
    assert found["full_version_string"].endswith("-dirty-inferred")


async def test_a_detached_clone_follows_what_it_was_on(tmp_path, server):
    clone = server.clone(tmp_path / "thing")
    server.commit("second", {})
    git(clone, "checkout", "-q", "origin/master")
    found = await look(tmp_path, item(server, clone))
    assert found["warnings"] == ["Detached HEAD detected"]
    assert (found["branch"], found["remote_alias"], found["detached"]) == ("master", "origin", True)
    assert (found["is_valid"], found["commits_behind_count"]) == (False, 1)


async def test_a_diverged_clone(tmp_path, server):
    server.commit("second", {"a.py": "two\n"})
    clone = server.clone(tmp_path / "thing")
    server.rewrite("another second", {"a.py": "deux\n"})
    found = await look(tmp_path, item(server, clone))
    assert found["anomalies"] == ["Repo has diverged from remote"]
    assert (found["is_valid"], found["warnings"]) == (False, [])


async def test_a_fork_on_another_branch(tmp_path, server):
    server.commit("second", {}, branch="devel")
    clone = server.clone(tmp_path / "thing", "-b", "devel")
    git(clone, "remote", "rename", "origin", "fork")
    settings = msgspec.structs.replace(item(server, clone), origin="https://example.org/a.git")
    found = await look(tmp_path, settings)
    assert found["anomalies"] == [
        "Repo not on official remote/branch, expected: origin/master, detected: fork/devel",
        f"Unofficial remote url: {server.url}",
    ]
    assert found["is_valid"]


async def test_a_shallow_clone(tmp_path, server):
    server.commit("second", {})
    clone = server.clone(tmp_path / "thing", "--depth=1")
    newest = server.commit("third", {})
    found = await look(tmp_path, item(server, clone))
    assert (found["is_valid"], found["remote_hash"]) == (True, newest)
    assert found["commits_behind_count"] == 1


async def test_no_clone_and_no_folder(tmp_path, server):
    (tmp_path / "thing").mkdir()
    found = await look(tmp_path, item(server, tmp_path / "thing"))
    assert found["warnings"] == ["No git repo detected at configured path"]
    assert (found["repo_detected"], found["is_valid"], found["version"]) == (False, False, "?")
    gone = await look(tmp_path, item(server, tmp_path / "nowhere"))
    assert gone["warnings"] == found["warnings"]


async def test_a_branch_without_a_remote(tmp_path, server):
    clone = server.clone(tmp_path / "thing")
    git(clone, "checkout", "-q", "-b", "mine")
    found = await look(tmp_path, item(server, clone))
    assert found["warnings"] == [
        "Failed to detect tracking remote for branch mine",
        "Failed to detect repo url",
    ]
    assert (found["version"], found["is_valid"]) == ("v0.0.0-1", False)


async def test_a_remote_that_is_away_leaves_what_was_known(tmp_path, server):
    clone = server.clone(tmp_path / "thing")
    newest = server.commit("second", {})
    git(clone, "fetch", "-q")
    shutil.move(server.bare, tmp_path / "away")
    found = await look(tmp_path, item(server, clone))
    assert (found["is_valid"], found["remote_hash"]) == (True, newest)
    assert "git fetch failed" in found["git_messages"][0]
