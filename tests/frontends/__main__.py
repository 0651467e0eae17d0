"""`python -m tests.frontends MAINSAIL FLUIDD`: real front ends in Chromium, from mrk's port alone.

The arguments are folders of built front ends. Each is opened on a desktop's and a phone's size, a
deep link is reloaded, a file uploaded, printed and another one edited. Needs node, Chromium and the
npm package playwright-core. Ends with 1 and a line for each thing that went wrong.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.daemon import open_daemon, open_printer, temporary_folder
from nurseries.virtual_printer.gcodes import sample_gcode

DRIVER = Path(__file__).with_name("drive.cjs")
SIZES = ((1280, 800), (390, 844))
PRINTED = "part.gcode"
_PATIENCE_S = 400.0
_SECTIONS = """
[frontend mainsail]
path: {mainsail}

[frontend fluidd]
path: {fluidd}
prefix: /fluidd

[update_manager]
enable_system_updates: False
"""
_PATHS = {"mainsail": "/", "fluidd": "/fluidd/"}


@click.command()
@click.argument("mainsail", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("fluidd", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--playwright", default="playwright-core", help="Folder of playwright-core.")
@click.option("--shots", type=click.Path(path_type=Path), help="Where screenshots go.")
def main(mainsail: Path, fluidd: Path, playwright: str, shots: Path | None) -> None:
    """Drive both front ends; fails when one of them does."""
    shots = shots or Path(tempfile.mkdtemp(prefix="front-ends-"))
    shots.mkdir(parents=True, exist_ok=True)
    failed = 0
    for width, height in SIZES:
        for name, path in _PATHS.items():
            with temporary_folder() as folder:
                failed += _drive(folder, name, path, (width, height), (mainsail, fluidd),
                                 playwright, shots)  # fmt: skip
    click.echo(f"screenshots: {shots}")
    sys.exit(1 if failed else 0)


def _drive(
    folder: Path,
    name: str,
    path: str,
    size: tuple[int, int],
    builds: tuple[Path, Path],
    playwright: str,
    shots: Path,
) -> bool:
    sample, content = sample_gcode()
    gcodes = folder / "data/gcodes"
    gcodes.mkdir(parents=True)
    (gcodes / sample).write_bytes(content)
    (folder / "data/config").mkdir()
    (folder / "data/config/printer.cfg").write_text("[printer]\nkinematics: none\n")
    (folder / PRINTED).write_bytes(content)
    sections = _SECTIONS.format(mainsail=builds[0].absolute(), fluidd=builds[1].absolute())
    with (
        open_printer(folder, "--gcodes", str(gcodes)) as klippy,
        open_daemon(folder / "data", klippy, sections) as daemon,
    ):
        daemon.wait_ready()
        url = f"http://127.0.0.1:{daemon.port}{path}"
        words = [playwright, name, url, str(folder / PRINTED), str(shots), *map(str, size)]
        node = shutil.which("node") or "node"
        done = subprocess.run([node, str(DRIVER), *words], check=False, timeout=_PATIENCE_S)
    return done.returncode != 0


if __name__ == "__main__":
    main()
