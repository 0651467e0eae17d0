"""A whole daemon whose disk fills up in mid-print; `test_full_disk.py` gives it a mount of its own.

Run as `python -m tests.e2e.full_disk FOLDER`, FOLDER being a small file system that holds
everything: the data folder, the log and the daemon's output.
"""

import sys
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.processes import DaemonProcess, run_demo
from tests.e2e.wire import PATIENCE_S, RpcFailed, UnixClient
from tests.fakes.own_mount import fill_up

CUBE = "calibration_cube.gcode"
FULL = 507
VALUE = "x" * 40_000


def refusal(client: UnixClient, method: str, **params: Any) -> RpcFailed | None:
    try:
        client.call(method, **params)
    except RpcFailed as failed:
        return failed
    return None


def upload(http: httpx.Client, name: str, size: int, root: str = "gcodes") -> httpx.Response:
    files = {"file": (name, b"G1 X1\n" * (size // 6))}
    return http.post("/server/files/upload", data={"root": root}, files=files)


def stats(client: UnixClient) -> dict[str, Any]:
    answer = client.call("printer.objects.query", objects={"print_stats": None})
    found: dict[str, Any] = answer["status"]["print_stats"]
    return found


def refuses_to_store(client: UnixClient, http: httpx.Client, gcodes: Path) -> None:
    """Everything that needs space says so; nothing is left of it."""
    before = sorted(path.name for path in gcodes.rglob("*"))
    for root, size in (("gcodes", 6_000_000), ("gcodes", 60_000), ("config", 6_000)):
        answer = upload(http, "more.gcode", size, root)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (FULL, FULL), answer.text
        assert "full" in error["message"] or "space" in error["message"], error
    assert sorted(path.name for path in gcodes.rglob("*")) == before
    # What is small fits into pages that the database has already.
    for number in range(3):
        item = {"namespace": "test", "key": f"more{number}", "value": VALUE * 10}
        failed = refusal(client, "server.database.post_item", **item)
        assert failed is not None
        assert failed.code == FULL, failed
        assert "disk is full" in failed.message
        answer = http.post("/server/database/item", json=item)
        assert (answer.status_code, answer.json()["error"]["code"]) == (FULL, FULL)
    copied = refusal(client, "server.files.copy", source=f"gcodes/{CUBE}", dest="gcodes/2.gcode")
    assert copied is not None
    assert copied.code == FULL, copied


def still_answers(client: UnixClient, http: httpx.Client) -> None:
    assert client.call("server.info")["failed_components"] == []
    assert client.call("server.database.get_item", namespace="test", key="kept")["value"] == VALUE
    assert client.call("server.history.list")["jobs"][0]["filename"] == CUBE
    assert client.call("server.history.totals")["job_totals"]["total_jobs"] >= 0
    assert client.call("server.job_queue.status")["queue_state"]
    assert len(client.call("server.files.list", root="gcodes")) == 2
    assert http.get(f"/server/files/gcodes/{CUBE}").status_code == 200


def finished(client: UnixClient) -> dict[str, Any]:
    while (change := client.wait_for("notify_history_changed")[0])["action"] != "finished":
        pass
    job: dict[str, Any] = change["job"]
    return job


def life(daemon: DaemonProcess, folder: Path) -> None:
    gcodes, filler = daemon.folder / "gcodes", folder / "filler"
    with daemon.connect() as client, httpx.Client(base_url=daemon.url, timeout=PATIENCE_S) as http:
        assert upload(http, "before.gcode", 6_000).status_code == 201
        client.call("server.database.post_item", namespace="test", key="kept", value=VALUE)
        client.call("printer.print.start", filename=CUBE)
        while not client.call("server.history.list")["jobs"]:
            client.wait_for("notify_history_changed")
        began = stats(client)
        fill_up(filler)
        refuses_to_store(client, http, gcodes)
        fill_up(filler)  # what a refusal gave back
        still_answers(client, http)
        later = stats(client)
        assert later["state"] in ("printing", "complete")
        assert later["total_duration"] > began["total_duration"]
        while stats(client)["state"] == "printing":
            client.wait_for("notify_proc_stat_update")
        assert stats(client)["state"] == "complete"
        refuses_to_store(client, http, gcodes)
        failed = refusal(client, "server.database.post_backup", filename="b.db")
        assert failed is not None
        assert failed.code == FULL, failed
        filler.unlink()
        job = finished(client)
        assert (job["filename"], job["status"]) == (CUBE, "completed")
        assert [found["job_id"] for found in client.call("server.history.list")["jobs"]] == [
            job["job_id"]
        ]
        assert client.call("server.history.totals")["job_totals"]["total_jobs"] == 1
        client.call("server.database.post_item", namespace="test", key="more", value=VALUE)
        assert upload(http, "after.gcode", 60_000).status_code == 201
        assert client.call("server.files.metadata", filename="after.gcode")["size"] == 60_000
        client.call("printer.print.start", filename=CUBE)
        client.call("server.info")
    code, _took_s = daemon.process.end()
    assert code == 0, daemon.process.said()
    assert "Traceback" not in daemon.process.said()


def starts_all_the_same(daemon: DaemonProcess, filler: Path) -> None:
    item = {"namespace": "test", "key": "kept", "value": VALUE * 10}
    with daemon.connect() as client:
        assert client.call("server.info")["klippy_state"] == "ready"
        assert client.call("server.history.list")["count"] >= 1
        failed = refusal(client, "server.database.post_item", **item)
        assert failed is not None
        assert failed.code == FULL, failed
        filler.unlink()
        client.call("server.database.post_item", **item)


def main(folder: Path) -> None:
    with run_demo(folder / "data", speed=80.0) as daemon:
        life(daemon, folder)
    filler = folder / "filler"
    fill_up(filler)
    with run_demo(folder / "data", port=daemon.port) as daemon:
        starts_all_the_same(daemon, filler)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("passed")
