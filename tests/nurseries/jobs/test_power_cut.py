"""The real database: what was answered is there after the process is gone."""

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 4


@pytest.mark.e2e
def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    moments = random.Random()
    command = [sys.executable, "-m", "tests.nurseries.jobs.printing", str(tmp_path)]
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(moments.randint(2, 25))]
            process.send_signal(signal.SIGKILL)
            lines += [*process.stdout]
        last = next(line.split() for line in reversed(lines) if line.endswith("\n"))
        connection = sqlite3.connect(tmp_path / "database" / "mrk.db")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        jobs = connection.execute("SELECT job_id FROM job_queue ORDER BY position").fetchall()
        stored = [job_id for (job_id,) in jobs]
        # One more change may have been stored and not told.
        assert stored[: len(last)] == last or stored == last[1:]
        (ended,) = connection.execute(
            "SELECT count(*) FROM job_history WHERE status IN ('completed', 'server_exit')"
        ).fetchone()
        totals = "SELECT total FROM job_totals WHERE field = 'total_jobs'"
        counted = connection.execute(totals).fetchone()
        assert (counted[0] if counted else 0.0) == float(ended)
        running = "SELECT count(*) FROM job_history WHERE status = 'in_progress'"
        assert connection.execute(running).fetchone()[0] <= 1
        connection.close()
