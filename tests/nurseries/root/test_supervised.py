"""What a crash in one part means for the others and for those who ask."""

import logging
from typing import Any

import msgspec
import pytest
import trio

from mrk.api.caller import Caller, Transport
from mrk.api.endpoint import Access, Endpoint
from mrk.errors import ClientError, Transient
from mrk.supervision import Backoff
from nurseries.root.supervised import Supervised, opened, running
from nurseries.server.endpoints import absences, failed_components


class Nothing(msgspec.Struct, frozen=True):
    pass


async def crash() -> None:
    await trio.sleep(0.01)
    raise RuntimeError("a bug")


async def test_an_essential_part_takes_its_siblings_and_the_block_with_it(
    autojump_clock: object,
) -> None:
    ended: list[str] = []

    async def sibling() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("sibling")

    lines = [Supervised("link", crash, essential=True), Supervised("other", sibling)]
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="a bug"), flatten_subgroups=True):
        async with running(lines):
            await trio.sleep_forever()
    assert ended == ["sibling"]


async def test_a_part_that_all_stand_on_fails_the_start(autojump_clock: object) -> None:
    async def serve(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        raise RuntimeError("no database")

    async def enter() -> None:
        async with opened(Supervised("database", serve, essential=True)):
            raise AssertionError("it never started")

    with pytest.RaisesGroup(
        pytest.RaisesExc(RuntimeError, match="no database"), flatten_subgroups=True
    ):
        await enter()


async def test_an_optional_part_is_contained_listed_restarted_and_given_up(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint(
        "/server/part",
        ("GET",),
        Nothing,
        lambda _params, _caller: "fine",
        "Says so.",
        access=Access.ADMIN,
    )
    backoff = Backoff(first_s=1.0, limit_s=1.0)
    line = Supervised("webcams", crash, [endpoint], backoff=backoff)
    (offered,) = line.offered()

    def ask() -> Any:
        return offered.handler(Nothing(), Caller(Transport.UNIX))

    async with running([line]):
        await trio.sleep(0.005)
        assert ask() == "fine"
        assert failed_components([line.supervision]) == []
        await trio.sleep(0.5)
        assert failed_components([line.supervision]) == ["webcams"]
        with pytest.raises(ClientError, match=r"webcams is down: .*a bug") as down:
            ask()
        assert down.value.status == 503
        await trio.sleep(60)
        # Given up after five crashes in five minutes, and nobody else noticed.
        assert line.supervision.restarts == 4
        assert failed_components([line.supervision]) == ["webcams"]
    crashes = [record for record in caplog.records if record.exc_info]
    assert len(crashes) == 5
    assert all(record.levelno == logging.ERROR for record in crashes)


async def test_a_part_whose_other_side_is_away_is_named_until_it_is_there(
    autojump_clock: object,
) -> None:
    there = trio.Event()

    async def serve(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        if not there.is_set():
            raise Transient("no broker")
        task_status.started()
        await trio.sleep_forever()

    line = Supervised("mqtt", serve, backoff=Backoff(first_s=1.0, limit_s=1.0))
    async with running([line]):
        await trio.sleep(0.5)
        assert absences([line.supervision]) == ["mqtt: no broker"]
        there.set()
        await trio.sleep(5)
        assert absences([line.supervision]) == []
