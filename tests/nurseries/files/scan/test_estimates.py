"""Files read for an estimate: whole files, files that change, and the worker that does it."""

import os

import pytest
import trio

from mrk.estimate.estimate_protocols import EstimateFailed, Excluded
from mrk.estimate.printer_limits import DEFAULT_LIMITS
from nurseries.files.scan.estimates import PIECE_BYTES, FileChanged, estimate_file
from nurseries.files.scan.estimator import WorkerEstimator
from nurseries.files.scan.gcode_file import GcodeFile
from nurseries.files.scan.scanner import Scanner
from tests.nurseries.files.scan.test_scanner import MOODY_WORKER

LINES = b"G1 X60 F6000\nG1 X0\n" * 10_000


@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite"])
def test_a_file_that_changes_while_it_is_read_has_no_estimate(tmp_path, change):
    path = tmp_path / "a.gcode"
    path.write_bytes(LINES)

    def interfere(done: int, whole: int) -> None:
        if done == PIECE_BYTES and change == "grow":
            with path.open("ab") as file:
                file.write(LINES)
        elif done == PIECE_BYTES and change == "shrink":
            os.truncate(path, 100)
        elif done == PIECE_BYTES:
            os.utime(path, (1, 1))

    with GcodeFile(path) as source, pytest.raises(FileChanged):
        estimate_file(source, bytes(path), DEFAULT_LIMITS, progress=interfere)


def test_how_far_it_is_is_told(tmp_path):
    path = tmp_path / "a.gcode"
    path.write_bytes(LINES)
    told = []
    with GcodeFile(path) as source:
        found = estimate_file(
            source, bytes(path), DEFAULT_LIMITS, progress=lambda done, whole: told.append(done)
        )
    assert found.num_moves == 20_000
    assert told == sorted(told)
    assert told[-1] == len(LINES)


@pytest.mark.e2e
async def test_the_worker_plans_and_writes_and_a_bad_file_costs_nothing_else(tmp_path):
    scanner = Scanner(command=MOODY_WORKER)
    estimator = WorkerEstimator(scanner)
    path, target = tmp_path / "a.gcode", tmp_path / "b.gcode"
    path.write_bytes(LINES)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            await nursery.start(scanner.serve)
            found = await estimator.estimate(path, DEFAULT_LIMITS, 30.0)
            assert found.estimate.num_moves == 20_000
            assert found.modified == path.stat().st_mtime
            less = Excluded(("X",), behind=5)
            assert (await estimator.estimate(path, DEFAULT_LIMITS, 30.0, less)) == found
            done = await estimator.write_times(path, target, DEFAULT_LIMITS, 30.0)
            assert done.written.estimate.total_time == found.estimate.total_time
            assert done.written.modified == target.stat().st_mtime
            assert target.read_bytes().startswith(LINES)
            for name in ("crash", "die", "junk", "gone"):
                with pytest.raises(EstimateFailed):
                    await estimator.estimate(tmp_path / f"{name}.gcode", DEFAULT_LIMITS, 30.0)
            with pytest.raises(EstimateFailed, match=r"longer than 0\.5 s"):
                await estimator.write_times(
                    tmp_path / "hang.gcode", tmp_path / "half.gcode", DEFAULT_LIMITS, 0.5
                )
            assert not (tmp_path / "half.gcode").exists()
            nursery.cancel_scope.cancel()
    with pytest.raises(EstimateFailed) as error:
        await estimator.estimate(path, DEFAULT_LIMITS, 1.0)
    assert error.value.may_pass
