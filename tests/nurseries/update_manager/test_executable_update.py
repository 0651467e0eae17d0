"""The two files of an executable item: both are of one version, whenever the process was killed."""

import json
import os
from pathlib import Path

import pytest

from nurseries.update_manager.executable_update import _Files


class Killed(BaseException):
    """The end of the process."""


def versions(folder: Path) -> set[str]:
    described = json.loads((folder / "release_info.json").read_text())["version"]
    return {described, (folder / "tool").read_text()}


@pytest.mark.parametrize("replaced", [0, 1])
def test_taking_back_that_was_interrupted_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: int
) -> None:
    (tmp_path / "release_info.json").write_text('{"version": "v1"}')
    (tmp_path / "tool").write_text("v1")
    files = _Files(tmp_path, "tool")
    files.begin(0)
    files.new.write_text("v2")
    files.put("v2")
    assert versions(tmp_path) == {"v2"}
    done = 0

    def until_killed(path: Path, target: Path) -> None:
        nonlocal done
        if done == replaced:
            raise Killed
        done += 1
        os.replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", until_killed)
        with pytest.raises(Killed):
            files.take_back()
    assert _Files(tmp_path, "tool").resume() is not None
    assert versions(tmp_path) == ({"v1"} if replaced else {"v2"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release_info.json", "tool"]
