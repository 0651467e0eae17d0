"""A `host` that the machine does not have yet: the unix socket serves, and TCP follows."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_OWN_NETWORK = ["unshare", "--user", "--map-root-user", "--net"]


@pytest.mark.e2e
def test_an_address_that_comes_later_is_listened_on(tmp_path: Path) -> None:
    if shutil.which("ip") is None:
        pytest.skip("no ip(8)")
    probe = subprocess.run([*_OWN_NETWORK, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no network of our own: {probe.stderr.decode().strip()}")
    command = [*_OWN_NETWORK, sys.executable, "-m", "tests.e2e.late_address", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout.endswith("passed\n"), ended.stdout + ended.stderr
