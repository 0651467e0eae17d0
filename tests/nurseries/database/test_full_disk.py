"""A full disk: errors are 507, mrk starts and goes on, and space comes back."""

import subprocess
import sys
from pathlib import Path

import pytest

OWN_MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
MOUNT = 'mount -t tmpfs -o size=600k none "$0"'


@pytest.mark.e2e
def test_a_full_disk_is_survived(tmp_path: Path) -> None:
    probe = subprocess.run([*OWN_MOUNT, MOUNT, tmp_path], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no mount of our own: {probe.stderr.decode().strip()}")
    life = f'{MOUNT} && exec "$1" -m tests.nurseries.database.full_disk "$0"'
    ended = subprocess.run(
        [*OWN_MOUNT, life, tmp_path, sys.executable], capture_output=True, text=True, check=False
    )
    assert ended.stdout.endswith("passed\n"), ended.stdout + ended.stderr
