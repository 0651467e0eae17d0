"""`kill -9` of a daemon that is writing everything it writes, again and again, on one data folder.

What a client was told is stored must be there after the next start; what it was not told may be
there whole or not at all.
"""

import hashlib
import os
import random
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mrk.files.temporary import is_temporary
from tests.e2e.processes import NO_SERVICES, DaemonProcess, configure, run_printer, started
from tests.e2e.wire import PATIENCE_S, RpcFailed

pytestmark = pytest.mark.e2e
# As many kills as fit into the time, but never fewer, and as many as it takes until some prints
# have completed, and of each kind more was stored than kills; a machine that does nothing else does
# 30, a full one completes one in ten.
LEAST_KILLS = 20
LEAST_PRINTS = 2
MOST_KILLS = 50
ENOUGH_S = 45.0
LATEST_KILL_S = 2.0  # or, on a slow machine, as long as a start takes there
GONE = (ConnectionError, httpx.TransportError, OSError)
# Some 0.8 s at 500 times the speed: Klipper tells its state four times a second. 3 mm of filament.
SHORT_PRINT = b"M109 S200\nM83\nG92 E0\n" + 2 * b"G4 P200000\nG1 E1.5 F600\n"


class Ledger:
    """What was acknowledged (`sure`; None: deleted), and what was asked for only."""

    def __init__(self) -> None:
        self.sure: dict[str, Any] = {}
        self.asked: dict[str, Any] = {}
        self.acknowledged = 0

    def ask(self, key: str, value: Any) -> None:
        self.asked[key] = value

    def answered(self, key: str) -> None:
        self.sure[key] = self.asked.pop(key)
        self.acknowledged += 1

    def settle(self, found: dict[str, Any]) -> None:
        """Compare with what a new start shows, and go on from there."""
        for key in self.sure.keys() | self.asked.keys() | found.keys():
            allowed = [self.sure.get(key)]
            if key in self.asked:
                allowed.append(self.asked[key])
            assert found.get(key) in allowed, (key, found.get(key), allowed)
        self.sure = dict(found)
        self.asked.clear()


class Writers:
    """Clients that write until the daemon is gone. One thread each; they share nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.items, self.files, self.queue = Ledger(), Ledger(), Ledger()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.starts = 0
        self.failures: list[Exception] = []
        self._number = 0

    @property
    def completed(self) -> int:
        """Prints that a client was told the good end of."""
        return sum(job["status"] == "completed" for job in self.jobs.values())

    @property
    def stored(self) -> int:
        """What clients were told is stored, of the kind of which least was."""
        return min(one.acknowledged for one in (self.items, self.files, self.queue))

    def begin(self, daemon: DaemonProcess) -> list[threading.Thread]:
        works = (self.write_items, self.upload, self.fill_queue, self.print_files)
        threads = [threading.Thread(target=self._until_gone, args=(w, daemon)) for w in works]
        for thread in threads:
            thread.start()
        return threads

    def _until_gone(self, work: Callable[[DaemonProcess], None], daemon: DaemonProcess) -> None:
        try:
            work(daemon)
        except TimeoutError as exc:
            self.failures.append(exc)
        except GONE:
            pass
        except Exception as exc:
            self.failures.append(exc)

    def _numbers(self) -> Iterator[int]:
        # Unique over all threads and rounds.
        while True:
            self._number += 1
            yield self._number

    def write_items(self, daemon: DaemonProcess) -> None:
        with daemon.connect() as client:
            for number in self._numbers():
                key, value = f"key{number}", {"n": number, "text": "x" * (number % 2000)}
                self.items.ask(key, value)
                client.call("server.database.post_item", namespace="kill", key=key, value=value)
                self.items.answered(key)
                if number % 3 == 0:
                    self.items.ask(key, None)
                    client.call("server.database.delete_item", namespace="kill", key=key)
                    self.items.answered(key)

    def upload(self, daemon: DaemonProcess) -> None:
        with httpx.Client(base_url=daemon.url, timeout=PATIENCE_S) as http:
            for number in self._numbers():
                root, name = "config", f"u{number % 7}.cfg"
                if number % 5 == 0:
                    root, name = "gcodes", f"u{number % 7}.gcode"
                content = b"; %d\n" % number * (20_000 if number % 4 else 10)
                key = f"{root}/{name}"
                self.files.ask(key, hashlib.sha256(content).hexdigest())
                answer = http.post(
                    "/server/files/upload", data={"root": root}, files={"file": (name, content)}
                )
                assert answer.status_code == 201, answer.text
                self.files.answered(key)

    def fill_queue(self, daemon: DaemonProcess) -> None:
        with daemon.connect() as client:
            for number in self._numbers():
                note = f"{number:06}"
                self.queue.ask(note, "queued.gcode")
                status = client.call(
                    "server.job_queue.post_job", filenames=["queued.gcode"], note=note
                )
                self.queue.answered(note)
                while len(jobs := status["queued_jobs"]) > 5:
                    job = jobs[number % len(jobs)]
                    self.queue.ask(job["note"], None)
                    status = client.call("server.job_queue.delete_job", job_ids=[job["job_id"]])
                    self.queue.answered(job["note"])

    def print_files(self, daemon: DaemonProcess) -> None:
        daemon.wait_klippy()
        with daemon.connect() as client:
            # Behind the daemon's own first look, which has to see how the last print ended.
            for _ in range(3):
                client.call("printer.objects.query", objects={"print_stats": None})
            while True:
                try:
                    client.call("printer.print.start", filename="short.gcode")
                except RpcFailed:
                    # The one that the last daemon started is still at it.
                    client.wait_for("notify_history_changed")
                    continue
                self.starts += 1
                action = ""
                while action != "finished":
                    change = client.wait_for("notify_history_changed")[0]
                    action, job = change["action"], change["job"]
                    self.jobs[job["job_id"]] = job


def integrity(folder: Path, scratch: Path) -> str:
    """Of a copy as the kill left it, so that the next start has to recover the real one."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for path in (folder / "database").glob("mrk.db*"):
        if path.is_file() and not path.name.endswith((".lock", "-shm")):
            shutil.copy(path, scratch)
    connection = sqlite3.connect(scratch / "mrk.db")
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


def uploads_on_disk(folder: Path) -> dict[str, str]:
    return {
        f"{root}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for root in ("config", "gcodes")
        for path in (folder / root).glob("u*")
    }


def hidden_on_disk(folder: Path) -> list[str]:
    return [
        name
        for _, folders, names in os.walk(folder)
        for name in (*folders, *names)
        if is_temporary(name)
    ]


def check_start(daemon: DaemonProcess, writers: Writers) -> None:
    """Everything acknowledged before the kill, asked of the new daemon."""
    with daemon.connect() as client:
        info = client.call("server.info")
        assert info["failed_components"] == []
        assert info["warnings"] == []
        namespaces = client.call("server.database.list")["namespaces"]
        item: dict[str, Any] = {"value": {}}
        if "kill" in namespaces:
            item = client.call("server.database.get_item", namespace="kill")
        writers.items.settle(item["value"])
        shown = {
            f"{root}/{file['path']}"
            for root in ("config", "gcodes")
            for file in client.call("server.files.list", root=root)
            if file["path"].startswith("u") or is_temporary(file["path"])
        }
        on_disk = uploads_on_disk(daemon.folder)
        assert shown == set(on_disk)
        writers.files.settle(on_disk)
        queued = client.call("server.job_queue.status")["queued_jobs"]
        notes = [job["note"] for job in queued]
        assert notes == sorted(notes)
        writers.queue.settle({job["note"]: job["filename"] for job in queued})
        check_history(client.call("server.history.list", limit=100_000)["jobs"], writers)
    assert hidden_on_disk(daemon.folder) == []


def check_history(listed: list[dict[str, Any]], writers: Writers) -> None:
    jobs = {job["job_id"]: job for job in listed}
    for job_id, told in writers.jobs.items():
        stored = jobs[job_id]
        if told["end_time"] is not None:
            # Of one that ended while another began, nobody knows how.
            assert stored["status"] == told["status"], (stored, told)
            assert told["status"] in ("completed", "interrupted")
            # Of an end that nobody saw, the file tells later what Klipper had not counted.
            assert stored["filament_used"] >= told["filament_used"]
    # One row a print. Each round may have started one more than it was answered.
    assert len({job["start_time"] for job in listed}) == len(listed)


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_killed_while_writing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, scratch = tmp_path / "data", tmp_path / "scratch"
    port = configure(folder, sections=NO_SERVICES)
    for name in ("short.gcode", "queued.gcode"):
        (folder / "gcodes" / name).write_bytes(SHORT_PRINT)
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    writers = Writers(folder)
    children: set[int] = set()
    kills, began = 0, time.monotonic()

    def enough() -> bool:
        over = time.monotonic() - began > ENOUGH_S
        return over and writers.completed >= LEAST_PRINTS and writers.stored > kills

    with run_printer(folder, "--speed", "500"):
        while kills < LEAST_KILLS or (kills < MOST_KILLS and not enough()):
            started_at = time.monotonic()
            with started(["-d", str(folder)], folder, port) as daemon:
                check_start(daemon, writers)
                start_s = time.monotonic() - started_at
                threads = writers.begin(daemon)
                time.sleep(moments.uniform(0.0, max(LATEST_KILL_S, start_s)))
                assert daemon.process.popen.poll() is None, daemon.process.said()
                children.update(children_of(daemon.process.popen.pid))
            # The end of the block is the kill.
            kills += 1
            for thread in threads:
                thread.join(PATIENCE_S)
                assert not thread.is_alive()
            assert writers.failures == [], f"seed {seed}"
            assert integrity(folder, scratch) == "ok", f"seed {seed}"
        with started(["-d", str(folder)], folder, port) as daemon:
            check_start(daemon, writers)
            daemon.wait_klippy()
            said = daemon.process.said()
            with daemon.connect() as client:
                jobs = client.call("server.history.list", limit=100_000)["jobs"]
                while any(job["status"] == "in_progress" for job in jobs):
                    client.wait_for("notify_history_changed")
                    jobs = client.call("server.history.list", limit=100_000)["jobs"]
                totals = client.call("server.history.totals")["job_totals"]
            assert daemon.process.end()[0] == 0
    statuses = [job["status"] for job in jobs]
    with capsys.disabled():
        ledgers = (writers.items, writers.files, writers.queue)
        counts = [ledger.acknowledged for ledger in ledgers]
        print(f"\n{kills} kills; items, uploads, queue: {counts}; prints: {Counter(statuses)}")
    assert "Traceback" not in said
    assert writers.stored > LEAST_KILLS
    assert statuses.count("completed") >= LEAST_PRINTS, Counter(statuses)
    assert totals["total_jobs"] == len(jobs) - statuses.count("interrupted")
    assert len(jobs) <= writers.starts + kills
    limit = time.monotonic() + PATIENCE_S
    while any(is_alive(pid) for pid in children):
        assert time.monotonic() < limit, "a scan process outlived its daemon"
        time.sleep(0.01)
