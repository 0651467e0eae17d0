"""Updates, recoveries and rollbacks of real clones, and what is left when they cannot be done."""

import json

import msgspec
import pytest

from config import whole_file
from config.settings.update_items import DependencySettings, UpdateChoices, UpdateItemSettings
from mrk.errors import ClientError
from tests.fakes.git_repos import GitServer, git
from tests.nurseries.update_manager.house import UpdateHouse, running

pytestmark = pytest.mark.e2e
NO_GITHUB = "http://127.0.0.1:9"


@pytest.fixture
def server(tmp_path):
    (tmp_path / "server").mkdir()
    return GitServer(tmp_path / "server")


@pytest.fixture
def clone(server, tmp_path):
    return server.clone(tmp_path / "thing")


@pytest.fixture
def settings(server, clone):
    return UpdateItemSettings(
        name="thing",
        type="git_repo",
        path=clone,
        origin=server.url,
        primary_branch="master",
        services=("thing",),
    )


@pytest.fixture
def house(tmp_path, settings):
    return UpdateHouse(tmp_path, NO_GITHUB, settings)


def with_choices(house, **choices):
    (item,) = house.settings.items
    item = msgspec.structs.replace(item, choices=UpdateChoices(**choices))
    house.settings = msgspec.structs.replace(house.settings, items=(item,))


async def fails(house, method, **params):
    with pytest.raises(ClientError) as caught:
        await house.call(method, **params)
    return caught.value.status, str(caught.value)


async def test_an_update_and_back(house, server, clone):
    newest = server.commit("second", {"a.py": "two\n", "b/new.py": "new\n"})
    (clone / "local.cfg").write_text("mine")
    async with running(house):
        assert await house.call("upgrade", name="thing") == "ok"
        assert git(clone, "rev-parse", "HEAD") == newest
        assert (clone / "b" / "new.py").exists()
        assert (clone / "local.cfg").read_text() == "mine"
        found = (await house.call("status"))["version_info"]["thing"]
        assert (found["is_valid"], found["commits_behind"]) == (True, [])
        assert found["rollback_version"] == "v0.0.0-1"
        assert house.services.restarted == ["thing"]
        notes = house.notes("notify_update_response")
        assert {note["application"] for note in notes} == {"thing"}
        assert len({note["proc_id"] for note in notes}) == 1
        assert [note["complete"] for note in notes] == [False] * (len(notes) - 1) + [True]
        assert notes[-1]["message"] == "Git Repo thing: Update Finished..."
        assert await house.call("rollback", name="thing") == "ok"
        assert git(clone, "rev-parse", "HEAD") == server.first
        assert not (clone / "b" / "new.py").exists()
        assert git(clone, "rev-parse", "--abbrev-ref", "HEAD") == "master"
        assert house.told()[-1] == "Git Repo thing: Rollback Complete"
        assert await house.call("rollback", name="thing") == "ok"  # nothing to do
    assert not (clone / ".git" / "mrk-update.json").exists()


async def test_files_are_on_the_disk_before_a_note_says_so(house, server, clone, monkeypatch):
    """As the power would find it: which commit is there with which note, at each sync."""
    newest = server.commit("second", {"a.py": "two\n"})
    synced = []

    def noted(_descriptor):
        note = clone / ".git" / "mrk-update.json"
        phase = json.loads(note.read_text())["phase"] if note.exists() else None
        synced.append(((clone / "a.py").read_text(), phase))
        return True

    async with running(house):
        monkeypatch.setattr(whole_file, "_syncfs", noted)
        await house.call("upgrade", name="thing")
        assert git(clone, "rev-parse", "HEAD") == newest
        assert synced == [("two\n", "changing")]
        before = (clone / "a.py").read_text()
        server.commit("third", {"a.py": "three\n"})
        house.services.breaks = lambda unit: (clone / "a.py").read_text() == "three\n"
        await fails(house, "upgrade", name="thing")
        assert synced[1:] == [("three\n", "changing"), (before, "done")]
        (clone / "a.py").write_text("mine")
        await house.call("recover", name="thing", hard=False)
        assert synced[3:] == [("mine", None), (before, None)]


async def test_nothing_new_is_no_news(house):
    async with running(house):
        assert await house.call("client", name="thing") == "ok"
        assert house.services.restarted == []


async def test_a_stable_channel_goes_to_its_tag(house, server, clone):
    server.tag("v1.0.0")
    tagged = server.commit("second", {})
    server.tag("v1.1.0")
    server.commit("third", {})
    with_choices(house, channel="stable")
    async with running(house):
        await house.call("upgrade", name="thing")
    assert git(clone, "rev-parse", "HEAD") == tagged
    assert git(clone, "rev-parse", "--abbrev-ref", "HEAD") == "master"


async def test_a_pinned_commit_is_the_end(house, server, clone):
    pinned = server.commit("second", {})
    server.commit("third", {})
    with_choices(house, pinned_commit=pinned)
    async with running(house):
        await house.call("upgrade", name="thing")
        assert git(clone, "rev-parse", "HEAD") == pinned
        await house.call("upgrade", name="thing")
        assert git(clone, "rev-parse", "HEAD") == pinned


async def test_a_modified_clone_is_refused(house, server, clone):
    server.commit("second", {"a.py": "two\n"})
    (clone / "a.py").write_text("mine\n")
    async with running(house):
        assert await fails(house, "upgrade", name="thing") == (
            400,
            "Update aborted, repo has been modified",
        )
        assert (clone / "a.py").read_text() == "mine\n"
        assert house.notes("notify_update_response")[-1]["complete"]


async def test_local_commits_are_never_dropped(house, server, clone):
    git(clone, "commit", "-q", "--allow-empty", "-m", "mine")
    mine = git(clone, "rev-parse", "HEAD")
    async with running(house):
        await house.call("upgrade", name="thing")
        assert git(clone, "rev-parse", "HEAD") == mine
        server.commit("second", {})
        assert await fails(house, "upgrade", name="thing") == (
            400,
            "Update aborted, repo not valid",
        )
        assert git(clone, "rev-parse", "HEAD") == mine


async def test_a_local_file_in_the_way_is_named(house, server, clone):
    server.commit("second", {"extra.py": "theirs\n"})
    (clone / "extra.py").write_text("mine\n")
    async with running(house):
        status, text = await fails(house, "upgrade", name="thing")
    assert status == 400
    assert "extra.py" in text
    assert (clone / "extra.py").read_text() == "mine\n"
    assert git(clone, "rev-parse", "HEAD") == server.first


async def test_a_service_that_does_not_come_up_brings_the_version_before_back(house, server, clone):
    server.commit("second", {"a.py": "broken\n"})
    house.services.breaks = lambda unit: (clone / "a.py").read_text() == "broken\n"
    async with running(house):
        status, text = await fails(house, "upgrade", name="thing")
    assert status == 500
    assert "did not come up" in text
    assert (clone / "a.py").read_text() == "one\n"
    assert house.services.restarted == ["thing", "thing"]
    assert house.services.service_state["thing"].active_state == "active"
    # Fluidd does not show the last line.
    assert house.told()[-2].startswith("Error: Service thing did not come up")
    assert house.told()[-1] == "thing: Failed"
    assert [note["complete"] for note in house.notes("notify_update_response")][-2:] == [
        False,
        True,
    ]


async def test_a_service_that_was_down_before_is_no_reason(house, server, clone):
    newest = server.commit("second", {})
    house.services.breaks = lambda unit: True
    house.services.service_state["thing"] = type(house.services.service_state["thing"])(
        "failed", "failed"
    )
    async with running(house):
        await house.call("upgrade", name="thing")
    assert git(clone, "rev-parse", "HEAD") == newest


async def test_a_service_that_is_not_listed_is_left_alone(house, server):
    server.commit("second", {})
    house.services.allowed.clear()
    async with running(house):
        await house.call("upgrade", name="thing")
    assert house.services.restarted == []
    assert any("moonraker.asvc does not name it" in text for text in house.told())


async def test_a_print_that_begins_meanwhile_ends_the_update(house, server, clone):
    server.commit("second", {})
    async with running(house):
        announce = house.clients.broadcast

        def broadcast(method, params=None):
            if method == "notify_update_response" and "Fetching" in params[0].message:
                house.printing = True
            announce(method, params)

        house.clients.broadcast = broadcast
        assert await fails(house, "upgrade", name="thing") == (
            503,
            "A print has begun: nothing was changed",
        )
    assert git(clone, "rev-parse", "HEAD") == server.first


async def test_system_packages_come_first_and_their_failure_changes_nothing(house, server, clone):
    script = 'PKGLIST="git"\nPKGLIST="${PKGLIST} new-thing"\n'
    server.commit("second", {"i.sh": script})

    class Packages:
        asked: list = []
        works = False

        async def install(self, names, tell):
            from mrk.updates.update_errors import UpdateFailed

            self.asked.append(names)
            if not self.works:
                raise UpdateFailed("no such package")

    house.packages = Packages()
    (item,) = house.settings.items
    item = msgspec.structs.replace(item, dependencies=DependencySettings(install_script="i.sh"))
    house.settings = msgspec.structs.replace(house.settings, items=(item,))
    async with running(house):
        assert (await fails(house, "upgrade", name="thing"))[1] == "no such package"
        assert git(clone, "rev-parse", "HEAD") == server.first
        house.packages.works = True
        await house.call("upgrade", name="thing")
    assert house.packages.asked == [("git", "new-thing")] * 2
    assert (clone / "i.sh").exists()


# Recovery


async def test_soft_recovery_keeps_what_was_changed(house, server, clone):
    newest = server.commit("second", {"a.py": "two\n"})
    (clone / "a.py").write_text("mine\n")
    (clone / "notes.txt").write_text("notes\n")
    git(clone, "checkout", "-q", "-b", "mine")
    async with running(house):
        assert await house.call("recover", name="thing") == "ok"
        found = (await house.call("status"))["version_info"]["thing"]
        assert (found["is_valid"], found["branch"]) == (True, "master")
        assert found["rollback_version"] == found["version"]
    assert git(clone, "rev-parse", "HEAD") == server.first  # an official commit stays
    (aside,) = clone.parent.glob("thing.local-*")
    assert (aside / "a.py").read_text() == "mine\n"
    assert (clone / "a.py").read_text() == "one\n"
    assert (clone / "notes.txt").read_text() == "notes\n"
    assert any(str(aside) in text and "a.py" in text for text in house.told())
    assert house.told()[-1] == "Git Repo thing: Reinstall Complete"
    assert house.notes("notify_update_response")[-1]["application"] == "recover_thing"
    assert house.services.restarted == ["thing"]
    assert newest != server.first


@pytest.mark.parametrize("hard", [False, True])
async def test_a_recovery_is_kept_where_its_service_does_not_come_up(house, clone, hard):
    (clone / "a.py").write_text("mine\n")
    house.services.breaks = lambda unit: True
    async with running(house):
        status, text = await fails(house, "recover", name="thing", hard=hard)
    assert status == 500
    assert "did not come up" in text
    assert "put back" not in text
    assert (clone / "a.py").read_text() == "one\n"
    assert house.services.restarted == ["thing"]


async def test_soft_recovery_of_a_diverged_and_detached_clone(house, server, clone):
    git(clone, "commit", "-q", "--allow-empty", "-m", "mine")
    git(clone, "checkout", "-q", "--detach")
    newest = server.commit("second", {})
    async with running(house):
        await house.call("recover", name="thing")
        found = (await house.call("status"))["version_info"]["thing"]
        assert (found["is_valid"], found["detached"]) == (True, False)
    assert git(clone, "rev-parse", "HEAD") == newest


async def test_hard_recovery_keeps_everything_beside(house, server, clone):
    server.commit("second", {"a.py": "two\n"})
    (clone / "a.py").write_text("mine\n")
    (clone / "sub").mkdir()
    (clone / "sub" / "local.cfg").write_text("local\n")
    (clone / "link").symlink_to("sub")
    git(clone, "commit", "-q", "-a", "-m", "mine")
    mine = git(clone, "rev-parse", "HEAD")
    async with running(house):
        await house.call("recover", name="thing", hard=True)
        found = (await house.call("status"))["version_info"]["thing"]
        assert found["is_valid"]
    (aside,) = clone.parent.glob("thing.broken-*")
    assert git(aside, "rev-parse", "HEAD") == mine
    assert (clone / "sub" / "local.cfg").read_text() == "local\n"
    assert (clone / "link").is_symlink()
    assert (clone / "a.py").read_text() == "two\n"
    assert any(str(aside) in text for text in house.told())
    assert not (clone.parent / ".thing.recovery").exists()


async def test_a_folder_that_is_gone_is_cloned_anew(house, clone):
    import shutil

    shutil.rmtree(clone)
    async with running(house):
        assert (await house.item("thing"))["recovery_url"] == house.settings.items[0].origin
        await house.call("recover", name="thing", hard=True)
    assert (clone / "a.py").exists()


async def test_without_an_address_nothing_is_recovered(house, clone):
    (item,) = house.settings.items
    item = msgspec.structs.replace(item, origin="")
    house.settings = msgspec.structs.replace(house.settings, items=(item,))
    git(clone, "remote", "remove", "origin")
    async with running(house):
        assert (await house.item("thing"))["recovery_url"] == "?"
        for hard in (False, True):
            assert (await fails(house, "recover", name="thing", hard=hard))[0] == 400
    assert git(clone, "remote") == ""


async def test_recovery_needs_a_remote(house, server, clone, tmp_path):
    server.bare.rename(tmp_path / "away")
    async with running(house):
        for hard in (False, True):
            status, text = await fails(house, "recover", name="thing", hard=hard)
            assert status == 500
            assert "git" in text
    assert (clone / "a.py").read_text() == "one\n"
    assert list(tmp_path.glob(".thing*")) == []


async def test_a_submodule_is_not_cloned_anew(house, clone):
    (clone / ".git").rename(clone.parent / "elsewhere")
    (clone / ".git").write_text(f"gitdir: {clone.parent / 'elsewhere'}\n")
    async with running(house):
        found = await house.item("thing")
        assert (found["is_valid"], found["recovery_url"]) == (True, "?")
        assert (await fails(house, "recover", name="thing", hard=True))[0] == 400
