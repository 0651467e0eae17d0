"""A bundle of an installation full of planted secrets, addresses and names shows none of them."""

import json
import os
import sqlite3
import stat
import tarfile
from pathlib import Path

import pytest

from config.paths import Paths, create_folders
from mrk.errors import MrkError
from mrk.jobs.schema import JOB_MIGRATIONS
from nurseries.database.importer import run_import
from nurseries.installation import support_bundle
from nurseries.installation.support_bundle import write_bundle
from nurseries.installation.target_system import HostUser

SAMPLE = Path(__file__).parents[2] / "data/moonraker_database/moonraker-sql.db"
PLANTED = {
    "mqtt password": "planted-mqtt-password",
    "secrets file": "planted-secrets-file",
    "an old one in a log": "planted-in-a-log-only",
    "camera user": "planted-camera-user",
    "address": "192.168.77.23",
    "public address": "2001:db8:77::23",
    "mac": "dc:a6:32:77:77:77",
    "host": "planted-camera.example.net",
    "person": "plantedperson",
    "database user": "planteduser",
    "mail": "planted@example.com",
    "api key": "0123456789abcdef0123456789abcdee",
    "notifier": "planted-notifier-token",
}


@pytest.fixture
def user(tmp_path: Path) -> HostUser:
    home = tmp_path / PLANTED["person"]
    home.mkdir()
    return HostUser(PLANTED["person"], os.getuid(), os.getgid(), home)


@pytest.fixture
def paths(user: HostUser, capsys: pytest.CaptureFixture[str]) -> Paths:
    paths = Paths.resolve(environ={}, data_path=user.home / "printer_data")
    create_folders(paths)
    p = PLANTED
    (paths.config / "moonraker.conf").write_text(
        f"[server]\nhost: 0.0.0.0\n[authorization]\ntrusted_clients:\n  {p['address']}\n"
        f"[mqtt]\naddress: {p['host']}\npassword: {p['mqtt password']}\n"
        f"[notifier phone]\nurl: tgram://{p['notifier']}/1\n"
        f"[webcam a]\nstream_url: rtsp://{p['camera user']}:x@{p['host']}/s\n"
    )
    (paths.config / "printer.cfg").write_text(f"# by {p['mail']}\n[mcu]\nserial: /dev/x\n")
    paths.secrets.write_text(json.dumps({"cloud": {"deep": [p["secrets file"]]}}))
    (paths.logs / "moonraker.log").write_text(
        f"login of {p['database user']} from {p['address']} {p['public address']} {p['mac']}\n"
        f"sent {p['mqtt password']} and {p['secrets file']} key {p['api key']}\n"
        f"GET /x?access_token={p['an old one in a log']} in {user.home}\n"
    )
    (paths.logs / "klippy.log").write_text("Stats 1.0: load=1\n" * 3)
    run_import(paths.data, SAMPLE, False, JOB_MIGRATIONS)
    with sqlite3.connect(paths.database / "mrk.db") as connection:
        connection.execute("UPDATE users SET username = ?", (p["database user"],))
    connection.close()
    capsys.readouterr()
    return paths


def contents(bundle: Path) -> dict[str, str]:
    with tarfile.open(bundle) as archive:
        assert all((m.uname, m.gname, m.uid, m.mtime) == ("", "", 0, 0) for m in archive)
        members = [(m.name, archive.extractfile(m)) for m in archive.getmembers()]
        return {name: file.read().decode() for name, file in members if file is not None}


def test_nothing_that_was_planted_is_in_it(paths, user, tmp_path):
    bundle = tmp_path / "bundle.tar.gz"
    page = f"warning {PLANTED['address']} may do everything in {user.home}"
    write_bundle(bundle, paths, user, page)
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    found = contents(bundle)
    everything = "\n".join([*found, *found.values()])
    for what, text in PLANTED.items():
        assert text not in everything, what
    assert {"mrk-bundle/doctor.txt", "mrk-bundle/versions.txt", "mrk-bundle/config/moonraker.conf",
            "mrk-bundle/config/printer.cfg", "mrk-bundle/logs/moonraker.log",
            "mrk-bundle/logs/klippy.log"} <= set(found)  # fmt: skip
    # The same address is the same everywhere.
    assert "<address-1>" in found["mrk-bundle/doctor.txt"]
    assert "  <address-1>\n" in found["mrk-bundle/config/moonraker.conf"]
    assert "serial: /dev/x" in found["mrk-bundle/config/printer.cfg"]


def test_a_large_log_is_cut_at_its_beginning(paths, user, tmp_path, monkeypatch):
    monkeypatch.setattr(support_bundle, "LOG_BYTES", 100)
    (paths.logs / "klippy.log").write_text("".join(f"line {n:05}\n" for n in range(1000)))
    write_bundle(tmp_path / "b.tar.gz", paths, user, "")
    kept = contents(tmp_path / "b.tar.gz")["mrk-bundle/logs/klippy.log"]
    assert kept.endswith("line 00999\n")
    assert kept.startswith("line 0099")
    assert len(kept) <= 100


def test_a_target_that_cannot_be_written(paths, user, tmp_path):
    with pytest.raises(MrkError, match="cannot be written: No such file or directory"):
        write_bundle(tmp_path / "none" / "b.tar.gz", paths, user, "")


def test_without_anything(tmp_path, user):
    paths = Paths.resolve(environ={}, data_path=tmp_path / "empty")
    write_bundle(tmp_path / "b.tar.gz", paths, user, "page")
    assert set(contents(tmp_path / "b.tar.gz")) == {
        "mrk-bundle/doctor.txt",
        "mrk-bundle/versions.txt",
    }
