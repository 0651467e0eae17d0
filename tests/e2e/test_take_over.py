"""Taking over from a Moonraker that runs, and going back to it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mrk.errors import MrkError
from nurseries.installation.install import Installation, InstallOptions, own_program
from nurseries.installation.take_over import Attempts
from tests.fakes.own_mount import passes_on_small_disk
from tests.fakes.printer_host import KIAUH, STOCK, PrinterHost, printer_host

pytestmark = pytest.mark.e2e
PATIENCE_S = 20.0


@pytest.fixture
def said() -> list[str]:
    return []


def started(machine: PrinterHost, monkeypatch: pytest.MonkeyPatch) -> PrinterHost:
    monkeypatch.setenv("PATH", machine.environ["PATH"])
    machine.host.systemctl("start", "moonraker")
    assert machine.answers(is_mrk=False)
    return machine


def installation(machine: PrinterHost, **options: Any) -> Installation:
    wanted = InstallOptions(program=own_program(), take_over=True, **options)
    return Installation(machine.host, wanted, PATIENCE_S)


def attempts(machine: PrinterHost, said: list[str]) -> Attempts:
    return Attempts(machine.host, machine.host.user("pi"), machine.data, said.append, PATIENCE_S)


@pytest.mark.parametrize("keep_name", [False, True], ids=["alias", "keep-name"])
@pytest.mark.parametrize("form", [STOCK, KIAUH], ids=["stock", "kiauh"])
def test_there_and_back(tmp_path, monkeypatch, said, form, keep_name):
    with printer_host(tmp_path, form) as machine:
        started(machine, monkeypatch)
        before, data_before = machine.files(), machine.data_files()
        installation(machine, keep_name=keep_name).install(said.append)
        assert machine.answers(is_mrk=True)
        assert machine.host.is_active("moonraker"), "the old name leads to mrk"
        # What other installers do.
        with (machine.data / "moonraker.asvc").open("a") as allowed:
            allowed.write("crowsnest\n")
        machine.host.systemctl("restart", "moonraker")
        assert machine.answers(is_mrk=True)
        jobs = json.loads(call(machine, "server.history.list"))["jobs"]
        assert len(jobs) > 1, "the history was imported"

        exported = attempts(machine, said).switch_back()
        assert machine.answers(is_mrk=False)
        assert machine.files() == before
        assert exported is not None
        found = json.loads(exported.read_text())
        assert {job["filename"] for job in jobs} <= {job["filename"] for job in found["jobs"]}
        assert found["totals"]
        assert data_before <= machine.data_files()
        with pytest.raises(MrkError, match="nothing to switch back"):
            attempts(machine, said).switch_back()


def call(machine: PrinterHost, method: str) -> str:
    words = [sys.executable, "-m", "mrk", "-d", str(machine.data), "call", method]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


def test_twice_changes_nothing(tmp_path, monkeypatch, said):
    with printer_host(tmp_path) as machine:
        started(machine, monkeypatch)
        installation(machine).install(said.append)
        before = machine.files()
        assert installation(machine, data=machine.data).is_done
        assert machine.files() == before


def test_an_mrk_that_does_not_answer_is_put_away(tmp_path, monkeypatch, said):
    with printer_host(tmp_path) as machine:
        started(machine, monkeypatch)
        before, data_before = machine.files(), machine.data_files()
        wanted = InstallOptions(program=["/bin/sh", "-c", "sleep 60", "mrk"], take_over=True)
        (machine.data / "database/moonraker-sql.db").rename(machine.data / "database/away")
        with pytest.raises(MrkError, match=r"nothing was changed: no .* within 1 s"):
            Installation(machine.host, wanted, 1.0).install(said.append)
        (machine.data / "database/away").rename(machine.data / "database/moonraker-sql.db")
        assert machine.answers(is_mrk=False)
        assert machine.files() == before
        assert machine.data_files() - {"systemd/.mrk-take-over.lock"} == data_before


def test_a_database_that_cannot_be_imported(tmp_path, monkeypatch, said):
    with printer_host(tmp_path) as machine:
        started(machine, monkeypatch)
        before = machine.files()
        (machine.data / "database/moonraker-sql.db").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
        with pytest.raises(MrkError, match="nothing was changed: the database cannot be imported"):
            installation(machine).install(said.append)
        assert machine.answers(is_mrk=False)
        assert machine.files() == before
        assert not (machine.data / "database/mrk.db").exists()


def test_not_while_printing(tmp_path, monkeypatch, said):
    with printer_host(tmp_path) as machine:
        started(machine, monkeypatch)
        (machine.data / "print_state").write_text("printing")
        taking = installation(machine)
        for step in (taking.expect_possible, lambda: taking.install(said.append)):
            with pytest.raises(MrkError, match="the printer is printing"):
                step()
        assert machine.answers(is_mrk=False)


def test_a_moonraker_that_does_not_come_back_leaves_mrk(tmp_path, monkeypatch, said):
    with printer_host(tmp_path) as machine:
        started(machine, monkeypatch)
        installation(machine).install(said.append)
        (machine.home / "moonraker/moonraker/__main__.py").write_text("raise SystemExit(1)\n")
        back = Attempts(machine.host, machine.host.user("pi"), machine.data, said.append, 1.0)
        with pytest.raises(MrkError, match="moonraker did not come back"):
            back.switch_back()
        assert machine.answers(is_mrk=True)
        assert attempts(machine, said).finished() is not None


def test_a_unit_with_drop_ins_keeps_its_name(tmp_path, monkeypatch, said):
    with printer_host(tmp_path) as machine:
        folder: Path = machine.units / "moonraker.service.d"
        folder.mkdir()
        own = f"[Service]\nExecStart=\nExecStart={sys.executable} -u -m moonraker\n"
        (folder / "override.conf").write_text(own)
        started(machine, monkeypatch)
        before = machine.files()
        installation(machine).install(said.append)
        assert machine.answers(is_mrk=True)
        attempts(machine, said).switch_back()
        assert machine.answers(is_mrk=False)
        assert machine.files() == before


def test_a_route_prefix(tmp_path, monkeypatch, said):
    with printer_host(tmp_path, route_prefix="/printers/one") as machine:
        started(machine, monkeypatch)
        installation(machine).install(said.append)
        assert machine.answers(is_mrk=True)
        attempts(machine, said).switch_back()
        assert machine.answers(is_mrk=False)


def test_a_data_folder_of_another_name(tmp_path, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "pi")
    with printer_host(tmp_path, data="printer_1_data") as machine:
        assert installation(machine).data == machine.data


def test_interrupted(tmp_path):
    passes_on_small_disk(tmp_path, "16m", "tests.e2e.take_over_moments")
