"""A `systemctl` for PATH that starts and stops the programs of units in a folder, for real.

`python systemctl_program.py ROOT STATE WORDS...`: units stand below ROOT, STATE holds a process id
a running unit. Aliases, drop-ins and environment files are followed as systemd does.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mrk.installation.unit_file import (
    UnitFile,
    parse_environment,
    parse_environment_file,
    parse_unit,
    start_words,
)

FOLDERS = ("etc/systemd/system", "usr/lib/systemd/system")
LEAST_S = 5.0


def real_name(root: Path, name: str) -> str:
    for folder in FOLDERS:
        file = root / folder / f"{name}.service"
        if os.path.lexists(file):
            return Path(os.readlink(file)).stem if file.is_symlink() else name
    sys.exit(f"Unit {name}.service not found.")


def read(root: Path, name: str) -> UnitFile:
    texts = []
    for folder in FOLDERS:
        file = root / folder / f"{name}.service"
        if file.exists():
            texts.append(file.read_text())
            break
    for file in sorted((root / FOLDERS[0] / f"{name}.service.d").glob("*.conf")):
        texts.append(file.read_text())
    return parse_unit(texts)


def running(state: Path, name: str) -> int | None:
    try:
        pid = int((state / name).read_text())
        status = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, ValueError):
        return None
    return None if status == "Z" else pid


def start(root: Path, state: Path, name: str) -> None:
    if running(state, name) is not None:
        return
    unit = read(root, name)
    environ = {k: v for k, v in os.environ.items() if not k.startswith("MOONRAKER_")}
    environ.update(parse_environment(unit.all("Service", "Environment")))
    for file in unit.all("Service", "EnvironmentFile"):
        environ.update(parse_environment_file(Path(file.removeprefix("-")).read_text()))
    with (state / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            start_words(unit, environ),
            env=environ, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    (state / name).write_text(str(process.pid))


def stop(state: Path, name: str) -> None:
    pid = running(state, name)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    limit = time.monotonic() + LEAST_S
    while running(state, name) is not None:
        if time.monotonic() > limit:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def main() -> None:
    root, state = Path(sys.argv[1]), Path(sys.argv[2])
    words = [word for word in sys.argv[3:] if not word.startswith("-")]
    with (state / "calls").open("a") as calls:
        calls.write(" ".join(words) + "\n")
    if words == ["daemon-reload"]:
        return
    verb, unit = words
    name = real_name(root, unit.removesuffix(".service"))
    if verb in ("stop", "restart"):
        stop(state, name)
    if verb in ("start", "restart"):
        start(root, state, name)
    if verb == "is-active":
        is_running = running(state, name) is not None
        print("active" if is_running else "inactive")
        sys.exit(0 if is_running else 3)


if __name__ == "__main__":
    main()
