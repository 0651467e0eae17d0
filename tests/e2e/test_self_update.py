"""Updates of mrk from a folder: real environments, real signatures, lies, and `kill -9`."""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from config import whole_file
from config.paths import Paths, create_folders
from mrk.errors import MrkError
from nurseries.installation import daemon_probe, self_update
from nurseries.installation.release_source import ReleaseSource, read_origin
from nurseries.installation.releases import Releases
from nurseries.installation.self_update import SelfUpdate
from tests.e2e.processes import run_demo
from tests.fakes.own_mount import passes_on_small_disk
from tests.fakes.release_wheels import SmallReleases

pytestmark = pytest.mark.e2e
POINTS = 8


class Machine:
    def __init__(self, tmp_path: Path) -> None:
        self.paths = Paths.resolve(environ={}, data_path=tmp_path / "data")
        create_folders(self.paths)
        self.releases = Releases(tmp_path / "base")
        self.offered = SmallReleases(tmp_path / "offered")
        self.said: list[str] = []
        self.releases.write_launcher()
        folder = self.releases.folder("1.0.0")
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/mrk").write_text("#!/bin/sh\necho release 1.0.0\n")
        (folder / "bin/mrk").chmod(0o755)
        self.releases.complete("1.0.0")
        self.releases.switch("1.0.0")

    @property
    def source(self) -> ReleaseSource:
        return ReleaseSource(str(self.offered.folder), self.offered.public_key)

    @property
    def update(self) -> SelfUpdate:
        return SelfUpdate(self.releases, self.paths, "", self.said.append)

    def runs(self) -> str:
        done = subprocess.run(
            [self.releases.launcher], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.split()[1]

    def folders(self) -> set[str]:
        return {path.name for path in (self.releases.base / "releases").iterdir()}


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_to_a_newer_one(machine, monkeypatch):
    machine.offered.offer("1.1.0")
    release = machine.source.look()
    synced = []
    folder = machine.releases.folder("1.1.0")

    def noted(_descriptor):
        synced.append((folder / ".complete").exists())
        return True

    monkeypatch.setattr(whole_file, "_syncfs", noted)
    machine.update.install(machine.source, release)
    assert synced == [False]
    assert machine.runs() == "1.0.0"
    assert machine.update.switch("1.1.0") is False
    assert machine.runs() == "1.1.0"
    assert machine.releases.is_pending
    machine.releases.prove()
    assert machine.update.outcome("1.1.0")
    # A second time it is there already.
    machine.update.install(machine.source, release)
    assert machine.said[-1] == "1.1.0 is installed already"


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({"sha256": "0" * 64}, "has another hash"),
        ({"size_bytes": 10}, "has another size"),
        ({"size_bytes": 10_000_000}, "has another size"),
        ({"url": "none.tar"}, "none.tar"),
        ({"url": "ftp://x/none.tar"}, "expected an http"),
        ({"fails": "check-config"}, "this release fails at check-config"),
        ({"fails": "probe"}, "this release fails at probe"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else "",
)
def test_lies_leave_the_old_one(machine, lie, told):
    machine.offered.offer("1.1.0", **lie)
    with pytest.raises(MrkError, match=rf"1\.1\.0 was not installed: .*{told}"):
        machine.update.install(machine.source, machine.source.look())
    assert machine.runs() == "1.0.0"
    assert machine.folders() == {"1.0.0"}


def test_a_changed_document_is_not_believed(machine):
    machine.offered.offer("1.1.0")
    file = machine.offered.folder / "release.json"
    file.write_bytes(file.read_bytes().replace(b"1.1.0", b"1.2.0"))
    with pytest.raises(MrkError, match="has no good signature"):
        machine.source.look()


def test_no_room(machine, monkeypatch):
    machine.offered.offer("1.1.0")
    monkeypatch.setattr(self_update, "_MARGIN_BYTES", 1 << 60)
    with pytest.raises(MrkError, match="bytes are needed"):
        machine.update.install(machine.source, machine.source.look())
    assert machine.folders() == {"1.0.0"}


def test_not_while_printing(machine, monkeypatch):
    monkeypatch.setattr(daemon_probe, "printing", lambda _socket: "printing")
    with pytest.raises(MrkError, match="the printer is printing"):
        machine.update.switch("1.0.0")


def test_by_http(machine):
    machine.offered.offer("1.1.0")
    handler = functools.partial(QuietHandler, directory=str(machine.offered.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            place = f"http://127.0.0.1:{server.server_port}"
            source = ReleaseSource(place, machine.offered.public_key)
            target = machine.releases.base / "archive"
            (archive,) = source.look().archives.values()
            source.fetch(archive, target)
            assert target.read_bytes() == (machine.offered.folder / "mrk-1.1.0.tar").read_bytes()
            with pytest.raises(MrkError, match="File not found"):
                ReleaseSource(f"{place}/none", machine.offered.public_key).look()
        finally:
            server.shutdown()
            thread.join()
    with pytest.raises(MrkError, match="refused"):
        ReleaseSource(place, machine.offered.public_key).look()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_mrk_from_source_says_so(tmp_path):
    with pytest.raises(MrkError, match="installed from source"):
        read_origin(tmp_path / "none")


def test_killed_at_many_moments(machine):
    """Whatever is half there, the old release runs, or the new one; and it can be done again."""
    machine.offered.offer("1.1.0")
    counted = machine.releases.base / "counted"
    total, outcomes = 0, []
    for point in range(POINTS):
        moment = total * point // POINTS
        subprocess.run(
            [sys.executable, "-m", "tests.fakes.at_event", str(moment), "kill", str(counted),
             "tests.fakes.self_update_program", str(machine.releases.base),
             str(machine.paths.data), str(machine.offered.folder)],
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        who = machine.runs()
        assert who in ("1.0.0", "1.1.0"), moment
        outcomes.append(who)
        total = int(counted.read_text())
        assert total > 20
        back_to_the_old(machine)
    assert outcomes[0] == "1.1.0"
    assert "1.0.0" in outcomes[1:]


@pytest.mark.strangers
def test_a_full_disk_at_many_points(tmp_path, monkeypatch):
    """The old one runs, or the new one. It takes minutes: each point is an environment."""
    monkeypatch.setenv("POINTS", "20")
    passes_on_small_disk(tmp_path, "160m", "tests.e2e.full_disk_of_self_update")


def back_to_the_old(machine: Machine) -> None:
    machine.releases.prove()
    machine.releases._link("current", "1.0.0")
    shutil.rmtree(machine.releases.folder("1.1.0"), ignore_errors=True)


def test_probe_answers_beside_a_daemon(tmp_path):
    with run_demo(tmp_path) as daemon:
        words = [sys.executable, "-m", "mrk", "-d", str(daemon.folder), "probe"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "starts and answers" in done.stdout
        with daemon.connect() as client:
            assert client.call("server.info")["klippy_state"] == "ready"
