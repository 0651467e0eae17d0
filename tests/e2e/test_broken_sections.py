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


ONLY_BROKEN = """\
[power psu]
type: tasmota

[wled case]
type: udp

[button stop]
pin: 17

[notifier end]
url: telegram
events: sunset

[sensor meter]
type: zigbee

[mqtt]
address: 127.0.0.1
port: 1
enable_moonraker_api: False
"""
NOTHING = {
    "/machine/device_power/devices": {"devices": []},
    "/machine/wled/strips": {"strips": {}},
    "/server/notifiers/list": {"notifiers": []},
    "/server/sensors/list": {"sensors": {}},
}


def test_components_of_broken_sections_alone_have_nothing(tmp_path: Path) -> None:
    """Front ends ask what is configured, and are not to hear that there is no such method."""
    with run_daemon(tmp_path, sections=ONLY_BROKEN) as daemon:
        info = httpx.get(f"{daemon.url}/server/info", timeout=PATIENCE_S).json()["result"]
        components = {"power", "wled", "button", "notifier", "sensor"}
        assert components <= set(info["components"])
        assert not components & set(info["failed_components"])
        for path, nothing in NOTHING.items():
            answer = httpx.get(f"{daemon.url}{path}", timeout=PATIENCE_S)
            assert (answer.status_code, answer.json()) == (200, {"result": nothing})
        for title in ("power psu", "wled case", "button stop", "notifier end", "sensor meter"):
            ends = [text for text in info["warnings"] if text.startswith("moonraker.conf: [")]
            assert any(f"[{title}] is not used until that is mended" in text for text in ends)
