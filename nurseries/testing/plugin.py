"""pytest fixtures of mrk, loaded by pytest itself once `mrk[testing]` is installed.

All are pytest-trio fixtures: they run, and own their tasks, for one test.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest_trio

from nurseries.client.rpc_client import RpcClient
from nurseries.testing.memory import MemoryDaemon, open_memory_daemon
from nurseries.testing.sockets import SocketDaemon, open_socket_daemon
from nurseries.virtual_printer.service import VirtualPrinter

Function = TypeVar("Function", bound=Callable[..., object])


def trio_fixture(function: Function) -> Function:
    """pytest-trio's decorator, with a type."""
    decorated: Function = pytest_trio.trio_fixture(function)
    return decorated


@trio_fixture
async def mrk_daemon() -> AsyncIterator[MemoryDaemon]:
    """A daemon on a ready virtual printer, in process over memory streams."""
    async with open_memory_daemon() as daemon:
        yield daemon


@trio_fixture
async def mrk_client(mrk_daemon: MemoryDaemon) -> AsyncIterator[RpcClient]:
    """A client connected to `mrk_daemon`."""
    async with mrk_daemon.connect() as client:
        yield client


@trio_fixture
async def mrk_printer(mrk_daemon: MemoryDaemon) -> VirtualPrinter:
    """The virtual printer under `mrk_daemon`, to order faults from."""
    return mrk_daemon.printer


@trio_fixture
async def mrk_socket_daemon(tmp_path: Path) -> AsyncIterator[SocketDaemon]:
    """A daemon on a ready virtual printer, on real sockets in a temporary data folder."""
    async with open_socket_daemon(tmp_path) as daemon:
        yield daemon
