"""The virtual printer in a process of its own, for `mrk virtual-printer`.

Runs until SIGTERM or SIGINT; the socket file is removed then. What goes wrong at the start is one
line on standard error and exit code 1.
"""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import trio

from mrk.errors import MrkError, leaves
from mrk.virtual_printer.faults import Fault, FaultKind
from nurseries.virtual_printer.gcodes import DiskFolder
from nurseries.virtual_printer.service import VirtualPrinter, VirtualPrinterSettings

# An ordered fault lasts as long as the process, unless a time is given.
_FOR_EVER_S = 1e9


def parse_fault(word: str) -> Fault:
    """`KIND` or `KIND=SECONDS`; raises `MrkError`."""
    kind, equals, seconds = word.partition("=")
    try:
        return Fault(FaultKind(kind), float(seconds) if equals else _FOR_EVER_S)
    except ValueError as exc:
        kinds = ", ".join(kind.value for kind in FaultKind)
        raise MrkError(f"fault {word!r} is not KIND or KIND=SECONDS, with one of {kinds}") from exc


def run_alone(path: Path, gcodes: Path, speed: float, faults: Sequence[str]) -> int:
    """Serve a printer on the unix socket `path`; returns the exit code."""
    try:
        settings = VirtualPrinterSettings(
            socket_path=path.absolute(),
            speed=speed,
            faults=tuple(parse_fault(word) for word in faults),
        )
        trio.run(_serve, VirtualPrinter(settings, DiskFolder(gcodes)), path)
    except* (MrkError, OSError) as group:
        print(f"mrk virtual-printer: {path}: {leaves(group)[0]}", file=sys.stderr)
        return_code = 1
    else:
        return_code = 0
    return return_code


async def _serve(printer: VirtualPrinter, path: Path) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            await nursery.start(printer.serve)
            print(f"virtual printer on {path}", flush=True)
            await anext(signals)
            nursery.cancel_scope.cancel()


@click.command("virtual-printer")
@click.argument("socket", type=click.Path(path_type=Path))
@click.option("--gcodes", type=click.Path(path_type=Path), default=Path(), help="Folder of files.")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True)
@click.option("--fault", multiple=True, help="KIND or KIND=SECONDS, from the start on.")
def command(socket: Path, gcodes: Path, speed: float, fault: tuple[str, ...]) -> None:
    """Serve a printer without hardware on SOCKET, in Klipper's protocol."""
    sys.exit(run_alone(socket, gcodes, speed, fault))
