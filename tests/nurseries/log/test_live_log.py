"""The live log and its endpoint: lines come from another thread, as the log's writer adds them."""

import logging
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.errors import ClientError
from mrk.log.recent_lines import MOST_LINES, LogLines
from nurseries.log.daemon_log import LogOptions, open_log
from nurseries.log.live_log import MOST_WAITING, LiveLog
from nurseries.log.tail_endpoints import MOST_WAIT_S, TailEndpoints


def say(live: LiveLog, text: str, level: int = logging.INFO) -> None:
    live.handle(logging.LogRecord("tests", level, __file__, 1, text, None, None))


async def tail(live: LiveLog, **arguments: object) -> LogLines:
    table = Table(TailEndpoints(live).endpoints())
    call = table.method("server.logs.tail", Transport.WEBSOCKET).call
    found: LogLines = await call(arguments, Caller(Transport.WEBSOCKET))
    return found


def texts(found: LogLines) -> list[str]:
    return [line.message for line in found.lines]


async def test_what_there_is_comes_at_once() -> None:
    live = LiveLog()
    say(live, "one")
    say(live, "two", logging.WARNING)
    assert texts(await tail(live)) == ["one", "two"]
    assert texts(await tail(live, level="warning", wait=20)) == ["two"]
    assert texts(await tail(live, lines=1)) == ["two"]
    assert await tail(live, after=2) == LogLines([], 2, 0)


async def test_a_reader_waits_for_the_next_line_of_its_level() -> None:
    live = LiveLog()
    got: list[LogLines] = []

    async def read() -> None:
        got.append(await tail(live, after=0, level="warning", wait=20))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            await trio.to_thread.run_sync(say, live, "too low")
            await trio.to_thread.run_sync(say, live, "high", logging.ERROR)
    assert texts(got[0]) == ["high"]


async def test_nothing_comes_within_the_wait(autojump_clock: trio.testing.MockClock) -> None:
    live = LiveLog()
    say(live, "quiet", logging.DEBUG)
    began = trio.current_time()
    assert await tail(live, wait=MOST_WAIT_S) == LogLines([], 1, 0)
    assert trio.current_time() - began == MOST_WAIT_S
    assert not live._rouse


async def test_more_readers_than_may_wait_are_answered_at_once() -> None:
    live = LiveLog()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(MOST_WAITING):
                nursery.start_soon(partial(tail, live, wait=30))
            await trio.testing.wait_all_tasks_blocked()
            assert texts(await tail(live, wait=30)) == []
            nursery.cancel_scope.cancel()
    assert not live._rouse


async def test_lines_after_the_end_of_the_loop_rouse_nobody() -> None:
    """The log outlives the event loop."""
    live = LiveLog()
    run_wait = partial(live.wait, 0, "info", 1)

    async def give_up() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_wait)
            await trio.testing.wait_all_tasks_blocked()
            live._rouse = set(live._rouse)  # as a thread has taken them just now
            rouse.extend(live._rouse)
            nursery.cancel_scope.cancel()

    rouse: list[object] = []
    await trio.to_thread.run_sync(trio.run, give_up)
    live._rouse.update(rouse)  # type: ignore[arg-type]
    say(live, "late")
    assert texts(live.read(0, "info", 5)) == ["late"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"after": -1},
        {"lines": 0},
        {"lines": MOST_LINES + 1},
        {"wait": -0.1},
        {"wait": MOST_WAIT_S + 1},
        {"level": "loud"},
    ],
)
async def test_arguments_out_of_bounds(wrong: dict[str, object]) -> None:
    with pytest.raises(ClientError, match=next(iter(wrong))) as refused:
        await tail(LiveLog(), **wrong)
    assert refused.value.status == 400


def test_the_log_feeds_it_without_secrets(tmp_path: Path) -> None:
    with open_log(LogOptions(tmp_path / "a.log", console=None)) as log:
        log.hide(lambda text: text.replace("hunter2", "***"))
        logging.getLogger("tests.log").warning("password hunter2")
        try:
            raise ValueError("hunter2")
        except ValueError:
            logging.getLogger("tests.log").exception("a bug")
    first, second = log.live.read(0, "info", 10).lines
    assert (first.message, first.level, first.logger) == ("password ***", "warning", "tests.log")
    assert second.message.startswith("a bug\nTraceback")
    assert second.message.endswith("ValueError: ***")
