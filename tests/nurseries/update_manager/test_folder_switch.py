"""A folder that takes another's place, where it is done by two renames and interrupted there."""

import errno
from pathlib import Path

import pytest

from config import change_places
from config.settings.update_items import UpdateItemSettings
from mrk.updates.git_facts import GitFacts
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.folder_switch import FolderSwitch
from nurseries.update_manager.git import Git
from nurseries.update_manager.git_change import GitChange
from nurseries.update_manager.git_recovery import GitRecovery


class Killed(BaseException):
    """The end of the process."""


def put_until(switch: FolderSwitch, renames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch without renameat2, which ends before the rename of that number."""
    switch.begin()
    switch.new.mkdir()
    (switch.new / "version").write_text("new")
    done = 0
    rename = Path.rename

    def counted(path: Path, target: Path) -> Path:
        nonlocal done
        if done == renames:
            raise Killed
        done += 1
        return rename(path, target)

    def unable(*_paths: Path) -> None:
        raise OSError(errno.ENOSYS, "renameat2 is missing")

    with monkeypatch.context() as patch:
        patch.setattr(change_places, "_exchange", unable)
        patch.setattr(Path, "rename", counted)
        with pytest.raises(Killed):
            switch.put()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "thing"
    path.mkdir()
    (path / "version").write_text("old")
    return path


@pytest.mark.parametrize("renames", [0, 1, 2])
@pytest.mark.parametrize("then", ["resume", "take_back", "finish", "begin"])
def test_an_interruption_between_the_renames_loses_neither(
    folder: Path, monkeypatch: pytest.MonkeyPatch, renames: int, then: str
) -> None:
    put_until(FolderSwitch(folder), renames, monkeypatch)
    getattr(FolderSwitch(folder), then)()
    is_put = renames == 2 and then != "take_back"
    assert (folder / "version").read_text() == ("new" if is_put else "old")
    left = [path.name for path in folder.parent.iterdir()]
    assert sorted(left) == ([".thing.update", "thing"] if then == "begin" else ["thing"])


@pytest.mark.parametrize("renames", [1, 2])
async def test_what_was_cloned_anew_keeps_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    put_until(FolderSwitch(folder, "recovery"), renames, monkeypatch)
    git = Git(ChildRunner(), folder)
    settings = UpdateItemSettings(name="thing", type="git_repo", path=folder)
    await GitRecovery(git, GitChange(git), settings, GitFacts(), stamp=lambda: "x").resume()
    found = {path.name: (path / "version").read_text() for path in folder.parent.iterdir()}
    assert found == (
        {"thing": "old"} if renames == 1 else {"thing": "new", "thing.broken-x": "old"}
    )


def test_what_was_half_made_for_an_empty_place_does_not_go_there(tmp_path: Path) -> None:
    path = tmp_path / "thing"
    switch = FolderSwitch(path)
    switch.begin()
    switch.new.mkdir()
    (switch.new / "half").touch()
    # Killed here; `begin` of the next attempt puts right what is left.
    FolderSwitch(path).begin()
    assert not path.exists()
    assert not FolderSwitch(path).new.exists()


def test_a_place_that_leads_to_itself_has_nothing_to_resume(tmp_path: Path) -> None:
    path = tmp_path / "thing"
    path.symlink_to(path)
    switch = FolderSwitch(path)
    switch.settle()
    assert switch.resume() is None
    assert path.is_symlink()
