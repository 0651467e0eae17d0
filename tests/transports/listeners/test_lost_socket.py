"""The unix socket's file is removed, or another daemon puts its own in its place."""

import contextlib
import errno
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.fakes.without_rights import without_rights
from transports.listeners.file_watch import FileWatch
from transports.listeners.late_listener import SETTLE_S, LateListener
from transports.listeners.listen_errors import ListenError, SocketInUse
from transports.listeners.unix import open_unix

RETRY_S = 0.05
LIMIT_S = 20.0
NEVER_S = 3600.0
NOBODY = "Programs of this machine that use this socket cannot connect until then."


@asynccontextmanager
async def accepting(
    path: Path, own_files: list[os.stat_result], retry_s: float = RETRY_S
) -> AsyncIterator[tuple[LateListener, list[trio.SocketStream]]]:
    accepted: list[trio.SocketStream] = []

    async def accept(listener: LateListener) -> None:
        while True:
            accepted.append(await listener.accept())

    with trio.fail_after(LIMIT_S):
        async with await open_unix(path, own_files, retry_s) as listener, trio.open_nursery() as n:
            n.start_soon(accept, listener)
            yield listener, accepted
            n.cancel_scope.cancel()
    for stream in accepted:
        await stream.aclose()


async def connects(path: Path, accepted: list[trio.SocketStream]) -> None:
    """Until a client at the path arrives at us."""
    before = len(accepted)
    while len(accepted) == before:
        try:
            async with await trio.open_unix_socket(path):
                await trio.sleep(RETRY_S)
        except OSError:
            await trio.sleep(RETRY_S)


async def test_one_that_was_removed_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, own_files = tmp_path / "moonraker.sock", list[os.stat_result]()
    async with accepting(path, own_files) as (listener, accepted):
        await connects(path, accepted)
        for _again in range(2):
            path.unlink()
            await connects(path, accepted)
            assert listener.warning is None
    assert f"removed or replaced {path}" in caplog.text


async def test_one_that_another_daemon_replaced_is_its_own_until_it_ends(tmp_path: Path) -> None:
    path, own_files = tmp_path / "moonraker.sock", list[os.stat_result]()
    async with accepting(path, own_files) as (listener, accepted):
        with socket.socket(socket.AF_UNIX) as other:
            path.unlink()
            other.bind(str(path))
            other.listen()
            theirs = path.stat().st_ino
            while listener.warning is None:  # noqa: ASYNC110 - as a client sees it
                await trio.sleep(RETRY_S)
            assert own_files == [], "nothing of it is removed at the end"
            assert path.stat().st_ino == theirs
        # It ends and leaves its file, as Moonraker does.
        await connects(path, accepted)
        assert [own.st_ino for own in own_files] == [path.stat().st_ino]


async def test_what_happens_to_the_file_is_noticed_long_before_the_next_look(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, own_files = tmp_path / "moonraker.sock", list[os.stat_result]()

    def replace() -> None:
        other = tmp_path / "other"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(other))
        other.replace(path)

    async with accepting(path, own_files, NEVER_S) as (listener, accepted):
        for happens in (path.unlink, lambda: path.rename(tmp_path / "away"), replace):
            await connects(path, accepted)
            path.chmod(0o660)  # which is none of it
            happens()
        await connects(path, accepted)
        assert listener.warning is None
    assert caplog.text.count(f"removed or replaced {path}") == 3


async def test_a_look_follows_a_change_when_that_is_over(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    async def wait_readable(_socket: object) -> None:
        await trio.sleep_forever()

    class Watch(FileWatch):
        async def changed(self) -> None:
            await trio.sleep(4)

    class Place:
        socket = trio.socket.socket(socket.AF_UNIX)

    async def lost() -> str:
        looks.append(trio.current_time() - began)
        return "it is lost"

    async def open_again() -> trio.SocketListener:
        tries.append(trio.current_time() - began)
        raise ListenError("another one answers there")

    monkeypatch.setattr(trio.lowlevel, "wait_readable", wait_readable)
    looks, tries, began = list[float](), list[float](), trio.current_time()
    opened: Any = Place()
    with Place.socket:
        late = LateListener("x", open_again, None, 30, opened=opened, lost=lost, watch=Watch())
        with trio.move_on_after(70):
            await late.accept()
    assert looks == [4 + SETTLE_S]
    assert tries == [4 + SETTLE_S, 34 + SETTLE_S, 64 + SETTLE_S]


async def test_a_folder_that_may_not_be_written_is_told() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "moonraker.sock"
        path.parent.chmod(0o555)
        with trio.fail_after(LIMIT_S), without_rights():
            async with await open_unix(path, []) as listener:
                said = f"Cannot listen at {path}: Permission denied. {NOBODY}"
                assert listener.warning == said
        path.parent.chmod(0o700)


async def test_one_that_takes_nobody_in_is_somebodys(tmp_path: Path) -> None:
    """A daemon that hangs, and whose queue is full."""
    path = tmp_path / "moonraker.sock"
    with contextlib.ExitStack() as sockets, trio.fail_after(LIMIT_S):
        hung = sockets.enter_context(socket.socket(socket.AF_UNIX))
        hung.bind(str(path))
        hung.listen(0)
        is_full = False
        while not is_full:
            client = sockets.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            is_full = client.connect_ex(str(path)) == errno.EAGAIN
        with pytest.raises(SocketInUse, match="answers at"):
            await open_unix(path, [])
        assert path.is_socket()


async def test_one_that_is_there_still_is_left_open(tmp_path: Path) -> None:
    path, looks, enough = tmp_path / "moonraker.sock", list[float](), trio.Event()

    async def lost() -> None:
        await trio.lowlevel.checkpoint()
        looks.append(trio.current_time())
        if len(looks) == 3:
            enough.set()

    async def open_again() -> trio.SocketListener:
        raise AssertionError("it was open")

    sock = trio.socket.socket(socket.AF_UNIX)
    await sock.bind(str(path))
    sock.listen()
    opened = trio.SocketListener(sock)
    late = LateListener(str(path), open_again, None, RETRY_S, opened=opened, lost=lost)
    with trio.fail_after(LIMIT_S):
        async with late, trio.open_nursery() as nursery:

            async def connect() -> None:
                await enough.wait()
                async with await trio.open_unix_socket(path) as client:
                    await client.receive_some()

            nursery.start_soon(connect)
            async with await late.accept():
                assert late.warning is None
