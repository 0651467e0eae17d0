"""A bug in something essential ends the process, with a traceback and exit code 1."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT, configure
from tests.e2e.wire import PATIENCE_S

pytestmark = pytest.mark.e2e
PROGRAM = """
import sys
from pathlib import Path
import trio
from config.paths import Paths
from nurseries.root.daemon import run

async def companion(*, task_status=trio.TASK_STATUS_IGNORED):
    task_status.started()
    while not unix_socket.exists():
        await trio.sleep(0.01)
    raise %s

data = Path(sys.argv[1])
unix_socket = data / "comms" / "moonraker.sock"
sys.exit(run(Paths(data=data, unix_socket=unix_socket), companion))
"""


def crashed(folder: Path, error: str) -> subprocess.CompletedProcess[str]:
    configure(folder)
    words = [sys.executable, "-c", PROGRAM % error, str(folder)]
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, cwd=ROOT)


def test_a_bug_is_a_traceback_and_exit_code_1(tmp_path: Path) -> None:
    result = crashed(tmp_path, "ZeroDivisionError('of all things')")
    assert result.returncode == 1
    assert "Traceback" in result.stdout + result.stderr
    assert "ZeroDivisionError: of all things" in result.stdout + result.stderr
    assert not (tmp_path / "comms" / "moonraker.sock").exists()


def test_an_error_with_a_name_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    result = crashed(tmp_path, "__import__('mrk.errors').errors.MrkError('the disk is full')")
    assert result.returncode == 1
    assert "mrk ends: the disk is full" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
