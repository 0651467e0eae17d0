"""The item `moonraker` of a release beside others drives the command line of that release."""

from pathlib import Path

import pytest

from config.settings.update_manager import UpdateManagerSettings
from mrk.updates.update_errors import UpdateFailed
from mrk.version import VERSION
from nurseries.update_manager import own_item
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.own_item import own_launcher, own_settings
from nurseries.update_manager.own_release_item import OwnReleaseItem

NEWER = '{"offered": "9.0.0", "is_newer": true, "previous": "0.0.1"}'


@pytest.fixture
def item(tmp_path: Path) -> OwnReleaseItem:
    settings = own_settings(UpdateManagerSettings(), tmp_path)
    return OwnReleaseItem(settings, tmp_path / "mrk", tmp_path / "data", ChildRunner())


def answer(tmp_path: Path, text: str) -> None:
    program = tmp_path / "mrk"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n{text}\n')
    program.chmod(0o755)


def asked(tmp_path: Path) -> list[str]:
    lines = (tmp_path / "asked").read_text().splitlines()
    return [line.removeprefix(f"-d {tmp_path}/data ") for line in lines]


async def test_a_newer_one_is_shown_and_installed(tmp_path, item):
    assert not item.is_behind
    answer(tmp_path, f"echo '{NEWER}'")
    await item.refresh()
    status = item.status()
    assert item.is_behind
    assert (status.version, status.remote_version) == (f"v{VERSION}", "v9.0.0")
    assert status.rollback_version == "v0.0.1"
    assert (status.configured_type, status.detected_type) == ("python", "python_package")
    assert item.services == ("moonraker",)
    lines: list[str] = []
    answer(tmp_path, "echo trying it")
    assert await item.update(lines.append)
    assert "trying it" in lines
    assert await item.rollback(lines.append)
    assert asked(tmp_path) == [
        "self-update --json", "self-update --no-restart", "rollback --no-restart"
    ]  # fmt: skip


async def test_what_fails_is_told(tmp_path, item):
    answer(tmp_path, f"echo '{NEWER}'")
    await item.refresh()
    answer(tmp_path, "echo no good signature >&2; exit 1")
    await item.refresh()
    assert "no good signature" in item.status().warnings[0]
    assert item.is_behind, "what was known stays"
    with pytest.raises(UpdateFailed, match="no good signature"):
        await item.update(lambda _line: None)


async def test_up_to_date_does_nothing(tmp_path, item):
    answer(tmp_path, "echo {}")
    await item.refresh()
    assert not await item.update(lambda _line: None)
    assert asked(tmp_path) == ["self-update --json"]


async def test_what_is_remembered_is_of_this_version(tmp_path, item):
    answer(tmp_path, f"echo '{NEWER}'")
    await item.refresh()
    stored = item.stored()
    settings = own_settings(UpdateManagerSettings(), tmp_path)
    other = OwnReleaseItem(settings, tmp_path / "mrk", tmp_path / "data", ChildRunner())
    other.restore({**stored, "version": "0"})
    assert not other.is_behind
    other.restore({"offered": 1})
    assert not other.is_behind
    other.restore(stored)
    assert other.is_behind


def test_which_launcher(tmp_path, monkeypatch):
    assert own_launcher() is None
    folder = tmp_path / "releases/1.0"
    folder.mkdir(parents=True)
    monkeypatch.setattr(own_item.sys, "prefix", str(folder))
    assert own_launcher() is None
    (folder / ".complete").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mrk").touch()
    assert own_launcher() == tmp_path / "bin/mrk"
