"""A full disk: uploads are refused with 507, and go on when there is space."""

import subprocess
import sys
from pathlib import Path

import pytest

OWN_MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
MOUNT = 'mount -t tmpfs -o size=32m none "$0"'


@pytest.mark.e2e
def test_uploads_onto_a_full_disk(tmp_path: Path) -> None:
    probe = subprocess.run([*OWN_MOUNT, MOUNT, tmp_path], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no mount of our own: {probe.stderr.decode().strip()}")
    life = f'{MOUNT} && exec "$1" -m tests.transports.transfers.full_disk "$0"'
    ended = subprocess.run(
        [*OWN_MOUNT, life, tmp_path, sys.executable], capture_output=True, text=True, check=False
    )
    assert ended.stdout.endswith("passed\n"), ended.stdout + ended.stderr
