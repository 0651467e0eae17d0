"""What web front ends and slicers ask when they open or upload, over a whole daemon."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.processes import DaemonProcess
from tests.e2e.wire import PATIENCE_S, RpcFailed

pytestmark = pytest.mark.e2e
DATA = Path(__file__).parents[1] / "data" / "gcode"
WITH_THUMBNAILS = DATA / "prusa-slicer-2.5.0-gui-thumbnails-png-cut.gcode"
OPENING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("server.info", {}),
    ("server.config", {}),
    ("server.database.list", {"root": "config"}),
    ("server.files.roots", {}),
    ("server.files.list", {"root": "gcodes"}),
    ("server.files.get_directory", {"path": "gcodes", "extended": True}),
    ("server.files.get_directory", {"path": "config", "extended": True}),
    ("server.history.list", {"start": 0, "limit": 50}),
    ("server.history.totals", {}),
    ("server.webcams.list", {}),
    ("server.announcements.list", {}),
    ("server.job_queue.status", {}),
    ("server.temperature_store", {"include_monitors": True}),
    ("server.gcode_store", {"count": 500}),
    ("printer.gcode.help", {}),
    ("printer.objects.list", {}),
)


def test_an_opening_sequence(demo: DaemonProcess) -> None:
    with demo.connect() as client:
        for method, params in OPENING:
            assert client.call(method, **params) is not None, method


@pytest.mark.parametrize("namespace", ["mainsail", "fluidd"])
def test_a_namespace_is_missing_then_made(demo: DaemonProcess, namespace: str) -> None:
    item = {"namespace": namespace, "key": "uiSettings.general"}
    with demo.connect() as client, httpx.Client(base_url=demo.url, timeout=PATIENCE_S) as http:
        with pytest.raises(RpcFailed) as missing:
            client.call("server.database.get_item", namespace=namespace)
        assert missing.value.code == -32601
        assert http.get("/server/database/item", params=item).status_code == 404
        assert http.post("/server/database/item", json={**item, "value": {"a": 1}}).is_success
        stored = client.call("server.database.get_item", namespace=namespace)["value"]
    assert stored == {"uiSettings": {"general": {"a": 1}}}


def test_a_file_is_told_after_its_metadata(demo: DaemonProcess) -> None:
    with demo.connect() as client, httpx.Client(base_url=demo.url, timeout=PATIENCE_S) as http:
        files = {"file": ("shown.gcode", WITH_THUMBNAILS.read_bytes())}
        assert http.post("/server/files/upload", files=files).status_code == 201
        seen: list[str] = []
        while "shown.gcode" not in seen:
            seen.append(client.wait_for("notify_filelist_changed")[0]["item"]["path"])
        thumbnails = client.call("server.files.metadata", filename="shown.gcode")["thumbnails"]
        for one in thumbnails:
            image = http.get(f"/server/files/gcodes/{one['relative_path']}")
            assert len(image.content) == one["size"]
    assert len(thumbnails) >= 2


def test_curas_name_with_a_slash(demo: DaemonProcess) -> None:
    boundary = "a/b=c"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="/cura.gcode"\r\n\r\nG28\n\r\n--{boundary}--\r\n'
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    url = f"{demo.url}/server/files/upload"
    answer = httpx.post(url, content=body.encode(), headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 201, answer.text
    assert answer.json()["item"]["path"] == "cura.gcode"


def test_the_demo_looks_like_a_finished_printer(demo: DaemonProcess) -> None:
    with demo.connect() as client, httpx.Client(base_url=demo.url, timeout=PATIENCE_S) as http:
        info = client.call("server.info")
        assert (info["warnings"], info["failed_components"]) == ([], [])
        assert info["missing_klippy_requirements"] == []
        printer = client.call("printer.info")
        for told, path in (("config_file", "config/printer.cfg"), ("log_file", "klippy.log")):
            answer = http.get(f"/server/files/{path}")
            assert answer.content == Path(printer[told]).read_bytes()
            assert "[gcode_macro PAUSE]" in answer.text
        cube = {"filename": "calibration_cube.gcode"}
        pictures = client.call("server.files.metadata", **cube)["thumbnails"]
        assert [one["width"] for one in pictures] == [32, 300]
        for one in pictures:
            image = http.get(f"/server/files/gcodes/{one['relative_path']}")
            assert image.content.startswith(b"\x89PNG")
        assert http.get("/api/version").json()["server"]


def test_a_subscriber_of_the_demo_hears_of_a_printer_at_rest(demo: DaemonProcess) -> None:
    with demo.connect() as client:
        client.call("printer.objects.subscribe", objects={"extruder": ["temperature"]})
        degrees = [
            client.wait_for("notify_status_update")[0]["extruder"]["temperature"] for _ in range(3)
        ]
    assert len(set(degrees)) > 1
