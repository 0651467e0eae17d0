from collections.abc import Callable
from typing import Any

import pytest

from mrk.api.caller import Caller, Transport
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.api.outcome import AskedOther, Outcome
from mrk.api.perform import perform
from mrk.api.table import Table
from mrk.errors import ClientError


class Asked(AskedOther):
    def __init__(self) -> None:
        self.begun = False
        self.done: Callable[[Any], None] | None = None

    def begin(self) -> None:
        self.begun = True

    def when_done(self, done: Callable[[Any], None]) -> None:
        self.done = done

    def abandon(self) -> None:
        self.done = None

    async def answer(self) -> Any:
        return "waited for"


def call(asked: Asked, *, busy: bool = False) -> Outcome[str]:
    table = Table()
    table.add([Endpoint("/a", ("GET",), NoParams, lambda _p, _c: asked, "A.", Access.OPEN)])
    return perform(
        table.method("a", Transport.UNIX),
        {},
        Caller(Transport.UNIX, authorized=True),
        lambda result: Outcome(f"result {result}"),
        lambda error: f"error {error.status}",
        busy,
    )


def test_the_answer_of_who_was_asked_is_finished_as_a_result() -> None:
    asked, told = Asked(), list[str]()
    outcome = call(asked).then(lambda text: text + "!")
    assert asked.begun
    assert not outcome.settled
    outcome.when_done(told.append)
    assert asked.done is not None
    asked.done(1)
    asked.done(ClientError("no", 404))
    assert told == ["result 1!", "error 404!"]


async def test_it_can_be_waited_for() -> None:
    assert await call(Asked()).wait() == "result waited for"


def test_nobody_is_asked_for_a_client_that_is_busy() -> None:
    asked = Asked()
    with pytest.raises(ClientError) as caught:
        call(asked, busy=True)
    assert caught.value.status == 429
    assert not asked.begun
