"""Another distribution's `config` beside, before or instead of ours."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOREIGN = "raise ImportError('this is another program')\n"


def run(path: list[Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mrk", "--version"],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("layout", ["config.py", "config/__init__.py"])
def test_a_foreign_config_first_on_the_path_is_not_ours(tmp_path: Path, layout: str) -> None:
    foreign = tmp_path / layout
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text(FOREIGN)
    done = run([tmp_path, ROOT], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mrk" in done.stdout


def test_a_config_that_was_replaced_is_told(tmp_path: Path) -> None:
    for name in ("mrk", "nurseries", "transports"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/__init__.py").write_text("")
    done = run([tmp_path], tmp_path)
    assert done.returncode == 1
    assert "its package 'config' is missing" in done.stderr
    assert "an environment of its own, such as ~/mrk-env, as its README says" in done.stderr
