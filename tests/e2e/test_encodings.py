"""Names that are not ASCII, in commands under any locale."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
# Python would make UTF-8 of the C locale, but not of a Latin-1 one, which few machines have.
NOT_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def said(*words: str, given: str = "", **environ: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "mrk", *words],
        input=given.encode(), capture_output=True, env={**os.environ, **environ}, timeout=60,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_another_locale(tmp_path: Path) -> None:
    folder = tmp_path / "Düse"
    (folder / "config").mkdir(parents=True)
    (folder / "config/moonraker.conf").write_text("[server]\n[webcam Käfer]\nstream_url: /ü\n")
    words = ("-d", str(folder))
    for command, answer in (
        (("user", "add", "Jürgen"), "User 'Jürgen' was added as admin.\n"),
        (("template", "webcam Käfer.stream_url"), "/ü\n"),
        (("backup", "list"), f"There are no backups in {folder}/backup/installation.\n"),
    ):
        found = said(*words, *command, given="a password", **NOT_UTF8)
        assert found == (0, answer.encode(), b""), command


def test_names_that_are_no_text(tmp_path: Path) -> None:
    code, out, error = said("backup", "list", "--folder", os.fsdecode(b"/nowhere\xff"))
    assert (code, out, error) == (0, b"There are no backups in /nowhere\xff.\n", b"")
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    code, out, error = said("-d", folder, "user", "list")
    assert (code, out) == (1, b"")
    assert b"the data folder's name is not UTF-8" in error
