"""`mrk install-service` in a folder that stands for /: what is written, twice, and undone."""

import hashlib
import json
import os
import stat
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from config.check import check, has_errors
from config.paths import Paths
from mrk.errors import MrkError
from nurseries.command_line.main import main
from nurseries.installation.install import Installation, InstallOptions, own_program
from nurseries.installation.service_files import PlannedFile, is_there
from nurseries.installation.take_over import Attempts
from nurseries.installation.target_system import TargetSystem, Unreadable
from tests.fakes.without_rights import without_rights


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("etc/polkit-1/rules.d", "etc/systemd/system", "home/pi"):
        (tmp_path / folder).mkdir(parents=True)
    who = f"pi:x:{os.getuid()}:{os.getgid()}:Pi:/home/pi:/bin/sh\n"
    (tmp_path / "etc/passwd").write_text(f"root:x:0:0::/root:/bin/sh\n{who}broken\n")
    return tmp_path


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def mrk(root: Path, *words: str, given: str | None = None) -> tuple[int, str]:
    arguments = ["install-service", "--root", str(root), "--user", "pi", *words]
    result = CliRunner().invoke(main, arguments, input=given)
    return result.exit_code, result.output


def test_what_is_written(root):
    code, output = mrk(root, given="y\n")
    assert code == 0, output
    unit = (root / "etc/systemd/system/mrk.service").read_text()
    assert "User=pi\n" in unit
    assert "/bin/mrk -d /home/pi/printer_data\n" in unit
    link = root / "etc/systemd/system/multi-user.target.wants/mrk.service"
    assert str(link.readlink()) == "/etc/systemd/system/mrk.service"
    assert 'subject.user == "pi"' in (root / "etc/polkit-1/rules.d/mrk.rules").read_text()
    data = root / "home/pi/printer_data"
    assert "crowsnest\n" in (data / "moonraker.asvc").read_text()
    for path in tree(root):
        if path != "etc/passwd" and "mrk-install" not in path:
            assert f"write /{path}\n" in output
    assert stat.S_IMODE((root / "etc/systemd/system/mrk.service").stat().st_mode) == 0o644


def test_a_folder_that_only_polkit_may_see():
    """As on Debian, where a user's `mrk install-service` ended with "Permission denied"."""
    with tempfile.TemporaryDirectory() as name:
        folder, rules = Path(name), Path(name) / "rules.d"
        rules.mkdir()
        (rules / "mrk.rules").write_text("old")
        folder.chmod(0o755)
        rules.chmod(0)
        with without_rights():
            host = TargetSystem(folder)
            assert not is_there(host, PlannedFile(path="/rules.d/mrk.rules", text="new"))
            with pytest.raises(Unreadable, match=r"rules\.d/mrk\.rules cannot be read"):
                host.text("/rules.d/mrk.rules")
        rules.chmod(0o700)


def test_the_configuration_is_a_good_one(root):
    for words in ([], ["--lan"]):
        mrk(root, "--yes", *words)
        file = root / "home/pi/printer_data/config/moonraker.conf"
        lines = check(file, Paths.resolve(environ={}, data_path=root / "home/pi/printer_data"))
        assert not has_errors(lines), lines
        assert ("192.168.0.0/16" in file.read_text()) is bool(words)
        mrk(root, "--uninstall", "--yes")


def test_twice_changes_nothing(root):
    mrk(root, "--yes")
    before = tree(root)
    code, output = mrk(root)
    assert (code, output) == (0, "Everything is as it should be; nothing was changed.\n")
    assert tree(root) == before


def test_uninstall_removes_exactly_that(root):
    before = tree(root)
    folders = {path for path in root.rglob("*") if path.is_dir()}
    mrk(root, "--yes")
    assert tree(root) != before
    code, output = mrk(root, "--uninstall", "--yes")
    assert code == 0, output
    assert tree(root) == before
    left = {path for path in root.rglob("*") if path.is_dir()} - folders
    assert {path.name for path in left} == {"multi-user.target.wants"}


def test_what_was_changed_since_stays(root):
    mrk(root, "--yes")
    configuration = root / "home/pi/printer_data/config/moonraker.conf"
    configuration.write_text("[server]\n")
    code, output = mrk(root, "--uninstall", "--yes")
    assert code == 0
    assert "left, because it was changed: /home/pi/printer_data/config/moonraker.conf" in output
    assert configuration.read_text() == "[server]\n"


def test_a_configuration_that_is_there_is_left_alone(root):
    config = root / "home/pi/printer_data/config"
    config.mkdir(parents=True)
    (config / "moonraker.conf").write_text("[server]\n")
    mrk(root, "--yes")
    assert (config / "moonraker.conf").read_text() == "[server]\n"
    mrk(root, "--uninstall", "--yes")
    assert (config / "moonraker.conf").read_text() == "[server]\n"


def test_a_dry_run_shows_and_writes_nothing(root):
    before = tree(root)
    code, output = mrk(root, "--dry-run")
    assert code == 0
    assert "--- /etc/systemd/system/mrk.service\n" in output
    assert "WatchdogSec=30" in output
    assert tree(root) == before


def test_no_is_an_answer(root):
    before = tree(root)
    code, output = mrk(root, given="n\n")
    assert code == 1
    assert "Go on?" in output
    assert tree(root) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--name", "-x"], "is not the name of a unit"),
        (["--user", "nobody-here"], "there is no user 'nobody-here'"),
        (["--take-over"], "--take-over needs the running system"),
        (["--uninstall"], "nothing was installed"),
    ],
)
def test_mistakes(root, words, told):
    code, output = mrk(root, "--yes", *words)
    assert code == 1
    assert told in output


def test_somebody_elses_unit_is_not_overwritten(root):
    (root / "etc/systemd/system/mrk.service").write_text("[Service]\nExecStart=/bin/other\n")
    code, output = mrk(root, "--yes")
    assert code == 1
    assert "is somebody else's: choose another --name" in output
    assert mrk(root, "--yes", "--name", "mrk-2")[0] == 0


def test_a_second_printer_takes_no_unit_of_the_first(root):
    """Its unit would start the second one, and either's uninstall would remove both."""
    assert mrk(root, "--yes")[0] == 0
    before = tree(root)
    second = ("--yes", "--data", "/home/pi/my 100%_data")
    code, output = mrk(root, *second)
    assert code == 1
    assert "mrk.service serves /home/pi/printer_data: choose another --name" in output
    assert tree(root) == before
    assert mrk(root, *second, "--name", "mrk-2")[0] == 0
    # From now on each is known by its folder.
    assert "nothing was changed" in mrk(root, *second)[1]
    assert "nothing was changed" in mrk(root, "--yes")[1]
    assert "serves /home/pi/my 100%_data" in mrk(root, "--yes", "--name", "mrk-2")[1]
    assert "stop mrk-2.service" in mrk(root, *second, "--uninstall")[1]
    assert tree(root) == before
    assert mrk(root, *second, "--uninstall") == (
        1, "Error: nothing was installed in /home/pi/my 100%_data\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "own"), [("moonraker", "mrk"), ("moonraker-2", "mrk-2"), ("moonraker-big", "mrk-big")]
)
def test_each_printer_is_taken_over_by_a_unit_of_its_own(root, old, own):
    assert mrk(root, "--yes", "--data", "/home/pi/other_data", "--name", "mrk-1")[0] == 0
    unit = "[Service]\nUser=pi\nExecStart=/x/python -m moonraker -d /home/pi/printer_2_data\n"
    (root / f"etc/systemd/system/{old}.service").write_text(unit)
    host = TargetSystem(root, is_live=True)
    wanted = InstallOptions(program=["mrk"], take_over=True)
    told = Installation(host, wanted).told()
    assert f"make /etc/systemd/system/{old}.service an alias of {own}.service" in told
    assert f"write /etc/polkit-1/rules.d/{own}.rules" in told
    with pytest.raises(MrkError, match=r"mrk-1\.service serves /home/pi/other_data"):
        Installation(host, msgspec.structs.replace(wanted, name="mrk-1"))


def test_a_data_folder_that_was_moved_keeps_its_unit(root):
    assert mrk(root, "--yes")[0] == 0
    home = root / "home/pi"
    (home / "printer_data").rename(home / "printer_1_data")
    assert mrk(root, "--yes", "--data", "/home/pi/printer_1_data")[0] == 0
    unit = (root / "etc/systemd/system/mrk.service").read_text()
    assert "/bin/mrk -d /home/pi/printer_1_data\n" in unit
    # By another name of the folder it is the same one.
    (home / "printer_data").symlink_to("printer_1_data")
    assert mrk(root, "--yes")[0] == 0


def test_a_moonraker_of_the_same_folder_is_named(root):
    unit = "[Service]\nUser=pi\nExecStart=/x/python -m moonraker -d /home/pi/printer_data\n"
    (root / "etc/systemd/system/moonraker.service").write_text(unit)
    code, output = mrk(root, "--yes")
    assert code == 1
    assert "--take-over replaces it" in output
    assert mrk(root, "--yes", "--data", "/home/pi/printer_2_data")[0] == 0
    (root / "mnt/ssd").mkdir(parents=True)
    (root / "home/pi/printer_data").symlink_to("../../mnt/ssd")
    assert "--take-over replaces it" in mrk(root, "--yes", "--data", "/mnt/ssd")[1]


def test_a_linked_data_folder_is_known_by_either_path(root):
    (root / "mnt/ssd").mkdir(parents=True)
    (root / "home/pi/printer_data").symlink_to("../../mnt/ssd")
    start = "/x/python -m moonraker -d /home/pi/printer_data -c /mnt/a.conf"
    unit = f"[Service]\nUser=pi\nExecStart={start}\n"
    (root / "etc/systemd/system/moonraker.service").write_text(unit)
    host = TargetSystem(root, is_live=True)
    wanted = InstallOptions(program=["mrk"], take_over=True, data=Path("/mnt/ssd"))
    installation = Installation(host, wanted)
    assert installation.data == Path("/home/pi/printer_data"), "as the unit says"
    # The configuration is where Moonraker's is: one in the data folder would be read by nobody.
    assert "moonraker.conf" not in " ".join(installation.told())


def test_a_full_disk_leaves_no_half_file(root, monkeypatch):
    installation = Installation(
        TargetSystem(root), InstallOptions(program=own_program(), user="pi")
    )
    monkeypatch.setattr("nurseries.installation.target_system._WRITE", "echo full >&2; exit 1")
    with pytest.raises(MrkError, match="full"):
        installation.install(print)
    assert not list((root / "etc").rglob("*.part"))
    assert not (root / "etc/systemd/system/mrk.service").exists()


def test_without_rights_commands_go_through_sudo(root, monkeypatch, tmp_path):
    """Also as root here: what counts is who is asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    sudo = folder / "sudo"
    sudo.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/asked\nexec "$@"\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    installation = Installation(
        TargetSystem(root), InstallOptions(program=own_program(), user="pi")
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    installation.install(print)
    assert (root / "etc/systemd/system/mrk.service").exists()
    assert set((tmp_path / "asked").read_text().split()) == {"mkdir", "sh", "ln", "mv"}
    assert sys.executable


def test_a_root_owned_service_needs_a_name(root, monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(MrkError, match="Name him with --user"):
        Installation(TargetSystem(root), InstallOptions(program=own_program()))


def test_options_of_the_daemon_go_into_the_unit(root):
    words = ["-c", "/etc/my printer.conf", "-v", "install-service", "--root", str(root)]
    result = CliRunner().invoke(main, [*words, "--user", "pi", "--yes"])
    assert result.exit_code == 0, result.output
    unit = (root / "etc/systemd/system/mrk.service").read_text()
    assert '/bin/mrk -d /home/pi/printer_data -c "/etc/my printer.conf" -v\n' in unit
    assert not (root / "home/pi/printer_data/config/moonraker.conf").exists()


def test_what_would_be_without_effect_is_refused(root):
    assert mrk(root, "--keep-name") == (1, "Error: --keep-name is for --take-over\n")
    host = TargetSystem(root, is_live=True)
    wanted = InstallOptions(program=["mrk"], take_over=True, daemon={"verbose": True})
    with pytest.raises(MrkError, match="leave out what stands before install-service"):
        Installation(host, wanted)


def test_uninstall_names_what_is_there(root):
    code, output = mrk(root, "--uninstall")
    assert (code, output) == (1, "Error: nothing was installed in /home/pi/printer_data\n")
    mrk(root, "--yes", "--name", "second")
    assert "stop second.service" in mrk(root, "--uninstall", "--yes")[1]


def test_what_is_told_at_the_end_can_be_copied_into_a_shell(root):
    output = mrk(root, "--yes", "--data", "/home/pi/my data")[1]
    assert f"{own_program()[0]} -d '/home/pi/my data' doctor\n" in output


def test_the_lock_of_a_take_over_is_not_another_file(root):
    """Root would give it to the user whose data folder it is."""
    folder = root / "home/pi/printer_data/systemd"
    folder.mkdir(parents=True)
    shadow = root / "etc/shadow"
    shadow.write_text("root:secret")
    (folder / ".mrk-take-over.lock").symlink_to(shadow)
    (folder / "mrk-take-over.trying.json").write_text("{}")
    host = TargetSystem(root)
    attempts = Attempts(host, host.user("pi"), Path("/home/pi/printer_data"), print)
    with pytest.raises(MrkError, match=r"mrk-take-over\.lock: Too many levels of symbolic links"):
        attempts.recover_interrupted()
    assert shadow.read_text() == "root:secret"


def test_a_host_without_systemd(tmp_path, monkeypatch):
    monkeypatch.setattr("os.path.isdir", lambda _path: False)
    wanted = InstallOptions(program=["mrk"], user="nobody", data=tmp_path / "data")
    with pytest.raises(MrkError, match="systemd does not run here"):
        Installation(TargetSystem(), wanted).expect_possible()
    assert not (tmp_path / "data").exists()


def test_uninstall_removes_nothing_that_the_user_wrote_into_its_record(root):
    """It may be root who runs it, and the record is the user's."""
    assert mrk(root, "--yes")[0] == 0
    data = root / "home/pi/printer_data"
    others = {
        "etc/shadow": "root:*:",
        "etc/systemd/system/sshd.service": "[Unit]\n",
        "etc/polkit-1/rules.d/wheel.rules": "polkit.addRule(",
        "home/other/notes": "mine",
    }
    for name, text in others.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    (wants / "sshd.service").symlink_to("/etc/systemd/system/sshd.service")
    (root / "home/empty").mkdir()
    path = data / "systemd/mrk-install.json"
    record = json.loads(path.read_text())
    foreign = [*(f"/{name}" for name in others), f"/{wants.relative_to(root)}/sshd.service"]
    record["system"] += [*foreign[:3], foreign[4], "/etc/systemd/system/../../shadow"]
    note = hashlib.sha256(b"mine").hexdigest()
    record["users"] |= {foreign[3]: note, f"{data}/../../other/notes": note}
    record["folders"].append("/home/empty")
    path.write_text(json.dumps(record))
    code, output = mrk(root, "--uninstall", "--yes")
    assert code == 0, output
    assert {name: (root / name).read_text() for name in others} == others
    assert (wants / "sshd.service").is_symlink()
    assert (root / "home/empty").is_dir()
    assert all(one in output for one in foreign)
    assert not (root / "etc/systemd/system/mrk.service").exists()
    assert not (wants / "mrk.service").is_symlink()
    assert not (root / "etc/polkit-1/rules.d/mrk.rules").exists()
    assert not data.exists()
