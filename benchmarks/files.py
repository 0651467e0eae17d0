"""What files cost: many dropped in at once, one of 1 GB, and lists of 400 and 5,000.

The files are copies of `tests/data/gcode` with some moves of their own, put into the g-code
folder by this process, so that the daemon has to find them by itself.
"""

import contextlib
import itertools
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import wire
from benchmarks.bystander import Bystander, ask_large, open_bystander
from benchmarks.clients import Client, Lost
from benchmarks.daemon import Daemon, open_daemon, open_linked, open_printer, temporary_folder
from benchmarks.families import FamilyMeter
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.process import MB, Meter
from benchmarks.statistics import NS_PER_US

_SAMPLES = Path(__file__).parents[1] / "tests" / "data" / "gcode"
_LARGE_SAMPLE = "prusa-slicer-2.5.0-mk3s-pla-cube-cut.gcode"
_PATIENCE_S = 120.0
_BUSY_S = 1.5  # how long lists are asked for beside a bystander
_GCODES = "gcodes"
_LIST = wire.rpc("server.files.list", "list", {"root": _GCODES})


def measure_files(plan: Plan) -> list[Figure]:
    """Dropped files with the list of them, large files, and a tree of many."""
    return [*_measure_dropped(plan), *_measure_large(plan), *_measure_tree(plan)]


# Files that another program puts into the folder


def _measure_dropped(plan: Plan) -> list[Figure]:
    samples, own, walls, waits, lists = [], [], [], [], []
    for _ in range(plan.file_rounds):
        with open_linked() as daemon, open_bystander(daemon) as bystander:
            names = [f"dropped-{number}.gcode" for number in range(plan.dropped_files)]
            began = time.monotonic()
            meter = _drop(daemon, names)
            walls.append(time.monotonic() - began)
            bystander.end()
            own.append(meter.own_s())
            samples.append(own[-1] + meter.children_s())
            lists += [_cold_list(daemon, number) for number in range(5)]
            warm_ms = _cpu_ms(daemon, _LIST)
        waits.append(bystander.worst_ms())
    count = plan.dropped_files
    what = f"{count} files dropped in"
    note = "copies of real files, known once notify_filelist_changed came; other client asks"
    return [
        _figure("dropped_cpu", f"{what}: CPU until known", "s", samples, 2.0, note),
        _figure("dropped_own_cpu", f"{what}: of the daemon itself", "s", own, None, note),
        _figure("dropped_time", f"{what}: time until known", "s", walls, None, note),
        _figure("dropped_worst", f"{what}: longest wait of another", "ms", waits, None, note),
        _figure("list_cpu", f"list of {count}, changed: CPU", "ms/call", lists, 8.0, "unix socket"),
        _figure("list_again_cpu", f"list of {count}, again: CPU", "ms/call", [warm_ms], 8.0),
    ]


def _drop(daemon: Daemon, names: Sequence[str]) -> FamilyMeter:
    """Write the files and wait until the daemon has told of each; raises `Lost`."""
    contents = [_sample(number) for number in range(len(names))]
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        client.identify()
        meter = FamilyMeter(daemon.pid)
        for name, content in zip(names, contents, strict=True):
            (_gcodes(daemon) / name).write_bytes(content)
        _await_files(client, set(names), meter)
        for name in names:
            record = client.call("server.files.metadata", {"filename": name})
            if record["scan_state"] != "ok":
                raise Lost(f"{name}: {record}")
    return meter


def _await_files(client: Client, missing: set[str], meter: FamilyMeter) -> None:
    limit = time.monotonic() + _PATIENCE_S
    client.socket.settimeout(0.1)
    while missing:
        meter.look()
        if time.monotonic() > limit:
            raise Lost(f"{len(missing)} files are still unknown")
        with contextlib.suppress(TimeoutError):
            for message in client.receive():
                missing -= _told(json.loads(message))
    meter.look()


def _told(message: dict[str, object]) -> set[str]:
    """Paths of the changes in a notification; none in other messages."""
    if message.get("method") != "notify_filelist_changed":
        return set()
    changes = message["params"]
    assert isinstance(changes, list)
    return {change["item"]["path"] for change in changes if change["item"]["root"] == _GCODES}


def _sample(number: int) -> bytes:
    """A sample with moves of its own in its middle, where no slicer puts its words."""
    files = sorted(_SAMPLES.glob("*.gcode"))
    content = files[number % len(files)].read_bytes()
    middle = content.index(b"\n", len(content) // 2) + 1
    return content[:middle] + b"G1 X%d.5 Y7.25 E0.01\n" % number + content[middle:]


def _cold_list(daemon: Daemon, number: int) -> float:
    """CPU of the first list after something has changed."""
    (_gcodes(daemon) / f"other-{number}.txt").write_text("x")
    time.sleep(0.2)
    return _cpu_ms(daemon, _LIST)


def _cpu_ms(daemon: Daemon, request: bytes) -> float:
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        client.call("server.info")
        meter = Meter(daemon.pid)
        ask_large(client, request)
        return meter.read().cpu_ns / NS_PER_US / 1000


# One large file


def _measure_large(plan: Plan) -> list[Figure]:
    figures = []
    with open_linked() as daemon:
        for size_bytes in plan.large_gcode_bytes:
            figures += _measure_one(daemon, size_bytes)
    return figures


def _measure_one(daemon: Daemon, size_bytes: int) -> list[Figure]:
    staged = _gcodes(daemon).with_name(f"large-{size_bytes}.gcode")
    _write_large(staged, size_bytes)
    with (
        contextlib.closing(Client.unix(daemon.unix_socket)) as client,
        open_bystander(daemon) as bystander,
    ):
        client.identify()
        meter, began = FamilyMeter(daemon.pid), time.monotonic()
        staged.rename(_gcodes(daemon) / staged.name)
        _await_files(client, {staged.name}, meter)
        wall_s, cpu_s = time.monotonic() - began, meter.own_s() + meter.children_s()
        record = client.call("server.files.metadata", {"filename": staged.name})
        (_gcodes(daemon) / staged.name).unlink()
    if record["scan_state"] != "ok":
        raise Lost(str(record))
    what, name = f"file of {size_bytes // MB} MB", f"large_{size_bytes // MB}"
    note = "renamed into the folder, in the page cache; another client asks meanwhile"
    return [
        _figure(f"{name}_time", f"{what}: time until known", "s", [wall_s], None, note),
        _figure(f"{name}_cpu", f"{what}: CPU until known", "s", [cpu_s], None, note),
        _figure(f"{name}_worst", f"{what}: longest wait of another", "ms", [bystander.worst_ms()]),
    ]


def _write_large(file: Path, size_bytes: int) -> None:
    """Head and tail as a slicer wrote them, and moves between."""
    content = (_SAMPLES / _LARGE_SAMPLE).read_bytes()
    middle = content.index(b"\n", len(content) // 2) + 1
    lines = (f"G1 X{n % 200}.{n % 997:03} Y{n % 191}.5 E.0{n % 89:02}\n" for n in range(40_000))
    piece = "".join(lines).encode()
    with file.open("wb") as out:
        out.write(content[:middle])
        for _ in range(size_bytes // len(piece)):
            out.write(piece)
        out.write(content[middle:])


# A tree of many files


def _measure_tree(plan: Plan) -> list[Figure]:
    with temporary_folder() as folder, open_printer(folder) as klippy:
        _grow_tree(folder, klippy, plan)
        with open_daemon(folder, klippy) as daemon:
            daemon.wait_ready()
            time.sleep(1)  # what a start has still to do
            return _measure_listings(plan, daemon)


def _grow_tree(folder: Path, klippy: Path, plan: Plan) -> None:
    """Files with records as a scan of each would have left, without scanning thousands."""
    samples = sorted(_SAMPLES.glob("*.gcode"))
    with open_daemon(folder, klippy) as daemon:
        daemon.wait_ready()
        _drop(daemon, [sample.name for sample in samples])
        with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
            wanted = [{"filename": sample.name} for sample in samples]
            records = [client.call("server.files.metadata", one) for one in wanted]
    rows = list(_tree_rows(folder / _GCODES, records, plan))
    database = sqlite3.connect(folder / "database" / "mrk.db")
    with contextlib.closing(database), database:
        database.executemany("INSERT INTO namespace_store VALUES ('gcode_metadata', ?, ?)", rows)


def _tree_rows(
    gcodes: Path, records: Sequence[dict[str, object]], plan: Plan
) -> Iterator[tuple[str, str]]:
    for number, record in zip(range(plan.tree_files), itertools.cycle(records)):
        path = gcodes / f"folder-{number % plan.tree_folders}" / f"part-{number}.gcode"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"; part {number}\nG28\n")
        status = path.stat()
        facts = {**record, "size": status.st_size, "modified": status.st_mtime}
        facts.pop("filename")
        yield str(path.relative_to(gcodes)), json.dumps(facts)


def _measure_listings(plan: Plan, daemon: Daemon) -> list[Figure]:
    title = f"list of {plan.tree_files} in {plan.tree_folders} folders"
    folders = [_folder_request(number) for number in range(plan.tree_folders)]
    first = _cpu_ms(daemon, _LIST)
    again = [_cpu_ms(daemon, _LIST) for _ in range(plan.rounds)]
    changed = [_cold_list(daemon, number) for number in range(plan.rounds)]
    opened = [_cpu_ms(daemon, request) for request in folders]
    _expect_records(daemon, folders[0])
    reopened = [_cpu_ms(daemon, request) for request in folders]
    beside_lists = _stand_by(daemon, [_LIST])
    beside_folders = _stand_by(daemon, folders)
    beside_first = _stand_by_changes(daemon)
    extended = f"extended folder of {plan.tree_files // plan.tree_folders}"
    beside = "another client, while lists follow each other on one connection"
    return [
        _figure("tree_first_cpu", f"{title}: first, CPU", "ms/call", [first]),
        _figure("tree_again_cpu", f"{title}: again, CPU", "ms/call", again),
        _figure("tree_changed_cpu", f"{title}: after a change, CPU", "ms/call", changed),
        *_waits("tree_again", f"{title}: again", beside_lists, beside),
        *_waits("tree_changed", f"{title}: after a change", beside_first, beside),
        _figure("folder_first_cpu", f"{extended}: first, CPU", "ms/call", opened),
        _figure("folder_again_cpu", f"{extended}: again, CPU", "ms/call", reopened),
        *_waits("folder", extended, beside_folders, beside),
    ]


def _folder_request(number: int) -> bytes:
    params = {"path": f"{_GCODES}/folder-{number}", "extended": True}
    return wire.rpc("server.files.get_directory", "folder", params)


def _expect_records(daemon: Daemon, request: bytes) -> None:
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        answer = json.loads(ask_large(client, request)[:-1])
    if not all(entry.get("scan_state") == "ok" for entry in answer["result"]["files"]):
        raise Lost("files in the tree have no metadata")


def _stand_by(daemon: Daemon, requests: Sequence[bytes]) -> Bystander:
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        client.call("server.info")
        with open_bystander(daemon) as bystander:
            limit = time.monotonic() + _BUSY_S
            for request in itertools.cycle(requests):
                ask_large(client, request)
                if time.monotonic() > limit:
                    break
    return bystander


def _stand_by_changes(daemon: Daemon) -> Bystander:
    """Every list has to be made anew."""
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        client.call("server.info")
        with open_bystander(daemon) as bystander:
            for number in range(20):
                (_gcodes(daemon) / f"beside-{number}.txt").write_text("x")
                ask_large(client, _LIST)
    return bystander


def _waits(name: str, what: str, bystander: Bystander, note: str) -> list[Figure]:
    return [
        _figure(f"{name}_p99", f"{what}: p99 of another", "ms", [bystander.p99_ms()], None, note),
        _figure(f"{name}_worst", f"{what}: longest wait", "ms", [bystander.worst_ms()], None, note),
    ]


def _gcodes(daemon: Daemon) -> Path:
    return daemon.log.parent / _GCODES


def _figure(
    name: str,
    what: str,
    unit: str,
    samples: Sequence[float],
    budget: float | None = None,
    note: str = "",
) -> Figure:
    return Figure.of(
        samples,
        name=name,
        what=what,
        unit=unit,
        budget=budget,
        note=note,
    )
