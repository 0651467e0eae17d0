"""Who is told that another one accepts now is never taken by the one that was told to stop."""

import socket
from pathlib import Path

import pytest
import trio
import trio.testing

from mrk.clients.accepting import Accepting
from transports.listeners.late_listener import Listener
from transports.listeners.shared_listener import SharedListener
from transports.listeners.unix import open_unix

LIMIT_S = 20.0


def connect(listener: trio.SocketListener) -> socket.socket:
    """At once, within this turn of the loop."""
    client = socket.socket(listener.socket.family)
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.connect(listener.socket.getsockname())
    return client


async def taken(shared: SharedListener, streams: list[trio.SocketStream]) -> None:
    while True:
        streams.append(await shared.accept())


@pytest.mark.e2e
@pytest.mark.parametrize("again", range(20))  # which task runs first is the loop's choice
async def test_one_that_comes_as_it_stops_waits_for_the_next(again: int) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    old, new = Accepting(), Accepting()
    by_old: list[trio.SocketStream] = []
    with trio.fail_after(LIMIT_S):
        async with listener, trio.open_nursery() as nursery:
            nursery.start_soon(taken, SharedListener(listener, old), by_old)
            await trio.testing.wait_all_tasks_blocked()
            old.stop()
            with connect(listener) as client:
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert by_old == []
                async with await SharedListener(listener, new).accept() as stream:
                    assert stream.socket.getpeername() == client.getsockname()
            nursery.cancel_scope.cancel()


@pytest.mark.e2e
@pytest.mark.parametrize("unix", [False, True])
async def test_those_that_wait_are_taken_when_it_goes_on(unix: bool, tmp_path: Path) -> None:
    path, accepting = tmp_path / "moonraker.sock", Accepting()
    listener: Listener
    if unix:
        listener = await open_unix(path, [])
    else:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    streams: list[trio.SocketStream] = []
    clients: list[trio.SocketStream] = []
    with trio.fail_after(LIMIT_S):
        async with listener, trio.open_nursery() as nursery:
            nursery.start_soon(taken, SharedListener(listener, accepting), streams)
            accepting.stop()
            for _ in range(3):
                if isinstance(listener, trio.SocketListener):
                    clients.append(await trio.open_tcp_stream(*listener.socket.getsockname()))
                else:
                    clients.append(await trio.open_unix_socket(path))
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert streams == []
            accepting.resume()
            while len(streams) < 3:
                await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()
    for stream in (*streams, *clients):
        await stream.aclose()
