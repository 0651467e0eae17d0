"""Ports of front ends, and sockets that systemd opened; the sockets are real."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from nurseries.process.free_ports import free_port
from transports.listeners.inherited import Inherited
from transports.listeners.late_listener import Listener
from transports.listeners.listeners import Listeners, open_listeners
from transports.listeners.tls import Certificate

pytestmark = pytest.mark.e2e


def opened(tmp_path: Path, **options: Any) -> AbstractAsyncContextManager[Listeners]:
    wanted: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "ssl_port": 0,
        "certificate": None,
        "unix_path": tmp_path / "moonraker.sock",
    }
    return open_listeners(**{**wanted, **options})


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock


async def accept(listener: Listener) -> None:
    await (await listener.accept()).aclose()


async def connects(port: int) -> bool:
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
    except OSError:
        return False
    await stream.aclose()
    return True


@pytest.mark.parametrize("host", ["127.0.0.1", "all"])
async def test_more_ports(tmp_path: Path, host: str) -> None:
    one, other = free_port(), free_port()
    async with opened(tmp_path, host=host, more_ports=[one, other]) as listeners:
        assert await connects(one)
        assert await connects(other)
        assert len(listeners.all_tcp) == len(listeners.tcp) * 3
        assert listeners.warnings == []
    assert not await connects(one)


async def test_a_port_of_somebody_else_costs_nothing(
    tmp_path: Path, listening: socket.socket
) -> None:
    taken = listening.getsockname()[1]
    async with opened(tmp_path, more_ports=[taken]) as listeners:
        (warning,) = listeners.warnings
        assert f"Port {taken} of [frontend] is in use, by nginx perhaps" in warning
        assert await connects(listeners.port)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EADDRINUSE, "in use, by nginx perhaps"),
        (errno.EACCES, "needs more rights: let the service have AmbientCapabilities="),
        (errno.EMFILE, "Cannot listen on 127.0.0.1 port 8099: no"),
        (errno.EADDRNOTAVAIL, "'127.0.0.1' is not an address of this machine"),
    ],
)
async def test_it_is_told_why_a_port_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    real = trio.open_tcp_listeners

    async def open_tcp(port: int, *, host: bytes) -> list[trio.SocketListener]:
        if port == 8099:
            raise OSError(number, "no")
        return await real(port, host=host)

    monkeypatch.setattr(trio, "open_tcp_listeners", open_tcp)
    async with opened(tmp_path, more_ports=[8099]) as listeners:
        (warning,) = listeners.warnings
        assert told in warning


async def test_it_is_taken_once_it_is_free(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        async with opened(tmp_path, more_ports=[taken]) as listeners:
            other.close()
            (late,) = listeners.more_tcp
            with trio.fail_after(20):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(accept, late)
                    while not await connects(taken):  # noqa: ASYNC110 - the port itself tells
                        await trio.sleep(0.05)
            assert listeners.warnings == []


async def test_an_address_that_came_later_is_as_good_as_any(tmp_path: Path) -> None:
    async with opened(tmp_path, port=0) as listeners:
        (late,) = (one for one in listeners.late if one is listeners.unix)
        for warning, is_there in ((None, True), ("not yet", False)):
            late.warning = warning
            found = msgspec.structs.replace(listeners, tcp=[late], more_tls={443: [late]})
            assert found.reachable is is_there
            assert found.serves_https(443) is is_there


async def test_ports_with_tls(tmp_path: Path, certificate: Certificate) -> None:
    secure = free_port()
    async with opened(tmp_path, more_ssl_ports=[secure]) as listeners:
        assert listeners.all_tls == []
        assert not listeners.serves_https(secure)
    async with opened(
        tmp_path, more_ssl_ports=[secure], ssl_port=0, certificate=certificate
    ) as listeners:
        assert await connects(secure)
        assert listeners.serves_https(secure)
        assert listeners.ssl_port is not None
        assert listeners.serves_https(listeners.ssl_port)
        assert not listeners.serves_https(listeners.port)


async def test_a_tls_port_that_is_taken_serves_no_https(
    tmp_path: Path, certificate: Certificate, listening: socket.socket
) -> None:
    taken = listening.getsockname()[1]
    async with opened(tmp_path, more_ssl_ports=[taken], certificate=certificate) as listeners:
        assert not listeners.serves_https(taken)


async def test_sockets_of_systemd_outlive_openings(
    tmp_path: Path, listening: socket.socket
) -> None:
    port = listening.getsockname()[1]
    inherited = Inherited([listening])
    for _ in range(2):
        async with opened(tmp_path, more_ports=[port], inherited=inherited) as listeners:
            assert listeners.warnings == []
            (listener,) = listeners.more_tcp
            async with trio.open_nursery() as nursery:
                nursery.start_soon(accept, listener)
                assert await connects(port)
    assert await connects(port)  # systemd's own stays open


async def test_the_servers_port_may_be_systemds(tmp_path: Path, listening: socket.socket) -> None:
    port = listening.getsockname()[1]
    async with opened(tmp_path, port=port, inherited=Inherited([listening])) as listeners:
        assert listeners.port == port


async def test_one_that_nobody_names_is_told(tmp_path: Path, listening: socket.socket) -> None:
    async with opened(tmp_path, inherited=Inherited([listening])) as listeners:
        (warning,) = listeners.warnings
        assert f"socket for port {listening.getsockname()[1]}, which neither" in warning


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": "x", "LISTEN_FDS": "1"},
        {"LISTEN_PID": "7", "LISTEN_FDS": ""},
        {"LISTEN_PID": "7", "LISTEN_FDS": "-1"},
        {"LISTEN_PID": "7"},
    ],
)
def test_what_is_not_ours(environ: dict[str, str]) -> None:
    assert Inherited.from_environment(environ, 7).unclaimed(()) is None


_CHILD = """
import os, sys
from transports.listeners.inherited import Inherited
found = Inherited.from_environment({"LISTEN_PID": "7", "LISTEN_FDS": "4"}, 7)
print(found.unclaimed(()), os.get_inheritable(3))
"""


def test_as_systemd_passes_them(listening: socket.socket) -> None:
    """In a process of its own: the descriptors are 3, 4 and so on there."""
    port = listening.getsockname()[1]
    command = f"exec 3<&{listening.fileno()} 4</dev/null 5<&- ; exec {sys.executable} -c '{_CHILD}'"
    listening.set_inheritable(True)
    done = subprocess.run(
        ["bash", "-c", command],
        check=True,
        capture_output=True,
        text=True,
        close_fds=False,
        cwd=Path(__file__).parents[3],
        env={**os.environ},
    )
    assert f"port {port}," in done.stdout
    assert done.stdout.rstrip().endswith("False")
