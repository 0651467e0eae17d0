"""Whether the printer has shown the print that was started last."""

from pathlib import Path, PurePosixPath
from typing import Any

from mrk.jobs.events import JobSnapshot
from mrk.jobs.print_stats import PrintStats
from nurseries.jobs.printed_file import PrintedFile, SeenStarts


class SeenStats:
    """The job state's newest snapshot, of a printer that looks as a test says."""

    snapshot: JobSnapshot | None = None

    def look(self, state: str, total_duration: float, eventtime: float) -> None:
        stats = PrintStats(state, "a.gcode", total_duration)
        self.snapshot = JobSnapshot(stats, eventtime, "ready")


def test_a_start_is_unseen_until_the_job_changes() -> None:
    seen: Any = SeenStats()
    seen.look("complete", 30.0, 1.0)
    starts = SeenStarts(seen)
    starts.note_start("a.gcode", None)
    assert starts.unseen
    seen.look("complete", 30.0, 2.0)  # a later look, at what was there before
    assert starts.unseen
    seen.look("printing", 0.0, 3.0)
    assert not starts.unseen


def test_a_gcodes_folder_that_leads_to_itself_costs_no_start(tmp_path: Path) -> None:
    gcodes = tmp_path / "gcodes"
    gcodes.symlink_to(gcodes)
    seen: Any = SeenStats()
    printed = PrintedFile(seen, SeenStarts(seen), lambda _seconds: "a.gcode", gcodes)
    assert printed.is_in_use(PurePosixPath(gcodes, "a.gcode"))
