"""Datagram sockets are real here, but nobody waits for one: sends are non-blocking."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from nurseries.process.service_manager import ServiceManager


@pytest.fixture(params=["path", "abstract"])
def manager_socket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        abstract = f"\0mrk-test-{os.getpid()}-{tmp_path.name}"
        receiver.bind(str(tmp_path / "notify") if request.param == "path" else abstract)
        receiver.setblocking(False)
        yield receiver


def address_of(receiver: socket.socket) -> str:
    name = receiver.getsockname()
    return name if isinstance(name, str) else "@" + name[1:].decode()


def received(receiver: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(receiver.recv(4096).decode())
        except BlockingIOError:
            return found


def test_the_states_as_systemd_reads_them(manager_socket: socket.socket) -> None:
    manager = ServiceManager(address_of(manager_socket))
    manager.ready()
    manager.status("linked to\nKlipper  (ready)")
    manager.reloading()
    manager.stopping()
    ready, status, reloading, stopping = received(manager_socket)
    assert (ready, stopping) == ("READY=1", "STOPPING=1")
    assert status == "STATUS=linked to Klipper (ready)"
    first, second = reloading.split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdigit()


async def test_the_watchdog_is_fed_twice_in_its_time_until_cancelled(
    manager_socket: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    manager = ServiceManager(address_of(manager_socket), watchdog_s=10.0)
    async with trio.open_nursery() as nursery:
        await nursery.start(manager.serve)
        await trio.sleep(12)
        nursery.cancel_scope.cancel()
    assert received(manager_socket) == ["WATCHDOG=1"] * 3


async def test_a_tiny_watchdog_does_not_make_the_loop_spin(
    manager_socket: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    manager = ServiceManager(address_of(manager_socket), watchdog_s=1e-6)
    with trio.move_on_after(0.12):
        await manager.serve()
    assert len(received(manager_socket)) == 3


async def test_without_a_watchdog_only_cancellation_ends_it(
    manager_socket: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    with trio.move_on_after(1000) as scope:
        await ServiceManager(address_of(manager_socket)).serve()
    assert scope.cancelled_caught
    assert received(manager_socket) == []


def test_a_full_socket_is_no_error_and_is_told_rarely(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "full"))
        manager = ServiceManager(str(tmp_path / "full"))
        for _ in range(2000):
            manager.status("again")
    assert 1 <= len(caplog.records) <= 3


ODD_ADDRESSES = ["", "@", "relative", "vsock:2:1", "/no/where", "/" + "x" * 300, "@" * 300]


@pytest.mark.parametrize("address", [None, *ODD_ADDRESSES])
def test_a_missing_or_odd_address_is_no_error(address: str | None) -> None:
    manager = ServiceManager(address)
    manager.ready()
    manager.stopping()


@pytest.mark.parametrize(
    ("environ", "beats"),
    [
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "77"}, 3),
        ({"WATCHDOG_USEC": "4000000"}, 3),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "78"}, 0),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": ""}, 0),
        ({"WATCHDOG_USEC": "0", "WATCHDOG_PID": "77"}, 0),
        ({"WATCHDOG_USEC": "-1"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
        ({"WATCHDOG_USEC": "9" * 5000}, 0),
        ({"WATCHDOG_PID": "77"}, 0),
    ],
)
async def test_the_watchdog_is_meant_for_this_process_only(
    tmp_path: Path,
    environ: dict[str, str],
    beats: int,
    autojump_clock: trio.testing.MockClock,
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        environ = {**environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        with trio.move_on_after(5):
            await ServiceManager.from_environment(environ, 77).serve()
        assert received(receiver) == ["WATCHDOG=1"] * beats
