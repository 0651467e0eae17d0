"""Real unix sockets: the connector, and who is at the other end."""

import os
from pathlib import Path

import pytest
import trio

from mrk.clients.registry import Clients
from mrk.errors import Transient
from nurseries.klippy.link import KlippyLink
from nurseries.klippy.socket import KlippySocket, read_peer

pytestmark = pytest.mark.e2e


async def open_listener(path: Path) -> trio.SocketListener:
    socket = trio.socket.socket(trio.socket.AF_UNIX)
    await socket.bind(str(path))
    socket.listen(5)
    return trio.SocketListener(socket)


async def test_peer_of_a_unix_socket(tmp_path: Path) -> None:
    listener = await open_listener(tmp_path / "klippy.sock")
    stream = await KlippySocket(str(tmp_path / "klippy.sock")).open()
    peer = await read_peer(stream)
    assert peer is not None
    assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.getuid(), os.getgid())
    await stream.aclose()
    assert await read_peer(stream) is None
    await listener.aclose()


async def test_nobody_there(tmp_path: Path) -> None:
    path = tmp_path / "klippy.sock"
    with pytest.raises(Transient, match=r"klippy\.sock cannot be opened"):
        await KlippySocket(str(path)).open()
    path.touch()
    with pytest.raises(Transient, match="cannot be opened"):
        await KlippySocket(str(path)).open()


@pytest.mark.skipif(os.getuid() == 0, reason="root may open everything")
async def test_no_permission(tmp_path: Path) -> None:
    listener = await open_listener(tmp_path / "klippy.sock")
    (tmp_path / "klippy.sock").chmod(0)
    with pytest.raises(Transient, match="no permission"):
        await KlippySocket(str(tmp_path / "klippy.sock")).open()
    await listener.aclose()


async def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    with pytest.raises(Transient):
        await KlippySocket("/tmp/" + "x" * 200).open()


async def test_last_words_before_the_end_are_heard(tmp_path: Path) -> None:
    """Klipper answers, closes, and is gone before our next request is written."""
    listener = await open_listener(tmp_path / "klippy.sock")
    link = KlippyLink(KlippySocket(str(tmp_path / "klippy.sock")).open, Clients())
    raised = []

    async def serve() -> None:
        try:
            await link.serve()
        except* Transient as group:
            raised.append(group)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            theirs = await listener.accept()
            assert b'"info"' in await theirs.receive_some()
            await theirs.send_all(b'{"id": 1, "error": {"message": "soon"}}\x03')
            await theirs.aclose()
    assert len(raised) == 1
    assert link.klippy_state == "disconnected"
    await listener.aclose()
