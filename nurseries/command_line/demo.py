"""`mrk demo`: the daemon on a virtual printer, in a data folder of its own.

The folder is made at the first start and kept, so that what is tried out is there the next time.
Only `klippy.log` is written anew, and of the configuration no more than a port that is asked for.
The data folder of a real printer is refused, and so is a configuration that links to another one.
"""

import os
import re
import shlex
import sys
from pathlib import Path

import click

from config.backup import read_or_backup
from config.config_errors import ConfigError
from config.paths import Paths, create_folders
from config.whole_file import write_whole
from mrk.errors import MrkError
from mrk.virtual_printer.demo_printer import DEMO_PRINTER
from mrk.virtual_printer.klippy import SOFTWARE_VERSION, KlippySettings
from mrk.virtual_printer.objects.printer_cfg import config_sections, config_text
from nurseries.root.daemon import run
from nurseries.virtual_printer.gcodes import DiskFolder, sample_gcode
from nurseries.virtual_printer.service import VirtualPrinter, VirtualPrinterSettings

_DEFAULT_PORT = 7125
_MARK = "mrk demo"
_PORT_OPTION = re.compile(
    r"^(\[server\].*(?:\n(?!\[).*)*?\nport[ \t]*[:=][ \t]*)(\d+)", re.MULTILINE
)
_CONFIGURATION = """\
# Made by `mrk demo`. Everything here may be changed; docs/configuration.md lists what there is.

[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {{data_path}}/comms/klippy.sock

[authorization]
trusted_clients:
  127.0.0.0/8
  ::1/128

[octoprint_compat]
"""
_PRINTER_CFG = """\
# Made by `mrk demo` to look at: the virtual printer does not read it.

{sections}"""
_KLIPPY_LOG = """\
This is the virtual printer of `mrk demo`; there is no Klipper.
Git version: '{version}'
===== Config file =====
{sections}=======================
"""
_GREETING = """\
mrk runs on a virtual printer, data folder {folder}. Try, in another terminal:

  a browser on     http://127.0.0.1:{port}/
  {program} -d {folder} watch extruder=temperature print_stats=state
  {program} -d {folder} call printer.print.start filename=calibration_cube.gcode
  curl http://127.0.0.1:{port}/server/info

Ctrl-C ends it.
"""


def run_demo(folder: Path, port: int | None, speed: float) -> int:
    """Run the daemon on a virtual printer; `speed` is virtual seconds per real one.

    Returns the exit code.
    """
    paths = Paths.resolve(environ={}, data_path=folder.absolute())
    port = configure(paths, port)
    socket_path = paths.comms / "klippy.sock"
    check_link(paths, socket_path)
    create_folders(paths)
    log_file = paths.logs / "klippy.log"
    _fill(paths, log_file)
    klippy = KlippySettings(
        config_folder=str(paths.config),
        log_file=str(log_file),
        process_id=os.getpid(),
        user_id=os.getuid(),
        group_id=os.getgid(),
        model=DEMO_PRINTER,
    )
    settings = VirtualPrinterSettings(socket_path=socket_path, speed=speed, klippy=klippy)
    printer = VirtualPrinter(settings, DiskFolder(paths.gcodes))
    program = sys.argv[0] if Path(sys.argv[0]).name == "mrk" else "mrk"
    told = _GREETING.format(program=program, folder=shlex.quote(str(folder)), port=port)
    print(told, flush=True)
    return run(paths, printer.serve)


def configure(paths: Paths, port: int | None) -> int:
    """Write the configuration at a first start, then only a `port` that is given.

    Returns the port.
    """
    file = paths.config / "moonraker.conf"
    if not file.exists():
        paths.config.mkdir(parents=True, exist_ok=True)
        file.write_text(_CONFIGURATION.format(port=port or _DEFAULT_PORT))
        return port or _DEFAULT_PORT
    text = file.read_text("utf-8", "surrogateescape")
    printer_cfg = paths.config / "printer.cfg"
    if printer_cfg.exists() and _MARK not in text + printer_cfg.read_text(
        "utf-8", "surrogateescape"
    ):
        raise MrkError(
            f"{paths.data} is a printer's, not a demo's: name another folder with --data"
        )
    found = _PORT_OPTION.search(text)
    if port is None or (found is not None and int(found[2]) == port):
        return _DEFAULT_PORT if found is None else int(found[2])
    if found is None:
        raise MrkError(f"{file} has no port in [server]: write `port: {port}` there")
    changed = f"{text[: found.start(2)]}{port}{text[found.end(2) :]}"
    try:
        mode = file.stat().st_mode & 0o777
        write_whole(file, changed.encode("utf-8", "surrogateescape"), mode=mode)
    except OSError as exc:
        raise MrkError(
            f"the port cannot be written into {file}: {exc.strerror}; without --port it stays"
            f" {found[2]}"
        ) from exc
    return port


def check_link(paths: Paths, socket_path: Path) -> None:
    """Raise `MrkError` where the daemon would be linked to another printer, maybe a real one."""
    try:
        address = read_or_backup(paths).settings.server.klippy_uds_address
    except ConfigError:
        return  # the daemon does not start, and says why
    if address.resolve() != socket_path.resolve():
        file = paths.config / "moonraker.conf"
        raise MrkError(
            f"{file} links to the printer at {address}, not to the demo's:"
            " write `klippy_uds_address: {data_path}/comms/klippy.sock` in [server]"
        )


def _fill(paths: Paths, log_file: Path) -> None:
    """What a first start lacks, and the log."""
    sections = config_text(config_sections(str(paths.gcodes), str(paths.config), DEMO_PRINTER))
    printer_cfg = paths.config / "printer.cfg"
    if not printer_cfg.exists():
        printer_cfg.write_text(_PRINTER_CFG.format(sections=sections))
    log_file.write_text(_KLIPPY_LOG.format(version=SOFTWARE_VERSION, sections=sections))
    name, content = sample_gcode()
    sample = paths.gcodes / name
    if not sample.exists():
        sample.write_bytes(content)


@click.command("demo")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), help="[that of its moonraker.conf, or 7125]")
@click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path),
    help="Its data folder [that of -d, or demo-data].",
)
@click.pass_context
def command(context: click.Context, /, speed: float, port: int | None, folder: Path | None) -> None:
    """Run the daemon on a virtual printer, in a data folder of its own."""
    given = context.parent.params.get("data_path") if context.parent is not None else None
    sys.exit(run_demo(folder or given or Path("demo-data"), port, speed))
