"""Files, prints and the queue, as slicers and front ends use them.

Whatever one scene leaves behind is what the next one finds, on both sides alike.
"""

from pathlib import Path
from typing import Any

from benchmarks.daemon import MRK
from tests.compat.twin import Twin

CUBE = "calibration_cube.gcode"
DATA = Path(__file__).parents[3] / "mrk" / "virtual_printer" / CUBE
GCODE = b"; a small file\nG28\nG1 X10 Y10 F3000\nM118 done\n"
ROOT = "/server/files"
QUEUE = "/server/job_queue"


def upload(twin: Twin, name: str, data: bytes = GCODE, remark: str = "", **fields: str) -> None:
    """A form, as slicers and front ends send it."""
    files = {"file": (name, data, "application/octet-stream")}
    twin.ask("POST", f"{ROOT}/upload", remark, files=files, data=fields)


def uploads(twin: Twin) -> None:
    """Files that come, and files that are refused."""
    upload(twin, CUBE, DATA.read_bytes(), "the cube")
    twin.wait_for("notify_filelist_changed")
    upload(twin, "small.gcode")
    upload(twin, "small.gcode", remark="over itself")
    upload(twin, "in.gcode", remark="into a folder", path="sub/deep")
    upload(twin, "in.gcode")
    upload(twin, "note.cfg", b"# a note\n", "config", root="config")
    upload(twin, "x.gcode", remark="wrong checksum", checksum="0" * 64)
    upload(twin, "x.gcode", remark="unknown root", root="elsewhere")
    upload(twin, "x.gcode", remark="above its root", path="../..")
    twin.ask("POST", f"{ROOT}/upload", "no file", files={"root": (None, "gcodes")})


def files(twin: Twin) -> None:
    """What can be done to a file and a folder."""
    for name in (CUBE, "small.gcode", "none.gcode"):
        for what in ("metadata", "thumbnails"):
            twin.ask("GET", f"{ROOT}/{what}", name, params={"filename": name})
        twin.ask("POST", f"{ROOT}/metascan", name, json={"filename": name})
    for path in ("gcodes", "gcodes/sub", "gcodes/none", "config"):
        twin.ask("GET", f"{ROOT}/directory", path, params={"path": path, "extended": "true"})
    twin.ask("POST", f"{ROOT}/directory", json={"path": "gcodes/made"})
    twin.ask("POST", f"{ROOT}/directory", "it is there", json={"path": "gcodes/made"})
    # No g-code: Moonraker 0.11.0 never answers the copy of a single one.
    change = {"source": "config/note.cfg", "dest": "config/copy.cfg"}
    twin.ask("POST", f"{ROOT}/copy", json=change)
    twin.ask("POST", f"{ROOT}/copy", "none", json={**change, "source": "config/none"})
    change = {"source": "gcodes/in.gcode", "dest": "gcodes/made/in.gcode"}
    twin.ask("POST", f"{ROOT}/move", json=change)
    twin.ask("POST", f"{ROOT}/move", "none", json=change)
    packed = {"items": ["gcodes/made", "config/copy.cfg"], "dest": "config/all.zip"}
    twin.ask("POST", f"{ROOT}/zip", json=packed)
    twin.ask("POST", f"{ROOT}/zip", "nothing", json={"items": []})


def downloads(twin: Twin) -> None:
    """Files that go out, and go away."""
    small = f"{ROOT}/gcodes/small.gcode"
    twin.ask("GET", small)
    twin.ask("HEAD", small)
    twin.ask("GET", small, "a part", headers={"Range": "bytes=2-5"})
    twin.ask("GET", small, "a part behind its end", headers={"Range": "bytes=5000-"})
    twin.ask("GET", f"{ROOT}/gcodes/none.gcode")
    twin.ask("GET", f"{ROOT}/gcodes/sub", "a folder")
    twin.ask("GET", f"{ROOT}/moonraker.log")
    twin.ask("DELETE", f"{ROOT}/config/copy.cfg")
    twin.ask("DELETE", f"{ROOT}/config/copy.cfg", "again")
    twin.ask("DELETE", f"{ROOT}/directory", "not empty", params={"path": "gcodes/sub"})
    whole = {"path": "gcodes/sub", "force": "true"}
    twin.ask("DELETE", f"{ROOT}/directory", params=whole)
    twin.ask("DELETE", f"{ROOT}/directory", "none", params=whole)
    twin.call("server.files.list", {"root": "gcodes"})
    twin.call("server.files.delete_file", {"path": "config/note.cfg"})
    twin.call("server.files.metadata", {"filename": "none.gcode"}, "none")


def print_state(twin: Twin) -> str:
    """What Klipper says of the print."""
    status = twin.look("/printer/objects/query", print_stats="")["status"]
    return str(status["print_stats"]["state"])


def metadata(twin: Twin) -> Any:
    """What is known of the cube."""
    return twin.look(f"{ROOT}/metadata", filename=CUBE)


def finished(twin: Twin) -> None:
    """Wait until the history has closed a job."""
    twin.wait_for("notify_history_changed", lambda params: params[0]["action"] == "finished")


def printing(twin: Twin) -> None:
    """A print to its end, with a pause; one that is cancelled; what the history has of them."""
    twin.call("printer.print.start", {"filename": "none.gcode"}, "none")
    twin.call("printer.print.start", {"filename": CUBE})
    twin.wait_for("notify_history_changed")
    twin.call("printer.print.pause")
    twin.until(lambda: print_state(twin) == "paused", "a pause")
    twin.ask("DELETE", f"{ROOT}/gcodes/{CUBE}", "while it is printed")
    twin.ask("GET", "/server/history/list", "while it prints")
    twin.call("printer.print.resume")
    finished(twin)
    twin.ask("POST", "/printer/print/start", json={"filename": CUBE})
    twin.wait_for("notify_history_changed")
    twin.ask("POST", "/printer/print/cancel")
    finished(twin)
    job = twin.call("server.history.list", {"limit": 1})["jobs"][0]["job_id"]
    twin.call("server.history.get_job", {"uid": job})
    twin.call("server.history.get_job", {"uid": "FFFFFF"}, "none")
    twin.call("server.history.totals")
    twin.call("server.history.delete_job", {"uid": job})
    twin.call("server.history.delete_job", {}, "without an id")
    twin.call("server.history.reset_totals")


def at_once(twin: Twin) -> None:
    """What does not wait for the answers before it; and a history that is cleared in a print."""
    if twin.name == MRK.name:  # it would be in some of the answers
        twin.until(lambda: "estimated_time_klipper" in metadata(twin), "an estimate")
    start = ("printer.print.start", {"filename": CUBE})
    twin.call_at_once(start, ("printer.print.cancel", None), remark="a start and a cancel")
    twin.until(lambda: print_state(twin) == "cancelled", "a cancel")
    twin.call("printer.print.start", {"filename": CUBE})
    twin.until(
        lambda: twin.look("/server/history/list", limit="1")["jobs"][0]["status"] == "in_progress",
        "a job",
    )
    twin.call("server.history.delete_job", {"all": True}, "while it prints")
    twin.call("printer.print.cancel")
    twin.until(lambda: print_state(twin) == "cancelled", "a cancel")
    twin.until(lambda: twin.look("/server/history/list")["count"] > 0, "a job that came back")
    twin.ask("GET", "/server/history/list", "cleared while it printed")


def queue(twin: Twin) -> None:
    """Jobs that wait; one of them is printed."""
    twin.ask("POST", f"{QUEUE}/pause")
    twin.ask("POST", f"{QUEUE}/job", json={"filenames": [CUBE, "small.gcode"]})
    twin.ask("POST", f"{QUEUE}/job", "none", json={"filenames": ["none.gcode"]})
    twin.ask("POST", f"{QUEUE}/job", "nothing", json={})
    status: Any = twin.ask("GET", f"{QUEUE}/status", "two wait")
    last = status["result"]["queued_jobs"][-1]["job_id"]
    twin.ask("POST", f"{QUEUE}/jump", json={"job_id": last})
    twin.ask("POST", f"{QUEUE}/jump", "none", json={"job_id": "FFFF"})
    twin.ask("POST", f"{QUEUE}/start")
    finished(twin)
    twin.until(lambda: print_state(twin) == "complete", "an end")
    twin.ask("DELETE", f"{QUEUE}/job", "none", params={"job_ids": "FFFF"})
    twin.ask("DELETE", f"{QUEUE}/job", params={"all": "true"})
    twin.call("server.job_queue.status")
