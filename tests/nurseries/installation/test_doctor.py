"""Facts of `mrk doctor` that need no daemon."""

import json
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest

from config.paths import Paths
from config.settings.frontend import FrontEndSettings
from mrk.database.moonraker import SQL_NAME
from nurseries.database.importer import run_import
from nurseries.installation.doctor import Doctor, front_ends, klipper_state, who_runs
from nurseries.installation.target_system import HostUser, TargetSystem
from tests.fakes.printer_host import SAMPLE


def release(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "release_info.json").write_text(json.dumps({"version": version}))
    return folder


def test_front_ends_that_are_served_count_wherever_they_are(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "own").mkdir()
    served = [
        FrontEndSettings(name="other", path=release(tmp_path / "srv", "v3")),
        FrontEndSettings(name="mainsail", path=release(home / "mainsail", "v2")),
        FrontEndSettings(name="", path=tmp_path / "own"),
        FrontEndSettings(name="gone", path=tmp_path / "gone"),
    ]
    release(home / "fluidd", "v1")
    assert list(front_ends(home, served)) == [
        ("other", "v3"),
        ("mainsail", "v2"),
        ("own", "(version unknown)"),
        ("gone", ""),
        ("fluidd", "v1"),
    ]


@pytest.mark.parametrize(
    ("said", "trouble", "state"),
    [
        (b'{"id":1,"result":{"state":"ready"}}\x03', "", "ready"),
        (b'{"method":"notify"}\x03{"id":1,"result":{}}\x03', "", "unknown"),
        # mrk's own socket, or Moonraker's, written where Klipper's should be
        (b'{"jsonrpc":"2.0","error":{"code":-32601},"id":1}\x03', "this is not Klipper", ""),
        (b'{"id":1,"result":null}\x03', "this is not Klipper", ""),
        (b"[]\x03", "Klipper does not answer: the connection ended without an answer", ""),
        (b"", "Klipper does not answer: the connection ended without an answer", ""),
        (b"HTTP/1.1 400\x03", "Klipper does not answer: Expecting value", ""),
    ],
)
def test_what_answers_at_klippers_socket(
    tmp_path: Path, said: bytes, trouble: str, state: str
) -> None:
    path = tmp_path / "klippy_uds"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            stream = listener.accept()[0]
            with stream:
                stream.recv(65536)
                stream.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        found = klipper_state(path)
        thread.join()
    assert found[0].startswith(trouble)
    assert bool(found[0]) is bool(trouble)
    assert found[1] == state


def test_nobody_is_at_klippers_socket(tmp_path: Path) -> None:
    assert klipper_state(tmp_path / "none") == ("No such file or directory", "")


@pytest.mark.parametrize(
    ("owner", "unit", "who"),
    [("pi", "", "pi"), ("root", "", "ann"), ("root", "mrk", "root")],
    ids=["another's", "copied with sudo", "root's service"],
)
def test_who_runs_it(owner: str, unit: str, who: str) -> None:
    users = {
        name: HostUser(name, uid, uid, Path("/home", name))
        for name, uid in (("root", 0), ("pi", 1000), ("ann", 1001))
    }
    assert who_runs(users[owner], users["ann"], unit).name == who


def test_a_moonraker_that_was_not_taken_over(tmp_path: Path) -> None:
    """Who starts mrk in its place finds neither history nor users, and looks for the reason."""
    (tmp_path / "database").mkdir()
    shutil.copy(SAMPLE, tmp_path / "database" / SQL_NAME)
    paths = Paths.resolve(environ={}, data_path=tmp_path)
    me = HostUser("me", os.getuid(), os.getgid(), tmp_path)

    def told() -> list[str]:
        findings = Doctor(paths, me, TargetSystem()).findings()
        return [one.text for one in findings if one.subject == "database"]

    assert told() == ["Moonraker's history, users and settings were not taken over"]
    assert run_import(tmp_path, tmp_path, False) == 0
    assert told() == ["it is one of this mrk"]
