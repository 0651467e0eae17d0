"""The launcher, run by a shell: which release it starts, and when it turns back."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mrk.errors import MrkError
from mrk.installation.launcher_text import launcher_text
from nurseries.installation.releases import Releases

LIMIT_S = 2


def base(tmp_path: Path, new: str) -> Releases:
    """Two releases; 1 is a good one that says its name, `new` is what 2 does."""
    releases = Releases(tmp_path / "base")
    for version, does in (("1", "echo 1"), ("2", new)):
        folder = releases.folder(version)
        (folder / "bin").mkdir(parents=True)
        program = folder / "bin/mrk"
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
        releases.complete(version)
    releases.write_launcher()
    releases.launcher.write_text(launcher_text(LIMIT_S))
    releases.switch("1")
    assert not releases.is_pending
    return releases


def start(releases: Releases, *, by_service: bool = True) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if k != "INVOCATION_ID"}
    if by_service:
        environ["INVOCATION_ID"] = "x"
    return subprocess.run(
        [releases.launcher, "-d", "x y"], env=environ, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_the_current_one(tmp_path):
    releases = base(tmp_path, 'echo "2 $2"')
    assert start(releases).stdout == "1\n"
    releases.switch("2")
    assert start(releases).stdout == "2 x y\n"
    assert (releases.current(), releases.previous()) == ("2", "1")


def test_one_that_crashes_is_started_twice(tmp_path):
    releases = base(tmp_path, "echo 2; exit 1")
    releases.switch("2")
    said = [start(releases) for _ in range(4)]
    assert [one.stdout for one in said] == ["2\n", "2\n", "1\n", "1\n"]
    assert "did not prove itself: back to releases/1" in said[2].stderr
    assert releases.current() == "1"
    assert not releases.is_pending


def test_one_that_hangs_is_ended_and_not_started_again(tmp_path):
    releases = base(tmp_path, "exec sleep 600")
    releases.switch("2")
    began = time.monotonic()
    assert start(releases).returncode == -signal.SIGKILL
    assert time.monotonic() - began >= LIMIT_S - 1
    assert start(releases).stdout == "1\n"


def test_one_that_proves_itself_stays(tmp_path):
    releases = base(tmp_path, "echo 2")
    releases.switch("2")
    assert start(releases).stdout == "2\n"
    releases.prove()
    for _ in range(4):
        assert start(releases).stdout == "2\n"


def test_commands_do_not_count(tmp_path):
    releases = base(tmp_path, "echo 2; exit 1")
    releases.switch("2")
    for _ in range(5):
        assert start(releases, by_service=False).stdout == "2\n"
    assert releases.is_pending


def test_the_time_begins_with_the_first_start(tmp_path):
    releases = base(tmp_path, "echo 2")
    releases.switch("2")
    long_ago = time.time() - 1000
    os.utime(releases.base / "pending", (long_ago, long_ago))
    assert start(releases).stdout == "2\n"
    os.utime(releases.base / "pending", (long_ago, long_ago))
    assert start(releases).stdout == "1\n"


def test_a_release_that_vanished(tmp_path):
    releases = base(tmp_path, "echo 2")
    releases.switch("2")
    (releases.folder("2") / "bin/mrk").unlink()
    assert start(releases).stdout == "1\n"


def test_a_turn_back_that_was_interrupted(tmp_path):
    releases = base(tmp_path, "echo 2")
    releases.switch("2")
    (releases.base / "back").rename(releases.base / "current")
    for name in ("1", "2"):
        (releases.base / "starts" / name).unlink()
    assert start(releases).stdout == "1\n"
    assert not releases.is_pending


def test_only_what_is_complete_is_switched_to(tmp_path):
    releases = base(tmp_path, "echo 2")
    (releases.folder("2") / ".complete").unlink()
    with pytest.raises(MrkError, match="2 is not installed completely"):
        releases.switch("2")
    assert start(releases).stdout == "1\n"


def test_the_launcher_is_not_changed_by_a_release(tmp_path):
    releases = base(tmp_path, "echo 2")
    releases.launcher.write_text("#!/bin/sh\necho mine\n")
    releases.write_launcher()
    assert start(releases).stdout == "mine\n"


def test_two_releases_are_kept(tmp_path):
    releases = base(tmp_path, "echo 2")
    (releases.base / "releases/0/bin").mkdir(parents=True)
    (releases.base / "releases/.3.partial").mkdir()
    releases.switch("2")
    releases.prove()
    releases.tidy()
    assert {path.name for path in (releases.base / "releases").iterdir()} == {"1", "2"}


@pytest.mark.e2e
def test_killed_at_every_moment_of_a_switch(tmp_path):
    """The old or the new release starts, also after three starts that crash."""
    counted = tmp_path / "counted"
    moment, started = 1, set()
    while True:
        folder = tmp_path / str(moment)
        releases = base(folder, "echo 2; exit 1")
        done = subprocess.run(
            [sys.executable, "-m", "tests.fakes.at_event", str(moment), "kill", str(counted),
             "tests.fakes.switch_program", str(releases.base), "2"],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        said = [start(releases).stdout for _ in range(4)]
        assert set(said) <= {"1\n", "2\n"}, moment
        assert said[-1] == "1\n", "a release that crashes is given up"
        started.add(said[0])
        if done.returncode == 0:
            break
        moment += 1
    assert started == {"1\n", "2\n"}
    assert moment > 8


def test_the_launcher_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """An empty one, which a power cut would leave, is not written again."""
    releases, synced = Releases(tmp_path), []

    def noted(_descriptor):
        synced.append([path.read_text() for path in releases.launcher.parent.iterdir()])

    monkeypatch.setattr(os, "fsync", noted)
    releases.write_launcher()
    assert synced[0] == [launcher_text()]
    assert releases.launcher.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in releases.launcher.parent.iterdir()] == ["mrk"]
