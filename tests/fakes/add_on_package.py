"""Distributions as pip leaves them: a module and its dist-info, in a folder on the path."""

import sys
from pathlib import Path

import pytest

DIST_INFO = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"


class AddOnFolder:
    """Installs modules; what it did ends with the test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        monkeypatch.syspath_prepend(str(folder))
        self._monkeypatch = monkeypatch

    def install(self, module: str, source: str, points: str = "", name: str = "") -> None:
        """`points` are lines of the group; without them the module offers its own name."""
        (self.folder / f"{module}.py").write_text(source)
        self._monkeypatch.delitem(sys.modules, module, raising=False)
        name = name or module.replace("_", "-")
        info = self.folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(DIST_INFO.format(name=name))
        points = points or f"{module} = {module}"
        (info / "entry_points.txt").write_text(f"[mrk.components]\n{points}\n")


def configured(folder: Path, sections: str) -> Path:
    """A configuration file with some sections more."""
    file = folder / "moonraker.conf"
    file.write_text(f"[server]\n[authorization]\n{sections}")
    return file
