"""The rename runs in a thread, so these tests keep the real clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from mrk.api.caller import INTERNAL_CALLER
from mrk.errors import ClientError, MrkError
from mrk.klippy.peer import SocketPeer
from mrk.machine.services import ServiceError
from nurseries.log.endpoints import LogEndpoints, RolloverAnswer, RolloverParams
from nurseries.log.rollover import LogRollover
from tests.fakes.no_klippy import NoKlippy


@dataclass
class Log:
    error: Exception | None = None
    rolled: int = 0

    def roll_over(self) -> None:
        if self.error is not None:
            raise self.error
        self.rolled += 1


class Klippy(NoKlippy):
    """A link whose printer is in one state of printing; `answer` overrides it."""

    def __init__(
        self, log_file: object, unit: str | None = "klipper", answer: object = None
    ) -> None:
        self.info: dict[str, Any] = {"log_file": log_file}
        self.peer: SocketPeer | None = SocketPeer(77, 1000, 1000, unit)
        self.answer = (
            {"status": {"print_stats": {"state": "standby"}}} if answer is None else answer
        )

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        assert (method, params) == ("objects/query", {"objects": {"print_stats": ["state"]}})
        await trio.lowlevel.checkpoint()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def in_state(state: object) -> dict[str, Any]:
    return {"status": {"print_stats": {"state": state}}}


@dataclass
class Services:
    refused: tuple[str, ...] = ()
    hangs_once: str | None = None
    hung: trio.Event = field(default_factory=trio.Event)
    done: list[str] = field(default_factory=list)

    async def start(self, unit: str) -> None:
        await self._do("start", unit)

    async def stop(self, unit: str) -> None:
        await self._do("stop", unit)

    async def _do(self, verb: str, unit: str) -> None:
        self.done.append(f"{verb} {unit}")
        await trio.lowlevel.checkpoint()
        if verb == self.hangs_once:
            self.hangs_once = None
            self.hung.set()
            await trio.sleep_forever()
        if verb in self.refused:
            raise ServiceError(f"{verb} refused")


@pytest.fixture
def klippy_log(tmp_path: Path) -> Path:
    path = tmp_path / "klippy.log"
    path.write_text("old lines")
    return path


async def ask(rollover: LogRollover, application: str | None = None) -> RolloverAnswer:
    endpoints = LogEndpoints(rollover)
    return await endpoints.rollover(RolloverParams(application), INTERNAL_CALLER)


async def test_both_are_rolled_ours_first(klippy_log: Path) -> None:
    log, services = Log(), Services()
    answer = await ask(LogRollover(log, Klippy(str(klippy_log)), services))
    assert answer == RolloverAnswer(["moonraker", "klipper"], {})
    assert log.rolled == 1
    assert services.done == ["stop klipper", "start klipper"]
    (aside,) = klippy_log.parent.iterdir()
    assert re.fullmatch(r"klippy\.log\.\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", aside.name)
    assert aside.read_text() == "old lines"


@pytest.mark.parametrize("application", ["moonraker", "klipper"])
async def test_only_the_named_one_is_touched(klippy_log: Path, application: str) -> None:
    log, services = Log(), Services()
    answer = await ask(LogRollover(log, Klippy(str(klippy_log)), services), application)
    assert answer == RolloverAnswer([application], {})
    assert (log.rolled, len(services.done)) == ((1, 0) if application == "moonraker" else (0, 2))


@pytest.mark.parametrize("application", ["", "Klipper", "nginx", "None"])
async def test_an_unknown_application_is_refused(klippy_log: Path, application: str) -> None:
    log = Log()
    with pytest.raises(ClientError) as caught:
        await ask(LogRollover(log, Klippy(str(klippy_log)), Services()), application)
    assert caught.value.status == 400
    assert log.rolled == 0


@pytest.mark.parametrize("error", [MrkError("file logging is off"), OSError("disk full")])
async def test_our_failure_is_told_and_klipper_is_still_rolled(
    klippy_log: Path, error: Exception
) -> None:
    answer = await ask(LogRollover(Log(error), Klippy(str(klippy_log)), Services()))
    assert answer == RolloverAnswer(["klipper"], {"moonraker": str(error)})


@pytest.mark.parametrize("state", ["printing", "paused"])
async def test_a_print_is_never_disturbed(klippy_log: Path, state: str) -> None:
    services = Services()
    klippy = Klippy(str(klippy_log), answer=in_state(state))
    answer = await ask(LogRollover(Log(), klippy, services))
    assert answer == RolloverAnswer(["moonraker"], {"klipper": "busy with a print job"})
    assert services.done == []
    assert klippy_log.exists()


@pytest.mark.parametrize(
    "said", [in_state("complete"), in_state(None), {"status": {}}, {"status": None}, "ok", []]
)
async def test_a_printer_without_a_print_may_be_rolled(klippy_log: Path, said: object) -> None:
    klippy = Klippy(str(klippy_log), answer=said)
    assert (await ask(LogRollover(Log(), klippy, Services()), "klipper")).failed == {}


async def test_a_printer_that_does_not_answer_is_left_alone(klippy_log: Path) -> None:
    services = Services()
    klippy = Klippy(str(klippy_log), answer=ClientError("Klippy Host not connected", 503))
    answer = await ask(LogRollover(Log(), klippy, services), "klipper")
    assert answer.failed == {"klipper": "Klipper does not say whether it prints"}
    assert services.done == []


@pytest.mark.parametrize(
    "missing", ["process", "unit", "session", "log name", "odd name", "log file"]
)
async def test_what_cannot_be_found_stops_nothing(klippy_log: Path, missing: str) -> None:
    unit = {"unit": None, "session": "user@1000"}.get(missing, "klipper")
    klippy = Klippy(str(klippy_log), unit)
    match missing:
        case "process":
            klippy.peer = None
        case "log name":
            klippy.info = {}
        case "odd name":
            klippy.info = {"log_file": 5}
        case "log file":
            klippy_log.unlink()
    services = Services()
    answer = await ask(LogRollover(Log(), klippy, services), "klipper")
    assert answer.rolled_over == []
    assert "not" in answer.failed["klipper"]
    assert services.done == []


async def test_the_unit_we_run_in_ourselves_is_not_stopped(
    klippy_log: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cgroup = tmp_path_factory.mktemp("proc") / "cgroup"
    cgroup.write_text("0::/system.slice/printer.service\n")
    services = Services()
    klippy = Klippy(str(klippy_log), "printer")
    rollover = LogRollover(Log(), klippy, services, own_cgroup=cgroup)
    answer = await ask(rollover, "klipper")
    assert "same service unit" in answer.failed["klipper"]
    assert services.done == []


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (("stop",), "stop refused"),
        (("start",), "start refused"),
        (("stop", "start"), "stop refused; start refused"),
    ],
)
async def test_start_is_attempted_whatever_went_wrong(
    klippy_log: Path, refused: tuple[str, ...], told: str
) -> None:
    services = Services(refused=refused)
    answer = await ask(LogRollover(Log(), Klippy(str(klippy_log)), services), "klipper")
    assert answer == RolloverAnswer([], {"klipper": told})
    assert services.done == ["stop klipper", "start klipper"]
    assert klippy_log.exists() == ("stop" in refused)


async def test_a_failed_rename_still_starts_klipper(klippy_log: Path) -> None:
    class TakesTheLogAway(Services):
        async def stop(self, unit: str) -> None:
            await super().stop(unit)
            klippy_log.unlink()

    services = TakesTheLogAway()
    answer = await ask(LogRollover(Log(), Klippy(str(klippy_log)), services), "klipper")
    assert "No such file" in answer.failed["klipper"]
    assert services.done == ["stop klipper", "start klipper"]


@pytest.mark.parametrize("hanging", ["stop", "start"])
async def test_cancelled_midway_klipper_is_started(klippy_log: Path, hanging: str) -> None:
    services = Services(hangs_once=hanging)
    rollover = LogRollover(Log(), Klippy(str(klippy_log)), services)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, rollover, "klipper")
        await services.hung.wait()
        nursery.cancel_scope.cancel()
    starts_tried = services.done.count("start klipper")
    assert starts_tried == (1 if hanging == "stop" else 2)
    klippy_log.touch()
    assert (await ask(rollover, "klipper")).failed == {}


async def test_two_at_once_are_not_mixed(klippy_log: Path) -> None:
    services = Services(hangs_once="stop")
    rollover = LogRollover(Log(), Klippy(str(klippy_log)), services)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, rollover, "klipper")
        await services.hung.wait()
        second = await ask(rollover, "klipper")
        nursery.cancel_scope.cancel()
    assert second.failed == {"klipper": "a rollover is under way"}


async def test_an_older_log_of_the_same_second_is_not_replaced(klippy_log: Path) -> None:
    rollover = LogRollover(Log(), Klippy(str(klippy_log)), Services())
    for number in range(5):
        klippy_log.write_text(str(number))
        await ask(rollover, "klipper")
    assert {path.read_text() for path in klippy_log.parent.iterdir()} == set("01234")
