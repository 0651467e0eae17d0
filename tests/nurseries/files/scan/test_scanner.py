"""The scanner and its worker process: real processes, a real clock."""

import os
import sys
import zipfile
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
import trio

from mrk.gcode.metadata import ScanState
from nurseries.files.scan.messages import NO_PILLOW
from nurseries.files.scan.process import ScanLimits
from nurseries.files.scan.scanner import RewriteFailed, Scanner, ScannerStopped

pytestmark = pytest.mark.e2e
DATA = Path(__file__).parents[3] / "data" / "gcode"
CURA = DATA / "cura-4.13.0-ender3-cube-cut.gcode"
GUI = DATA / "prusa-slicer-2.5.0-gui-thumbnails-png-cut.gcode"
LABELLED = DATA / "prusa-slicer-2.5.0-mk3s-three-labelled-cut.gcode"
# A worker that does as the file's name says, and answers the rest as the real one.
MOODY = """
import os, sys, time
from nurseries.files.scan.messages import decode_request, encode
from nurseries.files.scan.worker import perform
for line in sys.stdin.buffer:
    request = decode_request(line)
    name = getattr(request, "path", getattr(request, "source", b""))
    if b"hang" in name:
        if hasattr(request, "target"):
            open(request.target, "wb").write(b"half of it")
        time.sleep(600)
    if b"crash" in name:
        sys.exit("it fell over")
    if b"die" in name:
        os.kill(os.getpid(), 9)
    if b"junk" in name:
        sys.stdout.buffer.write(b"no JSON\\n")
    elif b"letter" in name:
        sys.stdout.buffer.write(b'{"type": "failed", "reason": "\\xff"}\\n')
    elif b"flood" in name:
        sys.stdout.buffer.write(b"x" * 5_000_000)
    else:
        sys.stdout.buffer.write(encode(perform(request)))
    sys.stdout.buffer.flush()
"""
MOODY_WORKER = (sys.executable, "-c", MOODY)


@asynccontextmanager
async def running(scanner: Scanner):
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            await nursery.start(scanner.serve)
            yield scanner
            nursery.cancel_scope.cancel()


def copy(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    return target


async def test_one_process_for_many_files(tmp_path):
    paths = [copy(GUI, tmp_path / f"{i}.gcode") for i in range(20)]
    async with running(Scanner()) as scanner:
        assert scanner.worker_pid is None
        for path in paths:
            found = await scanner.scan(path)
            assert found.state is ScanState.OK
            assert found.metadata is not None
            assert found.metadata.fields()["thumbnails"][1] == {
                "width": 300,
                "height": 300,
                "size": 5649,
                "relative_path": f".thumbs/{path.stem}-300x300.png",
            }
        assert scanner.workers_started == 1


async def test_the_worker_gives_way_to_everything(tmp_path):
    async with running(Scanner()) as scanner:
        await scanner.scan(CURA, images=False)
        worker = psutil.Process(scanner.worker_pid)
        assert worker.nice() == 19
        assert worker.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE


async def test_the_worker_ends_without_work_and_comes_back_with_it():
    async with running(Scanner(ScanLimits(idle_s=0.05))) as scanner:
        await scanner.scan(CURA, images=False)
        worker = psutil.Process(scanner.worker_pid)
        await trio.to_thread.run_sync(worker.wait, 20)
        assert (await scanner.scan(CURA, images=False)).state is ScanState.OK
        assert scanner.workers_started == 2


async def test_nothing_is_left_when_the_scanner_stops():
    scanner = Scanner()
    async with running(scanner):
        await scanner.scan(CURA, images=False)
        worker = psutil.Process(scanner.worker_pid)
    assert not worker.is_running()
    assert scanner.worker_pid is None
    with pytest.raises(ScannerStopped):
        await scanner.scan(CURA)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash", "ended with 1: it fell over"),
        ("die", "ended with -9"),
        ("junk", "answered nonsense"),
        ("letter", "answered nonsense"),
        ("flood", "gave no answer"),
        ("hang", "took longer than 0.5 s"),
    ],
)
async def test_a_hostile_file_costs_only_its_own_record(tmp_path, name, reason):
    bad = copy(CURA, tmp_path / f"{name}.gcode")
    good = copy(CURA, tmp_path / "good.gcode")
    limits = ScanLimits(scan_s=0.5 if name == "hang" else 20, goodbye_s=0.5)
    async with running(Scanner(limits, MOODY_WORKER)) as scanner:
        outcomes = {}

        async def scan(path: Path) -> None:
            outcomes[path] = await scanner.scan(path, images=False)

        if name == "hang":  # its limit is too short for a start of the process under load
            limits_reached = await scanner.scan(bad, images=False)
            assert reason in (limits_reached.reason or "")
            return
        async with trio.open_nursery() as nursery:
            for path in (bad, good):
                nursery.start_soon(scan, path)
        assert outcomes[bad].state is ScanState.FAILED
        assert reason in outcomes[bad].reason
        assert outcomes[good].state is ScanState.OK


async def test_a_file_is_pending_until_its_scan_is_over(tmp_path):
    first = copy(CURA, tmp_path / "hang.gcode")
    second = copy(CURA, tmp_path / "good.gcode")
    async with running(Scanner(ScanLimits(), MOODY_WORKER)) as scanner:
        assert scanner.state(first) is None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scanner.scan, first)
            nursery.start_soon(scanner.scan, second)
            await trio.testing.wait_all_tasks_blocked()
            assert scanner.state(first) is ScanState.PENDING
            assert scanner.state(second) is ScanState.PENDING
            nursery.cancel_scope.cancel()
        assert scanner.state(first) is None
        assert scanner.state(second) is None


async def test_a_job_whose_caller_goes_away_is_ended_and_leaves_nothing(tmp_path):
    source, target = copy(CURA, tmp_path / "hang.gcode"), tmp_path / "half.gcode"
    async with running(Scanner(ScanLimits(), MOODY_WORKER)) as scanner:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scanner.add_objects, source, target)
            while not target.exists():  # noqa: ASYNC110 - another process writes it
                await trio.sleep(0.01)
            worker = psutil.Process(scanner.worker_pid)
            nursery.cancel_scope.cancel()
        assert not target.exists()
        good = copy(CURA, tmp_path / "good.gcode")
        assert (await scanner.scan(good, images=False)).state is ScanState.OK
        assert not worker.is_running()
        assert scanner.workers_started == 2


async def test_who_waits_in_line_is_told_when_the_scanner_stops(tmp_path):
    scanner = Scanner(ScanLimits(), MOODY_WORKER)
    told = []

    async def scan(path: Path) -> None:
        with pytest.raises(ScannerStopped):
            await scanner.scan(path, images=False)
        told.append(path)

    paths = [copy(CURA, tmp_path / f"hang{i}.gcode") for i in range(3)]
    with trio.fail_after(60):
        async with trio.open_nursery() as callers, running(scanner):
            for path in paths:
                callers.start_soon(scan, path)
            await trio.testing.wait_all_tasks_blocked(0.01)
    assert sorted(told) == paths


async def test_a_worker_that_does_not_start_is_a_reason():
    async with running(Scanner(command=("/nonexistent/python",))) as scanner:
        for _ in range(2):
            found = await scanner.scan(CURA)
            assert found.state is ScanState.FAILED
            assert "does not start" in (found.reason or "")


async def test_a_fault_of_the_scanner_is_told_to_who_runs_it():
    """Its caller hears first that it stopped, and may be what stops the rest."""
    with pytest.raises(ExceptionGroup) as raised:
        async with running(Scanner(command=("no\0program",))) as scanner:
            await scanner.scan(CURA)
    assert raised.group_contains(ScannerStopped)
    assert raised.group_contains(ValueError, match="null byte")


async def test_without_pillow_the_images_are_there_and_a_note_says_what_is_not(tmp_path):
    pillowless = "import sys; sys.modules['PIL'] = None; " + (
        "from nurseries.files.scan.worker import main; main()"
    )
    data = GUI.read_bytes()
    small = data.index(b"; thumbnail begin 32x32"), data.index(b"; thumbnail end\n") + 16
    path = tmp_path / "cup.gcode"
    path.write_bytes(data[: small[0]] + data[small[1] :])
    async with running(Scanner(command=(sys.executable, "-c", pillowless))) as scanner:
        found = await scanner.scan(path)
    assert found.notes == [NO_PILLOW]
    assert found.metadata is not None
    assert [image["width"] for image in found.metadata.fields()["thumbnails"]] == [300]


@pytest.mark.parametrize(("size_bytes", "limit_s"), [(0, 30), (10_000_000, 40), (10**10, 300)])
def test_a_package_has_time_by_its_size(size_bytes, limit_s):
    assert ScanLimits().for_package(size_bytes) == limit_s


async def test_a_package_and_a_broken_one(tmp_path):
    package, model = tmp_path / "a.ufp", tmp_path / ".a.part"
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(CURA, "/3D/model.gcode")
    async with running(Scanner()) as scanner:
        unpacked = await scanner.unpack(package, model, tmp_path / "a.gcode")
        assert unpacked.size_bytes == CURA.stat().st_size
        assert model.read_bytes() == CURA.read_bytes()
        package.write_bytes(b"PK")
        with pytest.raises(RewriteFailed, match="zip"):
            await scanner.unpack(package, tmp_path / ".b.part", tmp_path / "a.gcode")
        assert scanner.workers_started == 1


async def test_objects_and_a_worker_killed_over_them(tmp_path):
    target = tmp_path / "target"
    hang = copy(LABELLED, tmp_path / "hang.gcode")
    async with running(Scanner(ScanLimits(rewrite_s=20), MOODY_WORKER)) as scanner:
        assert len(await scanner.add_objects(LABELLED, target)) == 3
        assert b"EXCLUDE_OBJECT_START" in target.read_bytes()
    half = tmp_path / "half"
    async with running(Scanner(ScanLimits(rewrite_s=2), MOODY_WORKER)) as scanner:
        with pytest.raises(RewriteFailed, match="took longer"):
            await scanner.add_objects(hang, half)
    assert not half.exists()


async def test_what_is_half_written_goes_when_the_scanner_stops(tmp_path):
    half = tmp_path / "half"
    half.write_bytes(b"G1 X")
    with pytest.raises(ScannerStopped):
        await Scanner().unpack(tmp_path / "a.ufp", half, tmp_path / "a.gcode")
    assert not half.exists()


async def test_descriptors_and_processes_stay_constant():
    before = os.listdir("/proc/self/fd")
    for _ in range(5):
        async with running(Scanner()) as scanner:
            await scanner.scan(CURA, images=False)
    assert len(os.listdir("/proc/self/fd")) <= len(before)
    assert psutil.Process().children() == []
