"""Moonraker as a black box: installed from the package index into an environment of its own.

The environment stays in the user's cache folder, so that only the first run downloads anything.
It is used through its command line, its configuration and its sockets, and never read.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.daemon import DaemonFailed, Program

REQUIREMENT = "moonraker[speedups]==0.11.0"
NAME = "Moonraker"
_INSTALL_S = 600.0
_COMPLETE = "complete"


def environment() -> Path:
    """Where the environment is, or will be."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    version = REQUIREMENT.partition("==")[2]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Path(cache) / "mrk-benchmarks" / f"moonraker-{version}-python{python}"


def install() -> Program:
    """Install it if that was not done before; raises `DaemonFailed` with what pip said."""
    folder = environment()
    if not (folder / _COMPLETE).exists():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _run([*pip, "--disable-pip-version-check", REQUIREMENT])
        (folder / _COMPLETE).touch()
    return Program(NAME, (str(folder / "bin" / "moonraker"),), folder)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise DaemonFailed(f"{' '.join(command)}: not done after {_INSTALL_S:.0f} s") from exc
    if done.returncode:
        said = done.stdout.decode(errors="replace")[-1000:]
        raise DaemonFailed(f"{' '.join(command)}: exit code {done.returncode}\n{said}")
