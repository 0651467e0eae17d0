"""Clones damaged in ten places: told as such, and recovered without losing a local file."""

import os
import shutil
import subprocess
import time

import pytest

from config.settings.update_items import UpdateItemSettings
from mrk.errors import ClientError
from tests.fakes.git_repos import GitServer, git
from tests.nurseries.update_manager.house import UpdateHouse, running

pytestmark = pytest.mark.e2e


def objects(clone):
    """Loose objects; those of a fresh clone are unpacked first."""
    packs = list((clone / ".git" / "objects" / "pack").glob("*.pack"))
    for pack in packs:
        moved = clone.parent / pack.name
        shutil.move(pack, moved)
        pack.with_suffix(".idx").unlink()
        with moved.open("rb") as file:
            subprocess.run(["git", "unpack-objects", "-q"], cwd=clone, stdin=file, check=True)
        moved.unlink()
    return [path for path in (clone / ".git" / "objects").glob("??/*") if path.is_file()]


def write(path, content):
    path.chmod(0o644)
    path.write_bytes(content)


def empty_objects(clone):
    for path in objects(clone):
        write(path, b"")


def broken_objects(clone):
    for path in objects(clone):
        write(path, path.read_bytes()[:10])


def lost_objects(clone):
    for path in objects(clone):
        path.unlink()


def lost_tree(clone):
    objects(clone)
    tree = git(clone, "rev-parse", "HEAD^{tree}")
    (clone / ".git" / "objects" / tree[:2] / tree[2:]).unlink()


def broken_index(clone):
    (clone / ".git" / "index").write_bytes(b"junk")


def empty_index(clone):
    (clone / ".git" / "index").write_bytes(b"")


def empty_head(clone):
    (clone / ".git" / "HEAD").write_bytes(b"")


def broken_ref(clone):
    (clone / ".git" / "refs" / "heads" / "master").write_bytes(b"")


def zeroed_ref(clone):
    (clone / ".git" / "refs" / "heads" / "master").write_bytes(bytes(41))


def broken_config(clone):
    (clone / ".git" / "config").write_bytes(b"[core\nremote \x00")


def broken_packed_refs(clone):
    (clone / ".git" / "packed-refs").write_bytes(b"junk\nmore junk\n")
    shutil.rmtree(clone / ".git" / "refs" / "remotes")


DAMAGES = [
    empty_objects,
    broken_objects,
    lost_objects,
    lost_tree,
    broken_index,
    empty_index,
    empty_head,
    broken_ref,
    zeroed_ref,
    broken_config,
    broken_packed_refs,
]


@pytest.fixture
def server(tmp_path):
    (tmp_path / "server").mkdir()
    server = GitServer(tmp_path / "server")
    server.commit("second", {"b/two.py": "two\n"})
    return server


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_told_and_mended(tmp_path, server, damage):
    (tmp_path / "home").mkdir()
    clone = server.clone(tmp_path / "home" / "thing")
    (clone / "local.cfg").write_text("mine")
    (clone / "a.py").write_text("changed\n")
    damage(clone)
    item = UpdateItemSettings(
        name="thing",
        type="git_repo",
        path=clone,
        origin=server.url,
        primary_branch="master",
    )
    async with running(UpdateHouse(tmp_path, "http://127.0.0.1:9", item)) as house:
        found = await house.item("thing")
        assert not found["is_valid"]
        assert found["warnings"]
        assert found["recovery_url"] == server.url  # front ends offer what can be done
        with pytest.raises(ClientError):
            await house.call("upgrade", name="thing")
        refusal = await _recover(house)
        if refusal is not None:
            assert "hard" in refusal  # what to do is told
            await house.call("recover", name="thing", hard=True)
        found = (await house.call("status"))["version_info"]["thing"]
        assert (found["is_valid"], found["corrupt"], found["warnings"]) == (True, False, [])
        assert (clone / "local.cfg").read_text() == "mine"
        assert (clone / "b" / "two.py").read_text() == "two\n"
        git(clone, "fsck", "--full")
        (aside,) = clone.parent.glob("thing.*")
        assert (aside / "a.py").read_text() == "changed\n"
        assert any(str(aside) in text for text in house.told())


async def _recover(house):
    try:
        await house.call("recover", name="thing")
    except ClientError as error:
        return str(error)
    return None


@pytest.mark.parametrize("age_s", [0, 3600])
async def test_locks_that_were_left_are_removed(tmp_path, server, age_s):
    (tmp_path / "home").mkdir()
    clone = server.clone(tmp_path / "home" / "thing")
    newest = server.commit("third", {})
    for name in ("index.lock", "shallow.lock", "refs/heads/master.lock", "packed-refs.lock"):
        (clone / ".git" / name).write_text("")
    taken = time.time() - age_s
    os.utime(clone / ".git" / "index.lock", (taken, taken))
    item = UpdateItemSettings(
        name="thing", type="git_repo", path=clone, origin=server.url, primary_branch="master"
    )
    async with running(UpdateHouse(tmp_path, "http://127.0.0.1:9", item)) as house:
        await house.call("upgrade", name="thing")
        assert any("Locks that another git left were removed" in text for text in house.told())
    assert git(clone, "rev-parse", "HEAD") == newest
