"""One task pings all websockets, whichever of them come and go."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from wsproto.events import Ping

from mrk.definitions.limits import Limits
from tests.transports.sockets.conftest import Daemon, Peer, connected


async def pinged_at(peer: Peer) -> float:
    event = await peer.event()
    assert isinstance(event, Ping)
    await peer.stream.send_all(peer.wire.send(event.response()))
    return trio.current_time()


def task_names() -> list[str]:
    root = trio.lowlevel.current_root_task()
    waiting, found = [root], []
    while waiting:
        task = waiting.pop()
        assert task is not None
        found.append(task.name)
        waiting += (child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return [name for name in found if "websocket client" in name]


async def test_an_idle_websocket_has_no_task_of_its_own_but_that_which_reads(
    daemon: Daemon, autojump_clock: object
) -> None:
    serve = daemon.websocket.serve_connection
    async with connected(serve) as (one, *_), connected(serve), connected(serve):
        await one.call("test.echo", text="x")
        assert (await one.message())["result"] == "x"
        await wait_all_tasks_blocked()
        assert task_names() == ["websocket client 1 pings"]


async def test_each_is_pinged_in_its_own_time(daemon: Daemon, autojump_clock: object) -> None:
    serve = daemon.websocket.serve_connection
    began = trio.current_time()
    async with connected(serve) as (one, *_):
        one.pongs = False
        await trio.sleep(3)
        async with connected(serve) as (two, *_):
            two.pongs = False
            times = [await pinged_at(peer) - began for peer in (one, two, one, two)]
    assert times == pytest.approx([10.0, 13.0, 20.0, 23.0], abs=0.1)


async def test_pings_go_on_when_who_came_first_leaves(
    daemon: Daemon, autojump_clock: object
) -> None:
    serve = daemon.websocket.serve_connection
    began = trio.current_time()
    async with connected(serve) as (one, over, _), connected(serve) as (two, *_):
        two.pongs = False
        await trio.sleep(5)
        await one.stream.aclose()
        await over.wait()
        await wait_all_tasks_blocked()
        assert task_names() == ["websocket client 2 pings"]
        assert await pinged_at(two) - began == pytest.approx(10.0, abs=0.1)
        async with connected(serve) as (three, *_):
            three.pongs = False
            assert await pinged_at(two) - began == pytest.approx(20.0, abs=0.1)
            assert await pinged_at(three) - began == pytest.approx(20.0, abs=0.1)


async def test_the_last_one_takes_the_pings_with_it_and_the_next_brings_new_ones(
    daemon: Daemon, autojump_clock: object
) -> None:
    serve = daemon.websocket.serve_connection
    for _ in range(2):
        async with connected(serve) as (peer, over, _scope):
            peer.pongs = False
            await pinged_at(peer)
            await peer.stream.aclose()
            await over.wait()
        await wait_all_tasks_blocked()
        assert task_names() == []


async def test_who_does_not_answer_ends_and_others_stay(
    daemon: Daemon, autojump_clock: object
) -> None:
    serve = daemon.websocket.serve_connection
    async with connected(serve) as (silent, over, _), connected(serve) as (two, *_):
        two.pongs = False
        await trio.sleep(1)
        for _ in range(3):
            await pinged_at(two)
        silent.pongs = False
        assert isinstance(await silent.event(), Ping)
        with pytest.raises(EOFError):
            await silent.event()
        await silent.stream.aclose()
        await over.wait()
        await pinged_at(two)


async def test_a_restart_with_many_clients_ends_the_pings(
    autojump_clock: object,
) -> None:
    daemon = Daemon(Limits(goodbye_s=0.1))
    serve = daemon.websocket.serve_connection
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(_stay, serve)
        await wait_all_tasks_blocked()
        assert len(daemon.clients) == 20
        nursery.cancel_scope.cancel()
    assert (len(daemon.clients), task_names()) == (0, [])


async def _stay(serve) -> None:  # type: ignore[no-untyped-def]
    async with connected(serve):
        await trio.sleep_forever()
