"""Runs a test module as a program on a small file system of its own, which that may fill up."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

_OWN_MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


def passes_on_small_disk(folder: Path, size: str, module: str) -> None:
    """Run `module folder` where `folder` has `size` in all; it must print `passed` at its end."""
    mount = f'mount -t tmpfs -o size={size} none "$0"'
    probe = subprocess.run([*_OWN_MOUNT, mount, folder], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no mount of our own: {probe.stderr.decode().strip()}")
    life = f'{mount} && exec "$1" -m {module} "$0"'
    ended = subprocess.run(
        [*_OWN_MOUNT, life, folder, sys.executable], capture_output=True, text=True, check=False
    )
    assert ended.stdout.endswith("passed\n"), ended.stdout + ended.stderr


def fill_up(filler: Path) -> None:
    """Take all the space that the disk has left, with bytes that no compression makes fewer."""
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as opened:
        while True:
            opened.write(os.urandom(1024))
