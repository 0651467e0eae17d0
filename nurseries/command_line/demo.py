"""`mrk demo`: the daemon on a virtual printer, in a data folder of its own.

The folder is made at the first start and kept, so that what is tried out is there the next time.
Only `klippy.log` is written anew.
"""

import os
import sys
from pathlib import Path

import click

from config.paths import Paths, create_folders
from mrk.virtual_printer.demo_printer import DEMO_PRINTER
from mrk.virtual_printer.klippy import SOFTWARE_VERSION, KlippySettings
from mrk.virtual_printer.objects.printer_cfg import config_sections, config_text
from nurseries.root.daemon import run
from nurseries.virtual_printer.gcodes import DiskFolder, sample_gcode
from nurseries.virtual_printer.service import VirtualPrinter, VirtualPrinterSettings

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
  mrk -d {folder} watch extruder=temperature print_stats=state
  mrk -d {folder} call printer.print.start filename=calibration_cube.gcode
  curl http://127.0.0.1:{port}/server/info

Ctrl-C ends it.
"""


def run_demo(folder: Path, port: int, speed: float) -> int:
    """Run the daemon on a virtual printer; `speed` is virtual seconds per real one.

    Returns the exit code.
    """
    paths = Paths.resolve(environ={}, data_path=folder.absolute())
    create_folders(paths)
    log_file = paths.logs / "klippy.log"
    _fill(paths, log_file, port)
    klippy = KlippySettings(
        config_folder=str(paths.config),
        log_file=str(log_file),
        process_id=os.getpid(),
        user_id=os.getuid(),
        group_id=os.getgid(),
        model=DEMO_PRINTER,
    )
    settings = VirtualPrinterSettings(
        socket_path=paths.comms / "klippy.sock", speed=speed, klippy=klippy
    )
    printer = VirtualPrinter(settings, DiskFolder(paths.gcodes))
    print(_GREETING.format(folder=folder, port=port), flush=True)
    return run(paths, printer.serve)


def _fill(paths: Paths, log_file: Path, port: int) -> None:
    """What a first start lacks; the configuration is written anew when the port differs."""
    sections = config_text(config_sections(str(paths.gcodes), str(paths.config), DEMO_PRINTER))
    printer_cfg = paths.config / "printer.cfg"
    if not printer_cfg.exists():
        printer_cfg.write_text(_PRINTER_CFG.format(sections=sections))
    log_file.write_text(_KLIPPY_LOG.format(version=SOFTWARE_VERSION, sections=sections))
    configuration = paths.config / "moonraker.conf"
    text = _CONFIGURATION.format(port=port)
    if not configuration.exists() or f"port: {port}\n" not in configuration.read_text():
        configuration.write_text(text)
    name, content = sample_gcode()
    sample = paths.gcodes / name
    if not sample.exists():
        sample.write_bytes(content)


@click.command("demo")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=7125, show_default=True)
@click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("demo-data"),
    show_default=True,
)
def command(speed: float, port: int, folder: Path) -> None:
    """Run the daemon on a virtual printer, in a data folder of its own."""
    sys.exit(run_demo(folder, port, speed))
