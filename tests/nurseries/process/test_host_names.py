"""A resolver that is away keeps few threads for each name, and none of other subjects."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trio
import trio.testing

from nurseries.process.host_names import AT_ONCE, HostNames

LIMIT_S = 20
FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]


class Resolver:
    """Away for `plug.local` until `answers` is set."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.running = self.most = 0

    def __call__(self, host: bytes, *_more: Any) -> list[Any]:
        if host != b"plug.local":
            return FOUND
        self.running += 1
        self.most = max(self.most, self.running)
        assert self.answers.wait(LIMIT_S)
        self.running -= 1
        return FOUND


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    resolver = Resolver()
    yield resolver
    resolver.answers.set()


async def test_a_name_that_is_not_found_out_keeps_few_threads(resolver: Resolver) -> None:
    trio.socket.set_custom_hostname_resolver(HostNames(resolver))
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            for _ in range(50):  # tried again and again, each given up
                with trio.move_on_after(0.001):
                    await trio.socket.getaddrinfo("plug.local", 80)
            nursery.start_soon(trio.socket.getaddrinfo, "plug.local", 80)
            await trio.testing.wait_all_tasks_blocked()
            assert await trio.socket.getaddrinfo("camera.local", 80) == FOUND
            assert await trio.to_thread.run_sync(int, "7") == 7
            assert 0 < resolver.running <= AT_ONCE
            resolver.answers.set()
    assert resolver.most <= AT_ONCE


async def test_names_are_forgotten_and_failures_come_through(resolver: Resolver) -> None:
    def fail(*_: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    names = HostNames(fail)
    with pytest.raises(socket.gaierror, match="unknown"):
        await names.getaddrinfo(b"nobody.local", 80)
    assert not names._asked
    host, service = await names.getnameinfo(
        ("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    )
    assert (host, service) == ("127.0.0.1", "80")
