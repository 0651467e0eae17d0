"""`mrk frontend`, as it is typed."""

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nurseries.command_line.main import main

INFO = '{"project_name": "fluidd", "project_owner": "fluidd-core", "version": "v1.3"}'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data/config").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "fluidd-1.3.zip", "w") as zipped:
        zipped.writestr("index.html", "<html>")
        zipped.writestr("release_info.json", INFO)
    return tmp_path


def frontend(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["-d", str(home / "data"), "frontend", *arguments])


def conf(home: Path) -> Path:
    return home / "data/config/moonraker.conf"


@pytest.mark.e2e
def test_install_list_and_remove(home: Path) -> None:
    conf(home).write_text("[server]\n[update_manager]\n")
    archive = str(home / "fluidd-1.3.zip")
    done = frontend(home, "install", archive, "--yes", "--prefix", "/f")
    assert done.exit_code == 0, done.output
    assert (home / "fluidd/index.html").exists()
    text = conf(home).read_text()
    assert text.startswith("[server]\n[update_manager]\n\n[frontend fluidd]\n")
    assert "prefix: /f\n" in text
    assert "repo: fluidd-core/fluidd\n" in text
    listed = frontend(home, "list")
    assert "v1.3" in listed.output
    assert ":7125/f/" in listed.output
    removed = frontend(home, "remove", "fluidd", "--yes")
    assert removed.exit_code == 0, removed.output
    assert conf(home).read_text() == "[server]\n[update_manager]\n"
    assert not (home / "fluidd").exists()
    assert "no [frontend]" in frontend(home, "list").output


@pytest.mark.e2e
def test_without_an_update_manager_there_is_no_item(home: Path) -> None:
    conf(home).write_text("[server]\n")
    frontend(home, "install", str(home / "fluidd-1.3.zip"), "--yes")
    assert "[update_manager" not in conf(home).read_text()


@pytest.mark.e2e
def test_items_alone_are_an_update_manager(home: Path) -> None:
    before = f"[server]\n[update_manager screen]\ntype: web\npath: {home}/s\nrepo: a/b\n"
    conf(home).write_text(before)
    frontend(home, "install", str(home / "fluidd-1.3.zip"), "--yes")
    assert "[update_manager fluidd]" in conf(home).read_text()


@pytest.mark.e2e
def test_a_section_that_is_there_stays_and_is_told(home: Path) -> None:
    conf(home).write_text("[server]\n")
    archive = str(home / "fluidd-1.3.zip")
    first = frontend(home, "install", archive, "--yes", "--port", "8081")
    assert "is there already" not in first.output
    before = conf(home).read_text()
    again = frontend(home, "install", archive, "--yes", "--port", "8082")
    assert again.exit_code == 0, again.output
    assert "[frontend fluidd] is there already, and stays as it is" in again.output
    assert conf(home).read_text() == before


@pytest.mark.e2e
def test_what_cannot_be_written_is_printed(home: Path) -> None:
    (home / "data/config/mrk.toml").write_text("[server]\n")
    done = frontend(home, "install", str(home / "fluidd-1.3.zip"), "--yes")
    assert done.exit_code == 0
    assert "is TOML" in done.output
    assert "[frontend fluidd]" in done.output


@pytest.mark.e2e
def test_the_hash_beside_a_file_counts(home: Path) -> None:
    conf(home).write_text("[server]\n")
    beside = home / "fluidd-1.3.zip.sha256"
    beside.write_text("0" * 64 + "  fluidd-1.3.zip\n")
    refused = frontend(home, "install", str(home / "fluidd-1.3.zip"), "--yes")
    assert refused.exit_code == 1
    assert "has not the SHA-256" in refused.output
    beside.write_text("nothing")
    assert "holds no SHA-256" in frontend(home, "install", str(beside)[:-7], "--yes").output
    assert not (home / "fluidd").exists()


@pytest.mark.e2e
@pytest.mark.parametrize(
    "names",
    [
        {"project_name": "m\npath: /m\n\n[authorization]\nforce_logins: False", "version": "v1"},
        {"project_name": "my front end", "version": "v1"},
        {"project_name": "m", "version": "v1\x1b[2J"},
    ],
)
def test_an_archive_writes_nothing_of_its_own(home: Path, names: dict[str, str]) -> None:
    """Its author chose the names in it; they are no lines of our configuration."""
    conf(home).write_text("[server]\n[update_manager]\n")
    archive = home / "m.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("index.html", "<html>")
        zipped.writestr("release_info.json", json.dumps({"project_owner": "o", **names}))
    done = frontend(home, "install", str(archive), "--yes")
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    text = f"[server]\n[update_manager]\n\n[frontend m]\npath: {home}/m\n"
    assert conf(home).read_text() == text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["install", "nothing", "--yes"], "is not known"),
        (["install", "missing.zip", "--yes"], "there is no file"),
        (["install", "a.zip", "--yes", "--name", "../x"], "is not a name"),
        (["install", "a.zip", "--yes", "--sha256", "1"], "is not a SHA-256"),
        (["install", "a.zip", "--yes", "--prefix", "/a b"], '"/a b" is not a path'),
        (["remove", "nothing", "--yes"], "there is no [frontend nothing]"),
    ],
)
def test_mistakes(home: Path, arguments: list[str], told: str) -> None:
    conf(home).write_text("[server]\n")
    done = frontend(home, *arguments)
    assert done.exit_code == 1
    assert told in done.output


def test_a_mistake_is_told_before_the_question(home: Path) -> None:
    for what, told in (
        ("nothing", "'nothing' is not known"),
        ("no.zip", "there is no file no.zip"),
    ):
        done = frontend(home, "install", what)
        assert (done.exit_code, "[Y/n]" in done.output) == (1, False)
        assert told in done.output
