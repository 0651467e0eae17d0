"""A printer's host in a folder: its `/etc`, a user, a data folder, and a Moonraker that runs.

`systemctl` on PATH is `systemctl_program.py`, so what the units say is really started.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from nurseries.installation.daemon_probe import HttpAddress, wait_for_daemon
from nurseries.installation.target_system import TargetSystem
from tests.e2e.processes import ROOT, configure

SAMPLE = ROOT / "tests/data/moonraker_database/moonraker-sql.db"
UNIT = """\
[Unit]
Description=API Server for Klipper SV1
Requires=network-online.target
After=network-online.target

[Install]
WantedBy=multi-user.target

[Service]
Type=simple
User=pi
SupplementaryGroups=moonraker-admin
RemainAfterExit=yes
EnvironmentFile={data}/systemd/moonraker.env
ExecStart={python} $MOONRAKER_ARGS
Restart=always
RestartSec=10
"""
STOCK = 'MOONRAKER_DATA_PATH="{data}"\nMOONRAKER_ARGS="-m moonraker"\nPYTHONPATH="{code}"\n'
KIAUH = 'MOONRAKER_ARGS="{code}/moonraker/moonraker.py -d {data}"\nPYTHONPATH="{code}"\n'
PATIENCE_S = 20.0


class PrinterHost:
    """`root` stands for `/`; the data folder is found below it as well."""

    def __init__(
        self, folder: Path, form: str = STOCK, data: str = "printer_data", route_prefix: str = ""
    ) -> None:
        self.root = folder / "root"
        self.home = folder / "home"
        self.data = self.home / data
        self.route_prefix = route_prefix
        self.state = folder / "state"
        self.units = self.root / "etc/systemd/system"
        self._make(folder, form)
        self.port = configure(self.data, f"route_prefix: {route_prefix}" if route_prefix else "")
        (self.data / "port").write_text(str(self.port))

    def _make(self, folder: Path, form: str) -> None:
        for path in (self.units, self.state, self.data / "systemd", self.data / "database",
                     self.root / "etc/polkit-1/rules.d", folder / "bin"):  # fmt: skip
            path.mkdir(parents=True)
        top = folder.parts[1]
        (self.root / top).symlink_to(f"/{top}")
        who = f"pi:x:{os.getuid()}:{os.getgid()}:Pi:{self.home}:/bin/sh\n"
        (self.root / "etc/passwd").write_text(who)
        code = self.home / "moonraker"
        package = code / "moonraker"
        package.mkdir(parents=True)
        program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        program += "from tests.fakes.old_moonraker import main; main()\n"
        for name in ("__init__.py", "__main__.py", "moonraker.py"):
            (package / name).write_text(program if name != "__init__.py" else "")
        text = form.format(data=self.data, code=code)
        (self.data / "systemd/moonraker.env").write_text(text)
        unit = UNIT.format(data=self.data, python=sys.executable)
        (self.units / "moonraker.service").write_text(unit)
        (self.data / "database/moonraker-sql.db").write_bytes(SAMPLE.read_bytes())
        systemctl = folder / "bin/systemctl"
        systemctl.write_text(
            f"#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P"
            f' {ROOT}/tests/fakes/systemctl_program.py {self.root} {self.state} "$@"\n'
        )
        systemctl.chmod(0o755)

    @property
    def host(self) -> TargetSystem:
        return TargetSystem(self.root, is_live=True)

    @property
    def environ(self) -> dict[str, str]:
        path = f"{self.state.parent / 'bin'}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}

    def answers(self, *, is_mrk: bool, patience_s: float = PATIENCE_S) -> bool:
        socket = self.data / "comms/moonraker.sock"
        where = HttpAddress("127.0.0.1", self.port, self.route_prefix)
        missing = wait_for_daemon(socket, where, patience_s, is_mrk=is_mrk)
        return missing is None

    def files(self) -> dict[str, str]:
        """Every file of the system with what it holds; links as `-> target`."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if path.is_symlink():
                found[name] = f"-> {os.readlink(path)}"
            elif path.is_file():
                found[name] = path.read_text()
        return found

    def data_files(self) -> set[str]:
        return {str(p.relative_to(self.data)) for p in self.data.rglob("*") if p.is_file()}

    def end(self) -> None:
        for file in self.state.iterdir():
            if file.suffix == "" and file.name != "calls":
                with contextlib.suppress(OSError, ValueError):
                    os.kill(int(file.read_text()), signal.SIGKILL)


@contextlib.contextmanager
def printer_host(folder: Path, form: str = STOCK, **options: str) -> Iterator[PrinterHost]:
    made = PrinterHost(folder, form, **options)
    try:
        yield made
    finally:
        made.end()
