"""`kill -9` at many moments of a restore: the configuration is the old or the new one, whole."""

import subprocess
import sys

import pytest

from config.paths import Paths, create_folders
from nurseries.installation.backup import create_backup
from tests.e2e.processes import run_demo

pytestmark = pytest.mark.e2e
POINTS = 20


def configuration(paths: Paths) -> dict[str, str]:
    return {path.name: path.read_text() for path in paths.config.iterdir()}


def test_old_or_new(tmp_path):
    paths = Paths.resolve(environ={}, data_path=tmp_path / "data")
    create_folders(paths)
    for number in range(3):
        (paths.config / f"{number}.cfg").write_text("new")
    archive = create_backup(paths, tmp_path, with_secrets=True)
    new = configuration(paths)
    outcomes = set()
    counted = tmp_path / "counted"
    moment, step = 0, 1
    while True:
        for number in range(3):
            (paths.config / f"{number}.cfg").write_text("old")
        old = configuration(paths)
        done = subprocess.run(
            [sys.executable, "-m", "tests.fakes.at_event", str(moment), "kill", str(counted),
             "mrk.__main__", "-d", str(paths.data), "backup", "restore", str(archive), "--yes"],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        found = configuration(paths)
        assert found in (old, new), moment
        outcomes.add((moment > 0, found == new))
        if moment == 0:
            assert done.returncode == 0, done.stderr
            step = max(1, int(counted.read_text()) // POINTS)
        elif done.returncode == 0:
            break
        moment += step
    assert outcomes == {(False, True), (True, False), (True, True)}


def test_a_daemon_takes_it_at_once(tmp_path):
    with run_demo(tmp_path) as daemon:
        item = {"namespace": "x", "key": "a"}

        def mrk(*words: str) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "mrk", "-d", str(daemon.folder), "backup", *words],
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
            return done.stdout.strip()

        with daemon.connect() as client:
            client.call("server.database.post_item", value="before", **item)
            archive = mrk("create")
            client.call("server.database.post_item", value="after", **item)
            client.call("printer.print.start", filename="calibration_cube.gcode")
        refused = subprocess.run(
            [sys.executable, "-m", "mrk", "-d", str(daemon.folder), "backup", "restore", archive,
             "--yes"], capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert refused.returncode == 1
        assert "the printer is printing" in refused.stderr
        with daemon.connect() as client:
            client.call("printer.print.cancel")
        mrk("restore", archive, "--yes")
        daemon.notices.until("READY=1")
        with daemon.connect() as client:
            assert client.call("server.database.get_item", **item)["value"] == "before"
