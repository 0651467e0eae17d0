"""`mrk doctor` beside a daemon, and without one."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from nurseries.process.free_ports import free_port
from tests.e2e.processes import run_demo
from tests.fakes.printer_host import PrinterHost

pytestmark = pytest.mark.e2e


def doctor(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mrk", "-d", str(folder), "doctor", *map(str, words)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_daemon_that_is_well(tmp_path):
    with run_demo(tmp_path) as daemon:
        result = doctor(daemon.folder, "--bundle", tmp_path / "bundle.tar.gz")
        assert result.stderr == ""
        assert result.returncode == 0, result.stdout
        for told in (
            "ok       Klipper        it answers and is ready",
            f"ok       ports          mrk answers on {daemon.port}",
            "ok       configuration  no mistakes",
            "ok       database       it is one of this mrk",
            "note     access         from 127.0.0.0/8, ::1/128: no log-in",
            "warning  service        mrk is not a service",
        ):
            assert told in result.stdout, result.stdout
    with tarfile.open(tmp_path / "bundle.tar.gz") as archive:
        names = archive.getnames()
    for method in ("server.info", "server.nurseries", "machine.system_info"):
        assert f"mrk-bundle/answers/{method}.json" in names


def test_a_daemon_that_is_not_there(tmp_path):
    folder = tmp_path / "data"
    (folder / "config").mkdir(parents=True)
    port = free_port()
    (folder / "config/moonraker.conf").write_text(f"[server]\nport: {port}\n[mqtt]\nport: x\n")
    result = doctor(folder)
    assert result.returncode == 1
    assert f"nobody listens on {port}" in result.stdout
    assert "/tmp/klippy_uds" in result.stdout
    assert f"mkdir -p {folder}/gcodes" in result.stdout
    assert "[mqtt] address" in result.stdout
    assert "Traceback" not in result.stderr


def test_a_database_that_this_mrk_cannot_use(tmp_path):
    """After a downgrade: the daemon ends at once, and its page is what people look at."""
    file = tmp_path / "data/database/mrk.db"
    file.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE schema_version (owner TEXT, version INTEGER)")
        connection.execute("INSERT INTO schema_version VALUES ('history', 99), ('later', 1)")
    result = doctor(tmp_path / "data")
    assert "ERROR    database       written by a newer mrk (history)" in result.stdout
    file.write_bytes(b"no database")
    assert f"{file} cannot be read: " in doctor(tmp_path / "data").stdout


def test_somebody_else_has_the_port(tmp_path):
    machine = PrinterHost(tmp_path)
    import socket

    with socket.create_server(("127.0.0.1", machine.port)):
        result = doctor(machine.data)
    name = Path(f"/proc/{os.getpid()}/comm").read_text().strip()
    assert f"port {machine.port} is {name}'s" in result.stdout


def test_a_folder_that_does_not_exist(tmp_path):
    result = doctor(tmp_path / "none")
    assert result.returncode == 1
    assert f"{tmp_path}/none is missing" in result.stdout
    assert "Traceback" not in result.stderr
