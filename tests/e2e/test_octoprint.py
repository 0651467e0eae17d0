"""Slicers that only know OctoPrint, at a whole daemon with a printer: their own bytes."""

import io
import json
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nurseries.virtual_printer.gcodes import sample_gcode
from tests.e2e.processes import NOBODY, DaemonProcess, run_daemon, run_printer
from tests.e2e.wire import PATIENCE_S, UnixClient, connect_tcp
from tests.fakes.slicers import CURA, KEY, ORCA, PRUSA, SUPER, Cura, Slicer

pytestmark = pytest.mark.e2e
SLICERS = (PRUSA, SUPER, ORCA, CURA)
GCODE = sample_gcode()[1]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    folder: Path = tmp_path_factory.mktemp("octoprint")
    with (
        run_daemon(folder, sections="[octoprint_compat]\n") as daemon,
        run_printer(folder, "--speed", "500"),
    ):
        daemon.wait_klippy()
        yield daemon


class Line:
    """One connection of a slicer, with the daemon's key; answers have a Content-Length."""

    def __init__(self, daemon: DaemonProcess) -> None:
        with daemon.connect() as client:
            self._key = client.call("access.get_api_key").encode()
        self.socket: socket.socket = connect_tcp(daemon.port)
        self.socket.settimeout(PATIENCE_S)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self._file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def ask(self, request: bytes) -> tuple[int, dict[str, str], Any]:
        """Send it as its program does: what waits for 100 Continue holds its body back."""
        head, _, body = request.replace(KEY.encode(), self._key).partition(b"\r\n\r\n")
        self.socket.sendall(head + b"\r\n\r\n")
        if b"Expect: 100-continue" in head:
            assert self.answer()[0] == 100
        self.socket.sendall(body)
        status, headers, content = self.answer()
        return status, headers, json.loads(content) if content else None


def finished(client: UnixClient) -> dict[str, Any]:
    while (change := client.wait_for("notify_history_changed")[0])["action"] != "finished":
        pass
    return change["job"]


@pytest.mark.parametrize("slicer", SLICERS, ids=lambda slicer: slicer.name)
def test_an_upload_into_a_folder(daemon: DaemonProcess, slicer: Slicer | Cura) -> None:
    name = f"Körper {slicer.name}.gcode"
    with Line(daemon) as line:
        status, headers, answer = line.ask(
            slicer.upload(name, GCODE, print_it=False, folder="my parts/new")
        )
        # The connection goes on.
        assert line.ask(PRUSA.test())[0] == 200
    assert status == 201
    assert answer["item"]["path"] == f"my parts/new/{name}"
    assert answer["item"]["root"] == "gcodes"
    assert (answer["print_started"], answer["print_queued"]) == (False, False)
    assert set(answer) == {"item", "action", "sha256", "print_started", "print_queued"}
    assert headers["location"] == (
        "http://printer.local/api/files/moonraker/gcodes/my%20parts/new/"
        f"K%C3%B6rper%20{slicer.name}.gcode"
    )
    assert (daemon.folder / "gcodes" / "my parts" / "new" / name).read_bytes() == GCODE


@pytest.mark.parametrize("slicer", SLICERS, ids=lambda slicer: slicer.name)
def test_an_upload_that_prints(daemon: DaemonProcess, slicer: Slicer | Cura) -> None:
    with daemon.connect() as client, Line(daemon) as line:
        name = f"print {slicer.name}.gcode"
        status, _, answer = line.ask(slicer.upload(name, GCODE, print_it=True))
        assert (status, answer["print_started"]) == (201, True)
        job = finished(client)
    assert (job["filename"], job["status"]) == (name, "completed")


def test_a_large_upload_waits_for_100_continue(daemon: DaemonProcess) -> None:
    data = GCODE + b"; a comment that makes it large\n" * 40_000
    request = PRUSA.upload("large.gcode", data, print_it=False)
    assert b"Expect: 100-continue\r\n" in request
    with Line(daemon) as line:
        assert line.ask(request)[0] == 201
    assert (daemon.folder / "gcodes" / "large.gcode").read_bytes() == data


def test_cura_connects_sends_a_package_and_prints_it(daemon: DaemonProcess) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("3D/model.gcode", GCODE)
    with daemon.connect() as client, Line(daemon) as line:
        assert line.ask(CURA.get("settings"))[2]["plugins"]["UltimakerFormatPackage"]["installed"]
        assert line.ask(CURA.post("/api/login", '{"passive": true}'))[2]["name"] == "_api"
        assert "_default" in line.ask(CURA.get("printerprofiles"))[2]["profiles"]
        printer = line.ask(CURA.get("printer?exclude=history"))[2]
        assert printer["state"]["flags"]["closedOrError"] is False
        assert {"tool0", "bed"} <= set(printer["temperature"])
        status, headers, answer = line.ask(CURA.upload_package("box.ufp", package.getvalue()))
        assert (status, answer["item"]["path"]) == (201, "box.gcode")
        where = headers["location"].removeprefix("http://printer.local")
        assert line.ask(CURA.post(where, '{"command": "select"}'))[0] == 204
        status, _, body = line.ask(CURA.post(where, '{"command": "select", "print": true}'))
        assert (status, body) == (204, None)
        job = finished(client)
        assert line.ask(CURA.get("job"))[2]["state"] == "Operational"
    assert (job["filename"], job["status"]) == ("box.gcode", "completed")


def test_commands(daemon: DaemonProcess) -> None:
    body = json.dumps({"commands": ["M140 S45", "NONSENSE", "M104 S0"]})
    with Line(daemon) as line, daemon.connect() as client:
        status, _, answer = line.ask(CURA.post("/api/printer/command", body))
        assert (status, answer) == (200, {})
        query = client.call("printer.objects.query", objects={"heater_bed": ["target"]})
    assert query["status"]["heater_bed"]["target"] == 45.0


def test_what_is_refused(daemon: DaemonProcess) -> None:
    with Line(daemon) as line:
        assert line.ask(CURA.get("v1/storage"))[0] == 404
        missing = CURA.post("/api/files/moonraker/gcodes/no.gcode", '{"command": "select"}')
        status, _, answer = line.ask(missing)
        assert (status, answer["error"]["code"]) == (400, 400)
        assert line.ask(PRUSA.upload("", GCODE, print_it=False))[0] == 400


def test_keys(tmp_path: Path) -> None:
    large = GCODE + b"; a comment that makes it large\n" * 40_000
    requests = [PRUSA.test(), CURA.get("printer"), ORCA.upload("a.gcode", GCODE, print_it=False)]
    with run_daemon(tmp_path, trusted=NOBODY, sections="[octoprint_compat]\n") as daemon:
        for request in [*requests, PRUSA.upload("a.gcode", large, print_it=False)]:
            with Line(daemon) as line:
                head, end, body = request.partition(b"\r\n\r\n")
                waits = b"Expect: 100-continue" in head
                line.socket.sendall(head + end + (b"" if waits else body))
                assert line.answer()[0] == 401  # for who waits, instead of 100 Continue
        assert not (tmp_path / "gcodes" / "a.gcode").exists()
        for request, status in zip(requests, (200, 200, 201), strict=True):
            with Line(daemon) as line:
                assert line.ask(request)[0] == status


def test_without_the_section_nobody_is_there(tmp_path: Path) -> None:
    upload = PRUSA.upload("a.gcode", GCODE, print_it=True)
    with run_daemon(tmp_path) as daemon:
        for request in (PRUSA.test(), upload, CURA.post("/api/login", "{}"), CURA.get("job")):
            with Line(daemon) as line:
                assert line.ask(request)[0] == 404
    assert not (tmp_path / "gcodes" / "a.gcode").exists()
