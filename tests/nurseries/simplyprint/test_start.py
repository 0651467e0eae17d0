"""Whether a print that the cloud asked for is still its job, by what came of the start."""

from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.klippy.link_errors import KlippyLost
from mrk.simplyprint.demands import FetchFile
from nurseries.simplyprint import files
from nurseries.simplyprint.files import CloudFiles

DEMAND = FetchFile("http://cloud/cube.gcode", auto_start=True, job_id="77")


class Printer:
    """Of `FollowedPrinter` what a start asks for, and of the other ports too."""

    klippy_state = "ready"
    is_active = False
    snapshot = None

    def __init__(self, comes_of_it: Exception | None) -> None:
        self.jobs: list[tuple[str, str | None]] = []
        self.told: list[str] = []
        self._comes_of_it = comes_of_it

    def begin_job(self, path: str, job_id: str | None) -> None:
        self.jobs.append((path, job_id))

    async def start_print(self, _filename: str, _user: str | None = None) -> None:
        if self._comes_of_it is not None:
            raise self._comes_of_it

    def send(self, _kind: str, data: dict[str, Any]) -> None:
        self.told.append(data["state"])


class Fetched:
    """In place of a download."""

    def __init__(self, *_: object) -> None:
        pass

    async def fetch(self, _url: str, name: str, _tell: object) -> str:
        return name


@pytest.mark.parametrize(
    ("comes_of_it", "jobs", "last"),
    [
        (None, [("cube.gcode", "77")], "started"),
        (ClientError("no"), [("cube.gcode", "77"), ("cube.gcode", None)], "error"),
        (KlippyLost(), [("cube.gcode", "77")], "error"),
    ],
)
async def test_a_job_is_kept_unless_the_printer_refused_it(
    monkeypatch: pytest.MonkeyPatch,
    nursery: Any,
    autojump_clock: MockClock,
    comes_of_it: Exception | None,
    jobs: list[tuple[str, str | None]],
    last: str,
) -> None:
    monkeypatch.setattr(files, "Download", Fetched)
    printer: Any = Printer(comes_of_it)
    fetched: Any = object()
    cloud = CloudFiles(
        printer, printer, fetched, fetched, fetched, printer, printer, printer, Role.ADMIN
    )
    nursery.start_soon(cloud.serve)
    cloud.fetch(DEMAND)
    await trio.testing.wait_all_tasks_blocked()
    assert printer.jobs == jobs
    assert printer.told[-1] == last
