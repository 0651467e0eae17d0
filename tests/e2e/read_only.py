"""A whole daemon on a data folder that is mounted read-only; `test_read_only.py` gives it a mount.

Run as `python -m tests.e2e.read_only FOLDER`. What the daemon says, and the printer, lie beside its
data folder, on what can be written.
"""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import httpx

from nurseries.process.free_ports import free_port
from tests.e2e.processes import DaemonProcess, configure, run_printer, started
from tests.e2e.wire import PATIENCE_S

CUBE = "calibration_cube.gcode"


def mount_read_only(folder: Path) -> None:
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)


def info(http: httpx.Client) -> Any:
    return http.get("/server/info").json()["result"]


def wait_state(http: httpx.Client, state: str) -> None:
    """The daemon is asked again and again; the patience of the client ends it."""
    for _ in range(2000):
        if info(http)["klippy_state"] == state:
            return
    raise AssertionError(f"not {state}: {info(http)}")


def told(warnings: list[str], *words: str) -> bool:
    return any(all(word in warning for word in words) for warning in warnings)


def prints_and_stops(daemon: DaemonProcess, data: Path) -> None:
    with httpx.Client(base_url=daemon.url, timeout=PATIENCE_S) as http:
        wait_state(http, "ready")
        answer = info(http)
        assert answer["failed_components"] == [], answer
        warnings = answer["warnings"]
        assert told(warnings, f"Cannot listen at {data}/comms/moonraker.sock"), warnings
        assert told(warnings, "kept in memory only", "Read-only file system"), warnings
        assert told(warnings, f"Log file {data}/logs/moonraker.log cannot be written"), warnings
        item = {"namespace": "test", "key": "k", "value": 1}
        assert http.post("/server/database/item", json=item).status_code == 200
        assert kept(daemon, "k") == 1
        started = http.post("/printer/print/start", json={"filename": CUBE})
        assert started.status_code == 200, started.text
        assert http.post("/printer/emergency_stop").status_code == 200
        wait_state(http, "shutdown")
        refused = http.post("/server/files/upload", files={"file": ("a.gcode", b"G28\n")})
        assert refused.status_code >= 400, refused.text
        assert http.post("/server/restart").status_code == 200
    code, _took_s = daemon.process.end()
    said = daemon.process.said()
    assert code == 0, said
    assert "Traceback" not in said, said


def kept(daemon: DaemonProcess, key: str) -> Any:
    with httpx.Client(base_url=daemon.url, timeout=PATIENCE_S) as http:
        params = {"namespace": "test", "key": key}
        return http.get("/server/database/item", params=params).json()["result"]["value"]


def write_configuration(folder: Path, data: Path) -> int:
    """A data folder in `folder`, whose printer lies beside it."""
    port = free_port()
    configure(folder, port=port)
    text = (folder / "config" / "moonraker.conf").read_text()
    (data / "config").mkdir(parents=True)
    (data / "config" / "moonraker.conf").write_text(
        text.replace("{data_path}/comms", str(folder / "comms"))
    )
    return port


def used_card(folder: Path) -> None:
    """It worked until it was worn, and was not shut down cleanly."""
    data = folder / "data"
    port = write_configuration(folder, data)
    item = {"namespace": "test", "key": "kept", "value": "from before"}
    with started(["-d", str(data)], folder, port) as daemon:
        url = f"{daemon.url}/server/database/item"
        assert httpx.post(url, json=item, timeout=PATIENCE_S).status_code == 200
        shutil.copy(folder / "gcodes" / CUBE, data / "gcodes" / CUBE)
        daemon.process.reap()
    mount_read_only(data)
    saves_what_is_there(folder, data)
    with run_printer(folder), started(["-d", str(data)], folder, port) as daemon:
        assert kept(daemon, "kept") == "from before"
        prints_and_stops(daemon, data)


def saves_what_is_there(folder: Path, data: Path) -> None:
    """A backup is made elsewhere, with the database; the doctor says why nothing works."""
    made = mrk(data, "backup", "create", "--folder", str(folder / "saved"))
    assert made.returncode == 0, made.stderr
    with tarfile.open(made.stdout.strip()) as archive:
        archive.extract("database/mrk.db", folder, filter="data")
    with contextlib.closing(sqlite3.connect(folder / "database/mrk.db")) as copy:
        sql = "SELECT value FROM namespace_store WHERE namespace = 'test' AND key = 'kept'"
        assert copy.execute(sql).fetchall() == [('"from before"',)]
    assert f"mounted read-only: {data}, " in mrk(data, "doctor").stdout


def mrk(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mrk", "-d", str(data), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def new_card(folder: Path) -> None:
    """Only a configuration is there, none of the folders."""
    data = folder / "data"
    port = write_configuration(folder, data)
    mount_read_only(data)
    with run_printer(folder), started(["-d", str(data)], folder, port) as daemon:
        prints_and_stops(daemon, data)


def main(folder: Path) -> None:
    for scenario in (used_card, new_card):
        place = folder / scenario.__name__
        place.mkdir()
        scenario(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print("passed")
