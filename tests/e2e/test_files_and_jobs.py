"""Files, uploads, the queue and the history of a whole daemon that prints what it was sent."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nurseries.virtual_printer.gcodes import sample_gcode
from tests.e2e.processes import DaemonProcess, run_daemon, run_demo, run_printer
from tests.e2e.wire import PATIENCE_S, RpcFailed, UnixClient, connect_tcp

pytestmark = pytest.mark.e2e
CUBE = "calibration_cube.gcode"
TRANSITIONS = (
    "[job_queue]\nautomatic_transition: True\n\n[file_manager]\nqueue_gcode_uploads: True\n"
)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[DaemonProcess]:
    """Slow enough that a print does not end while a test talks."""
    with run_demo(tmp_path / "slow", speed=5.0) as daemon:
        yield daemon


def http_of(daemon: DaemonProcess) -> httpx.Client:
    return httpx.Client(base_url=daemon.url, timeout=PATIENCE_S)


def upload(http: httpx.Client, name: str, content: bytes, **fields: str) -> httpx.Response:
    return http.post("/server/files/upload", data=fields, files={"file": (name, content)})


def finished_job(client: UnixClient) -> dict[str, Any]:
    while (change := client.wait_for("notify_history_changed")[0])["action"] != "finished":
        pass
    return change["job"]


def test_an_answer_comes_before_what_is_told_of_it(slow: DaemonProcess) -> None:
    with slow.connect() as client:
        for method, told, params in (
            ("server.webcams.post_item", "notify_webcams_changed", {"stream_url": "/s"}),
            ("server.job_queue.post_job", "notify_job_queue_changed", {"filenames": [CUBE]}),
            ("server.job_queue.delete_job", "notify_job_queue_changed", {"all": True}),
        ):
            client.notices.clear()
            client.call(method, **{"name": "bed", **params})
            assert told not in [notice["method"] for notice in client.notices]
            client.wait_for(told)


def test_an_upload_that_prints_is_in_the_history(tmp_path: Path) -> None:
    # Klipper counts filament at its beat, every 0.25 s: a faster print falls between two of them.
    with (
        run_demo(tmp_path, speed=200.0) as demo,
        demo.connect() as client,
        http_of(demo) as http,
    ):
        answer = upload(http, "new cube.gcode", sample_gcode()[1], print="true")
        assert answer.status_code == 201
        assert answer.headers["location"].endswith("/server/files/gcodes/new%20cube.gcode")
        body = answer.json()
        assert (body["print_started"], body["print_queued"]) == (True, False)
        told = finished_job(client)
        stats = client.call("printer.objects.query", objects={"print_stats": None})["status"]
        (job,) = client.call("server.history.list")["jobs"]
        totals = client.call("server.history.totals")["job_totals"]
        metadata = client.call("server.files.metadata", filename="new cube.gcode")
    assert job == told
    assert (job["filename"], job["status"], job["exists"]) == ("new cube.gcode", "completed", True)
    assert job["filament_used"] == round(stats["print_stats"]["filament_used"], 5) > 0
    assert job["total_duration"] >= job["print_duration"] > 0
    assert job["end_time"] >= job["start_time"]
    assert job["metadata"]["slicer"] == metadata["slicer"] == "PrusaSlicer"
    assert job["metadata"]["filament_total"] == 298.58
    assert metadata["job_id"] == job["job_id"]
    assert metadata["print_start_time"] == job["start_time"]
    assert totals["total_jobs"] == 1
    assert totals["total_filament_used"] == job["filament_used"]


def test_two_queued_jobs_follow_one_another(tmp_path: Path) -> None:
    with (
        run_daemon(tmp_path, TRANSITIONS) as daemon,
        run_printer(tmp_path, "--speed", "500"),
        daemon.connect() as client,
        http_of(daemon) as http,
    ):
        daemon.wait_klippy()
        for name in ("one.gcode", "two.gcode"):
            assert upload(http, name, sample_gcode()[1]).status_code == 201
        names = ["one.gcode", "two.gcode"]
        queued = client.call("server.job_queue.post_job", filenames=names)["queued_jobs"]
        assert [job["filename"] for job in queued] == names
        client.call("server.job_queue.start")
        jobs = [finished_job(client), finished_job(client)]
        status = client.call("server.job_queue.status")
    assert [(job["filename"], job["status"]) for job in jobs] == [
        ("one.gcode", "completed"),
        ("two.gcode", "completed"),
    ]
    assert status["queued_jobs"] == []


def test_the_printed_file_is_kept(slow: DaemonProcess) -> None:
    with slow.connect() as client, http_of(slow) as http:
        client.call("server.files.post_directory", path="gcodes/sub")
        client.call("server.files.copy", source=f"gcodes/{CUBE}", dest="gcodes/sub/a.gcode")
        assert upload(http, "sub/a.gcode", sample_gcode()[1], print="true").json()["print_started"]
        refusals = [
            http.delete("/server/files/gcodes/sub/a.gcode"),
            http.delete("/server/files/directory", params={"path": "gcodes/sub", "force": "true"}),
            http.post(
                "/server/files/move",
                params={"source": "gcodes/sub/a.gcode", "dest": "gcodes/b.gcode"},
            ),
            upload(http, "sub/a.gcode", b"G28\n"),
        ]
        assert [answer.status_code for answer in refusals] == [403] * 4
        client.call("printer.print.cancel")
        while finished_job(client)["status"] != "cancelled":
            pass
        assert http.delete("/server/files/gcodes/sub/a.gcode").status_code == 200


def test_an_upload_during_a_print_says_what_became_of_it(slow: DaemonProcess) -> None:
    with slow.connect() as client, http_of(slow) as http:
        assert upload(http, "a.gcode", sample_gcode()[1], print="true").json()["print_started"]
        client.wait_for("notify_history_changed")
        second = upload(http, "b.gcode", sample_gcode()[1], print="true").json()
        assert (second["print_started"], second["print_queued"]) == (False, False)
        assert second["print_refused"]
        assert (slow.folder / "gcodes" / "b.gcode").exists()


def tree_work(daemon: DaemonProcess, number: int, outcomes: list[object]) -> None:
    """Make, fill, move and delete what another client makes, fills, moves and deletes."""
    orders: tuple[tuple[str, dict[str, Any]], ...] = (
        ("post_directory", {"path": "gcodes/tree"}),
        ("post_directory", {"path": "gcodes/tree/in"}),
        ("copy", {"source": f"gcodes/{CUBE}", "dest": f"gcodes/tree/in/{number}.gcode"}),
        ("move", {"source": "gcodes/tree", "dest": f"gcodes/moved{number}"}),
        ("copy", {"source": f"gcodes/moved{number}", "dest": "gcodes/tree"}),
        ("delete_directory", {"path": "gcodes/tree", "force": True}),
        ("move", {"source": f"gcodes/moved{number}/in", "dest": "gcodes/shared"}),
        ("delete_directory", {"path": "gcodes/shared", "force": True}),
        ("delete_directory", {"path": f"gcodes/moved{number}", "force": True}),
    )
    try:
        with daemon.connect() as client:
            for _ in range(8):
                for method, params in orders:
                    try:
                        outcomes.append(client.call(f"server.files.{method}", **params)["action"])
                    except RpcFailed as exc:
                        outcomes.append(exc.code)
    except Exception as exc:
        outcomes.append(exc)


def test_two_clients_at_one_tree(demo: DaemonProcess) -> None:
    outcomes: list[object] = []
    threads = [threading.Thread(target=tree_work, args=(demo, n, outcomes)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(9 * PATIENCE_S)
        assert not thread.is_alive()
    assert len(outcomes) == 2 * 8 * 9
    # A lost race is a refusal; anything else would be 500 or worse.
    assert {one for one in outcomes if not isinstance(one, str)} <= {400, 403, -32601}
    gcodes = demo.folder / "gcodes"
    with demo.connect() as client:
        listed = {file["path"] for file in client.call("server.files.list")}
        folder = client.call("server.files.get_directory", path="gcodes")
    on_disk = {str(path.relative_to(gcodes)) for path in gcodes.rglob("*.gcode")}
    assert listed == on_disk
    visible = {path.name for path in gcodes.iterdir() if path.is_dir() and path.name[0] != "."}
    assert {one["dirname"] for one in folder["dirs"] if one["dirname"][0] != "."} == visible
    assert not list(gcodes.rglob(".mrk-*"))


def test_zip_and_its_download(demo: DaemonProcess) -> None:
    with demo.connect() as client, http_of(demo) as http:
        assert upload(http, "notes.txt", b"keep\n", root="config", path="zipped").is_success
        items = ["config/zipped", f"gcodes/{CUBE}"]
        made = client.call("server.files.zip", items=items, dest="config/all.zip")
        assert made["action"] == "zip_files"
        data = http.get("/server/files/config/all.zip")
    assert len(data.content) == made["destination"]["size"]
    with zipfile.ZipFile(io.BytesIO(data.content)) as archive:
        assert archive.testzip() is None
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert [data for name, data in contents.items() if name.endswith("notes.txt")] == [b"keep\n"]
    assert contents[f"gcodes/{CUBE}"] == sample_gcode()[1]


def test_logs_are_downloaded(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon, http_of(daemon) as http:
        (tmp_path / "logs" / "klippy.log").write_text("Start printer\n")
        klippy = http.get("/server/files/klippy.log")
        assert (klippy.status_code, klippy.text) == (200, "Start printer\n")
        own = http.get("/server/files/moonraker.log")
        assert own.status_code == 200
        assert "generation 1 is up" in own.text
        missing = ("other.log", "nowhere/a", "nowhere/", "config", "gcodes/none", "gcodes/none/a")
        for name in missing:
            assert http.get(f"/server/files/{name}").status_code == 404, name
        assert http.get("/server/files/gcodes/").status_code == 403
        assert http.get("/server/files/move").status_code == 405


def test_what_is_too_large_is_refused_before_it_comes(demo: DaemonProcess) -> None:
    head = (
        b"POST /server/files/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 2147483648\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\nExpect: 100-continue\r\n\r\n"
    )
    with connect_tcp(demo.port) as sock:
        sock.sendall(head)
        assert sock.recv(1 << 16).startswith(b"HTTP/1.1 413 ")
    with http_of(demo) as http:
        assert upload(http, "after.gcode", b"G28\n").status_code == 201


def test_a_checksum_decides(demo: DaemonProcess) -> None:
    with http_of(demo) as http:
        good = hashlib.sha256(b"G28\n").hexdigest()
        assert upload(http, "sum.gcode", b"G29\n", checksum=good).status_code == 422
        assert http.get("/server/files/gcodes/sum.gcode").status_code == 404
        assert upload(http, "sum.gcode", b"G28\n", checksum=good.upper()).status_code == 201
        ranged = http.get("/server/files/gcodes/sum.gcode", headers={"Range": "bytes=1-2"})
        assert (ranged.status_code, ranged.content) == (206, b"28")
