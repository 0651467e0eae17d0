"""`mrk estimate FILE...`: how long Klipper takes to print files, for a shell without a daemon.

Plans them with the limits of a printer.cfg, or of an ordinary printer. A bar on the terminal shows
how far a long file is; heating, homing and macros take a time that no file tells, and are listed.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from mrk.errors import MrkError
from mrk.estimate.klipper_settings import LimitsUnknown, limits_of
from mrk.estimate.printer_cfg import BadPrinterCfg
from mrk.estimate.printer_limits import DEFAULT_LIMITS, PrinterLimits
from mrk.estimate.record import Estimate, refused_lines
from mrk.estimate.time_marks import duration
from nurseries.command_line.file_records import failed_record, print_failed, printable
from nurseries.command_line.printer_cfg_files import read_printer_cfg
from nurseries.files.scan.estimates import estimate_file
from nurseries.files.scan.gcode_file import GcodeFile

# Shorter files are planned before anybody looks.
BAR_FROM_BYTES = 5_000_000
_SHOWN_COMMANDS = 10


def run(files: Sequence[Path], limits: PrinterLimits, as_json: bool) -> int:
    """Print the estimate of each file; 1 if one of them could not be read."""
    records = [_record(path, limits) for path in files]
    if as_json:
        print(json.dumps(records, indent=2))
    else:
        for record in records:
            _print(record)
    return 1 if any(record["state"] == "failed" for record in records) else 0


def _record(path: Path, limits: PrinterLimits) -> dict[str, Any]:
    name = printable(path)
    try:
        with GcodeFile(path) as source, _Bar(source.size_bytes, name) as progress:
            found = estimate_file(source, bytes(path), limits, progress=progress)
    except (MrkError, OSError) as error:
        return failed_record(path, error)
    return {"filename": name, "state": "ok", **as_fields(found)}


def as_fields(found: Estimate) -> dict[str, Any]:
    """The estimate as it is printed; the clock of the plan is for programs inside."""
    fields = {field: getattr(found, field) for field in found.__struct_fields__ if field != "marks"}
    phases = found.phase_times
    fields["phase_times"] = {phase: getattr(phases, phase) for phase in phases.__struct_fields__}
    return fields


class _Bar:
    """A progress bar on standard error, where a person looks and the file is long."""

    def __init__(self, size_bytes: int, name: str) -> None:
        shown = size_bytes >= BAR_FROM_BYTES and sys.stderr.isatty()
        self._bar = click.progressbar(length=size_bytes, label=name[-40:], file=sys.stderr)
        self._shown = shown
        self._done = 0

    def __enter__(self) -> Callable[[int, int], None]:
        if self._shown:
            self._bar.__enter__()
        return self._progress

    def _progress(self, done: int, _whole: int) -> None:
        if self._shown:
            self._bar.update(done - self._done)
            self._done = done

    def __exit__(self, *error: Any) -> None:
        if self._shown:
            self._bar.__exit__(*error)


def _print(record: dict[str, Any]) -> None:
    if print_failed(record):
        return
    name = record["filename"]
    print(f"{name}: {duration(record['total_time'])} ({record['total_time']:.3f} s)")
    rows = {
        "printing": record["total_output_time"],
        "travel": record["total_travel_time"],
        "extruder alone": record["total_extrude_only_time"],
        "waits": record["total_dwell_time"],
    }
    for label, seconds in rows.items():
        print(f"  {label:<16} {duration(seconds):>12}")
    print(f"  {'moves':<16} {record['num_moves']:>12}")
    for tool, length in sorted(record["filament_used"].items()):
        print(f"  {f'filament of T{tool}':<16} {length / 1000:>10.2f} m")
    commands = sorted(record["commands"].items(), key=lambda item: -item[1])
    unknown = [f"{command} ({count})" for command, count in commands if not _is_quick(command)]
    if unknown:
        print("  without a time   " + ", ".join(unknown[:_SHOWN_COMMANDS]))
    if record["bad_lines"]:
        print(f"  {refused_lines(record['bad_lines'])}: left out")


def _is_quick(command: str) -> bool:
    """Numbered commands but for heating and homing take no time, known to Klipper or not."""
    waits = ("G28", "G29", "M109", "M190", "M600")
    return command not in waits and command[1:].replace(".", "").isdigit()


@click.command("estimate")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--config", type=click.Path(path_type=Path), help="The printer's printer.cfg, for its limits."
)
@click.option("--json", "as_json", is_flag=True, help="An array with one object a file.")
def command(files: tuple[Path, ...], config: Path | None, as_json: bool) -> None:
    """Print how long Klipper takes to print g-code FILES."""
    limits = DEFAULT_LIMITS
    if config is not None:
        try:
            limits = limits_of(read_printer_cfg(config))
        except (LimitsUnknown, BadPrinterCfg) as exc:
            raise click.ClickException(f"{config}: {exc}") from exc
        except OSError as exc:
            raise click.ClickException(f"{exc.filename}: {exc.strerror}") from exc
    sys.exit(run(files, limits, as_json))
