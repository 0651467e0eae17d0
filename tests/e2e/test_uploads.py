"""Uploads as clients in the field send them, to a whole daemon."""

import base64
import hashlib
import io
import zipfile
from pathlib import Path

import httpx
import pytest

from nurseries.virtual_printer.gcodes import sample_gcode
from tests.e2e.processes import DaemonProcess, run_daemon, run_printer
from tests.e2e.wire import PATIENCE_S, UnixClient
from tests.fakes.binary_gcode import binary_gcode

pytestmark = pytest.mark.e2e
SAMPLE = "calibration_cube.gcode"  # of the virtual printer
DATA = Path(__file__).parents[1] / "data/gcode"
CONVERT = "[file_manager]\nconvert_binary_gcode: True\n"


def upload(http: httpx.Client, name: str, content: bytes, **fields: str) -> dict:
    answer = http.post("/server/files/upload", data=fields, files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def raw_upload(http: httpx.Client, disposition: bytes) -> httpx.Response:
    body = b"--x\r\nContent-Disposition: " + disposition + b"\r\n\r\nG28\n\r\n--x--\r\n"
    kind = {"Content-Type": 'multipart/form-data; boundary="x"'}
    return http.post("/server/files/upload", content=body, headers=kind)


def status_at_the_end(client: UnixClient, filename: str) -> str:
    while True:
        change = client.wait_for("notify_history_changed")[0]
        if change["action"] == "finished" and change["job"]["filename"] == filename:
            return change["job"]["status"]


def action_told(client: UnixClient, path: str) -> str:
    while (told := client.wait_for("notify_filelist_changed")[0])["item"]["path"] != path:
        pass
    return told["action"]


def http_of(daemon: DaemonProcess) -> httpx.Client:
    return httpx.Client(base_url=daemon.url, timeout=PATIENCE_S)


def test_what_holds_gcode_is_printed(tmp_path: Path) -> None:
    gcode = sample_gcode()[1]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Metadata/plate_1.gcode", gcode)
    lines = [line for line in gcode.splitlines(keepends=True) if not line.startswith(b";")]
    summary = {"filament used [mm]": "5.5"}
    binary = binary_gcode([b"".join(lines)], {"layer_height": "0.2"}, summary)
    with (
        run_daemon(tmp_path, CONVERT) as daemon,
        run_printer(tmp_path, "--speed", "1000"),
        daemon.connect() as client,
        http_of(daemon) as http,
    ):
        daemon.wait_klippy()
        for name, content, printed in (
            ("plate.gcode.3mf", packed.getvalue(), "plate.gcode"),
            ("part.bgcode", binary, "part.gcode"),
        ):
            answer = upload(http, name, content, print="true")
            assert (answer["item"]["path"], answer["print_started"]) == (printed, True)
            assert status_at_the_end(client, printed) == "completed"
        found = client.call("server.files.metadata", filename="part.gcode")
        assert (found["filament_total"], found["layer_height"]) == (5.5, 0.2)
        names = {file["path"] for file in client.call("server.files.list")}
        assert names == {"plate.gcode", "part.gcode", SAMPLE}
        folder = client.call("server.files.get_directory", path="gcodes")
        names |= {file["filename"] for file in folder["files"]}
        assert names == {"plate.gcode", "part.gcode", "plate.gcode.3mf", SAMPLE}


def test_names_from_the_field(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon, daemon.connect() as client, http_of(daemon) as http:
        for disposition, name in (
            (b"form-data; name=file; filename=a.gcode; filename*=utf-8''a.gcode", "a.gcode"),
            (b"form-data; name=file; filename*=utf-8''%C3%A4%20.gcode", "\u00e4 .gcode"),
            (b'form-data; name="file"; filename="=?utf-8?B?w7YuZ2NvZGU=?="', "\u00f6.gcode"),
            (b'form-data; name="file"; filename="  x.gcode "', "x.gcode"),
        ):
            answer = raw_upload(http, disposition)
            assert (answer.status_code, answer.json()["item"]["path"]) == (201, name)
            assert action_told(client, name) == "create_file"
        for disposition in (
            b"form-data; name=file; filename=a.gcode; filename*=utf-8''b.gcode",
            b'form-data; name="file"; filename="  "',
        ):
            assert raw_upload(http, disposition).status_code == 400
        # Over an existing file: one word in the answer and in the notification.
        assert upload(http, "a.gcode", b"G28 X\n")["action"] == "create_file"
        assert action_told(client, "a.gcode") == "create_file"


def test_what_is_stored_is_proved(tmp_path: Path) -> None:
    """As it came, out of a project, with object markers added, from the disk, and after a move."""
    gcode = sample_gcode()[1]
    labelled = (DATA / "prusa-slicer-2.5.0-mk3s-three-labelled-cut.gcode").read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Metadata/plate_1.gcode", gcode)
    sections = "[file_manager]\nread_back_uploads: True\nenable_object_processing: True\n"
    with (
        run_daemon(tmp_path, sections=sections) as daemon,
        daemon.connect() as client,
        http_of(daemon) as http,
    ):
        gcodes = daemon.folder / "gcodes"

        def digest_of(name: str) -> str:
            return hashlib.sha256((gcodes / name).read_bytes()).hexdigest()

        for name, content in (
            ("plain.gcode", gcode),
            ("project.3mf", packed.getvalue()),
            ("labelled.gcode", labelled),
            ("notes.txt", b"text"),
        ):
            told = upload(http, name, content)
            stored = told["item"]["path"]
            assert told["sha256"] == digest_of(stored)
            if stored.endswith(".gcode"):
                known = client.call("server.files.metadata", filename=stored)
                assert known["sha256"] == told["sha256"]
        assert digest_of("labelled.gcode") != hashlib.sha256(labelled).hexdigest()
        client.call("server.files.move", source="gcodes/plain.gcode", dest="gcodes/moved.gcode")
        moved = client.call("server.files.metadata", filename="moved.gcode")
        assert moved["sha256"] == digest_of("moved.gcode")
        wish = {"Want-Repr-Digest": "sha-256=10"}
        answer = http.get("/server/files/gcodes/moved.gcode", headers=wish)
        expected = base64.b64encode(hashlib.sha256(gcode).digest()).decode()
        assert answer.headers["repr-digest"] == f"sha-256=:{expected}:"
