"""A whole daemon on a configuration full of mistakes: it runs, and says what to write and where."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.processes import run_daemon
from tests.e2e.wire import PATIENCE_S

pytestmark = pytest.mark.e2e
SECTIONS = """\
[mqtt]
address: {secrets.broker.ip}
port: {secrets.broker.port}

[spoolman]
sync_rate: 0

[octoprint_compat]
enable_ufp: maybe

[ldap]
ldap_host: x

[timelapse]
output_framerate: fast

[kobra]

[data_store]
gcode_store_size: 200000

[update_manager]
[update_manager a]
type: web
path: /nowhere
repo: a
"""
FAILED = ["mqtt", "octoprint_compat", "spoolman", "ldap", "timelapse", "kobra"]


def test_mistakes_cost_their_components_and_nothing_else(tmp_path: Path) -> None:
    with run_daemon(tmp_path, "login_timeout: 3", sections=SECTIONS) as daemon:
        info = httpx.get(f"{daemon.url}/server/info", timeout=PATIENCE_S).json()["result"]
        assert sorted(info["failed_components"]) == sorted(FAILED)
        assert "file_manager" in info["components"]
        assert not set(FAILED) & set(info["components"])
        told = [warning for warning in info["warnings"] if "moonraker.conf: [" in warning]
        assert len(told) == 7  # two in [spoolman], and one of an item of [update_manager]
        everything = " ".join(info["warnings"])
        assert "Unparsed" not in everything
        assert ".conf:" not in everything.replace(".conf: ", "")
        assert sum("[update_manager a]" in warning for warning in info["warnings"]) == 1
        spools = httpx.get(f"{daemon.url}/server/spoolman/status", timeout=PATIENCE_S)
        assert spools.status_code == 404
        said = daemon.process.said()
        lines = {
            text.partition(" ")[0] for text in said.split() if text.startswith("moonraker.conf:")
        }
        assert len(lines) >= 6
        checked = subprocess.run(
            [sys.executable, "-m", "mrk", "-d", str(tmp_path), "check-config"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert all(f"warning: {line}" in checked.stdout for line in lines)
