"""`python -m tests.page MODULES SHOTS`: the page in Chromium, by `drive.cjs`, for `nox -s page`.

MODULES holds playwright-core and axe-core. Two demos are started: one that trusts this host, and
one where everybody has to log in and whose configuration has a mistake. Ends with 1 when the page
is not as it should be; what was seen lies in SHOTS.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from nurseries.process.free_ports import free_port
from tests.e2e.processes import ROOT, DaemonProcess, configure, run_demo

SPEED = 8.0
LOCKED = """\
[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {{data_path}}/comms/klippy.sock

[authorization]
force_logins: True
trusted_clients:
  127.0.0.0/8
cors_domain: http://old.example

[octoprint_compact]
"""


def main() -> int:
    """The exit code."""
    modules, shots = (Path(argument).absolute() for argument in sys.argv[1:3])
    with TemporaryDirectory() as name:
        trusting, locking = Path(name, "trusting"), Path(name, "locking")
        port = configure(trusting)
        with run_demo(trusting, SPEED, port) as first:
            locked_port = _lock(locking)
            with run_demo(locking, SPEED, locked_port) as second:
                code = _drive(modules, shots, first, second)
        return code or _compare(locking, shots / "findings.txt")


def _lock(folder: Path) -> int:
    port = free_port()
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "moonraker.conf").write_text(LOCKED.format(port=port))
    for name, role in (("ann", "admin"), ("vera", "view")):
        _mrk(folder, "user", "add", name, "--role", role, told=f"secret-{name}\n")
    return port


def _mrk(folder: Path, *arguments: str, told: str = "") -> str:
    command = [sys.executable, "-m", "mrk", "-d", str(folder), *arguments]
    done = subprocess.run(command, input=told, capture_output=True, text=True, cwd=ROOT)
    return done.stdout


def _drive(modules: Path, shots: Path, first: DaemonProcess, second: DaemonProcess) -> int:
    script = Path(__file__).with_name("drive.cjs")
    command = ["node", str(script), str(modules), str(shots), f"{first.url}/", f"{second.url}/"]
    return subprocess.run(command).returncode


def _compare(folder: Path, seen: Path) -> int:
    """What the page shows of the configuration is what check-config prints."""
    printed = _mrk(folder, "check-config").splitlines()
    shown = seen.read_text().splitlines()
    texts = [line.partition(": ")[2] if ": " in line[:10] else line for line in printed]
    if len(shown) == len(printed) and all(t in s for t, s in zip(texts, shown, strict=True)):
        return 0
    print("NOT as check-config prints:", *printed, "but:", *shown, sep="\n  ")
    return 1


if __name__ == "__main__":
    sys.exit(main())
