"""kill -9 while the database is written, backed up and compacted: nothing acknowledged is lost."""

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nurseries.database.opening import is_good_copy

KILLS = 10


def write_until_killed(data: Path, lines: int) -> list[str]:
    """Let the writer print so many lines, kill it, and return all it had printed."""
    command = [sys.executable, "-m", "tests.nurseries.database.writer", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        return [line.strip() for line in (*printed, *process.stdout)]


@pytest.mark.e2e
def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    moments = random.Random()
    acknowledged = -1
    for _ in range(KILLS):
        printed = write_until_killed(tmp_path, moments.randint(1, 150))
        assert printed
        numbers = [int(line) for line in printed if line]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        # The writer goes on after the last number that is stored: at most one was not told.
        assert acknowledged + 1 <= numbers[0] <= acknowledged + 2
        acknowledged = numbers[-1]
    file = tmp_path / "database" / "mrk.db"
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    sql = "SELECT key FROM namespace_store WHERE namespace = 'numbers'"
    stored = {int(key) for (key,) in connection.execute(sql)}
    assert set(range(acknowledged + 1)) <= stored <= set(range(acknowledged + 2))
    (jobs,) = connection.execute("SELECT count(*) FROM job_history").fetchone()
    assert connection.execute("SELECT total FROM job_totals").fetchone() == (float(jobs),)
    connection.close()
    for copy in (*file.parent.glob("backup/*.db"), *tmp_path.glob("backup/database/*.db")):
        assert is_good_copy(copy)
    assert not list(file.parent.glob("*.damaged-*"))
