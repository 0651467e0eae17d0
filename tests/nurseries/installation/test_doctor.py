"""Facts of `mrk doctor` that need no daemon."""

import json
from pathlib import Path

from config.settings.frontend import FrontEndSettings
from nurseries.installation.doctor import front_ends


def release(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "release_info.json").write_text(json.dumps({"version": version}))
    return folder


def test_front_ends_that_are_served_count_wherever_they_are(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "own").mkdir()
    served = [
        FrontEndSettings(name="other", path=release(tmp_path / "srv", "v3")),
        FrontEndSettings(name="mainsail", path=release(home / "mainsail", "v2")),
        FrontEndSettings(name="", path=tmp_path / "own"),
        FrontEndSettings(name="gone", path=tmp_path / "gone"),
    ]
    release(home / "fluidd", "v1")
    assert list(front_ends(home, served)) == [
        ("other", "v3"),
        ("mainsail", "v2"),
        ("own", "(version unknown)"),
        ("gone", ""),
        ("fluidd", "v1"),
    ]
