"""A listener whose place comes later: it is tried at its beat, and then accepts."""

import pytest
import trio
import trio.testing

from transports.listeners.late_listener import LateListener
from transports.listeners.listen_errors import ListenError


@pytest.fixture(autouse=True)
def _a_connection_waits_always(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait_readable(_socket: Place) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(trio.lowlevel, "wait_readable", wait_readable)


class Place:
    """An address that somebody gives the machine at some time."""

    def __init__(self) -> None:
        self.there = False
        self.tries: list[float] = []
        self.accepting = False

    async def open(self) -> trio.SocketListener:
        await trio.lowlevel.checkpoint()
        self.tries.append(trio.current_time())
        if not self.there:
            raise ListenError("still no address")
        return self  # type: ignore[return-value]

    @property
    def socket(self) -> "Place":
        return self

    async def accept(self) -> str:
        self.accepting = True
        await trio.lowlevel.checkpoint()
        return "a stream"


async def test_it_accepts_once_its_place_is_there(autojump_clock: trio.testing.MockClock) -> None:
    place, began = Place(), trio.current_time()
    late = LateListener("192.0.2.7", place.open, "not there", 2.0)
    accepted: list[object] = []

    async def accept() -> None:
        accepted.append(await late.accept())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept)
        await trio.sleep(5)
        assert (late.warning, accepted) == ("not there", [])
        assert [at - began for at in place.tries] == [2, 4]
        place.there = True
        await trio.sleep(1.5)
        assert late.warning is None
    assert accepted == ["a stream"]
    assert await late.accept() == "a stream"  # type: ignore[comparison-overlap]
    assert [at - began for at in place.tries] == [2, 4, 6]


async def test_a_generation_that_ends_leaves_it_for_the_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    place = Place()
    late = LateListener("192.0.2.7", place.open, "not there", 2.0)
    with trio.move_on_after(3):
        await late.accept()
    assert late.warning == "not there"
    place.there = True
    with trio.fail_after(3):
        await late.accept()
    assert place.accepting


async def test_closing_it_needs_no_place() -> None:
    await LateListener("x", Place().open, "not there", 2.0).aclose()
