"""`python -m tests.compat`: mrk beside Moonraker on a virtual printer each, by shape and status.

Moonraker is a black box from the package index; only what it answers counts. Ends with 1 when a
difference is not in the table (`differences.py`), or when one that is there was not seen.
"""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from benchmarks.clients import HOST, Lost
from benchmarks.daemon import (
    MRK,
    DaemonFailed,
    Program,
    open_daemon,
    open_printer,
    temporary_folder,
)
from benchmarks.mqtt import open_broker
from benchmarks.paired.moonraker import install
from benchmarks.spoolman import open_spoolman
from tests.compat.comparison import compare
from tests.compat.differences import README, SEEN, read_table, unexplained
from tests.compat.reads import ask_all, read_paths
from tests.compat.scenes import jobs, printer, records
from tests.compat.twin import Twin
from tests.fakes.git_repos import GitServer

_SPEED = "60"
_PAGE = '{"project_name": "page", "project_owner": "owner", "version": "v1.0.0"}'
_SECTIONS = (Path(__file__).parent / "sections.conf").read_text()
SCENES: tuple[Callable[[Twin], None], ...] = (
    printer.info,
    printer.json_rpc,
    jobs.uploads,
    jobs.files,
    jobs.printing,
    jobs.at_once,
    jobs.queue,
    jobs.downloads,
    records.database,
    records.users,
    records.webcams,
    records.announcements,
    printer.devices,
    printer.updates,
    printer.octoprint,
    printer.faults,
)


class Run(threading.Thread):
    """All scenes on one daemon; `failure` says why they did not end."""

    def __init__(self, twin: Twin, paths: list[str]) -> None:
        super().__init__(name=twin.name)
        self.twin = twin
        self.failure = ""
        self._paths = paths

    def run(self) -> None:
        where = "the start"
        try:
            settled(self.twin)
            where = "the reads"
            ask_all(self.twin, self._paths)
            for scene in SCENES:
                where = scene.__name__
                scene(self.twin)
        except (Lost, DaemonFailed, OSError, LookupError, TypeError) as exc:
            self.failure = f"{self.twin.name}, {where}: {exc!r}"


@contextlib.contextmanager
def open_twin(folder: Path, program: Program, sections: str) -> Iterator[Twin]:
    """A daemon on a virtual printer of its own, linked."""
    with (
        open_printer(folder, "--speed", _SPEED) as klippy,
        open_daemon(folder, klippy, sections, program) as daemon,
    ):
        daemon.wait_ready()
        with Twin.connect(program.name, daemon) as twin:
            yield twin


def settled(twin: Twin) -> None:
    """Wait for what comes some seconds after Klipper is ready."""
    twin.until(lambda: _item(twin)["version"] != "?", "a version")
    twin.until(lambda: twin.look("/machine/device_power/status?lamp")["lamp"] != "init", "the lamp")
    twin.until(lambda: twin.http.get("/api/printer").json()["temperature"] != {}, "a temperature")


def _item(twin: Twin) -> Any:
    return twin.look("/machine/update/status")["version_info"]["thing"]


def _install_items(data: Path, git: GitServer) -> None:
    data.mkdir()
    git.clone(data / "thing")
    (data / "page").mkdir()
    (data / "page" / "release_info.json").write_text(_PAGE)


@contextlib.contextmanager
def open_twins() -> Iterator[list[Twin]]:
    """Both, on one broker, one Spoolman and one repository, mrk first."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        broker = stack.enter_context(open_broker(folder))
        spoolman = stack.enter_context(open_spoolman())
        git = GitServer(folder)
        places = {program: folder / program.name.lower() for program in (MRK, install())}
        for data in places.values():
            _install_items(data, git)
        git.commit("second", {"b.py": "two\n"})  # both clones are behind
        twins = []
        for program, data in places.items():
            sections = _SECTIONS.format(
                host=HOST,
                broker=broker,
                spoolman=spoolman,
                name=program.name,
                data=data,
                origin=git.url,
            )
            twins.append(stack.enter_context(open_twin(data, program, sections)))
        yield twins


def observe() -> list[Twin]:
    """Run both, mrk first. Raises `DaemonFailed`."""
    with open_twins() as twins:
        paths = read_paths(twins[0].data)
        runs = [Run(twin, paths) for twin in twins]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
    if failures := [run.failure for run in runs if run.failure]:
        raise DaemonFailed("\n".join(failures))
    return twins


@click.command()
@click.option("--all", "every", is_flag=True, help="Print what is explained, too.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="All answers.")
def main(every: bool, json_file: Path | None) -> None:
    """Compare, and say what is not in the table."""
    rows = read_table(README.read_text(), SEEN.read_text())
    try:
        twins = observe()
    except (DaemonFailed, Lost) as exc:
        sys.exit(f"compat: {exc}")
    if json_file is not None:
        answers = {twin.name: twin.heard for twin in twins}
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(answers)) + b"\n")
    found = list(compare(twins[0].heard, twins[1].heard))
    alone, unused = unexplained(found, rows)
    for line in found if every else alone:
        click.echo(line)
    for seen in unused:
        click.echo(f"in the table, but not seen: {seen}")
    click.echo(f"compat: {len(found)} differences, {len(alone)} of them unexplained")
    sys.exit(1 if alone or unused else 0)


if __name__ == "__main__":
    main()
