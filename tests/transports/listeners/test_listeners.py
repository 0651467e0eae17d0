"""Listening sockets are real here, so every test is end to end."""

import os
import socket
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from nurseries.root.addresses import Addresses
from tests.fakes.http_house import House
from tests.fakes.without_rights import closed_folder, without_rights
from transports.listeners.listen_errors import ListenError
from transports.listeners.listeners import Listeners, open_listeners
from transports.listeners.tls import Certificate, Tls

pytestmark = pytest.mark.e2e


def opened(tmp_path: Path, **options: Any) -> AbstractAsyncContextManager[Listeners]:
    wanted: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "ssl_port": 0,
        "certificate": Certificate(tmp_path / "moonraker.cert", tmp_path / "moonraker.key"),
        "unix_path": tmp_path / "comms" / "moonraker.sock",
    }
    return open_listeners(**{**wanted, **options})


async def refused(tmp_path: Path, **options: Any) -> str:
    with pytest.raises(ListenError) as caught:
        async with opened(tmp_path, **options):
            pass
    return str(caught.value)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


async def test_everything_is_open_and_then_closed(tmp_path: Path) -> None:
    path = tmp_path / "comms" / "moonraker.sock"
    async with opened(tmp_path) as listeners:
        assert listeners.tls == []
        assert listeners.ssl_port is None
        async with await trio.open_tcp_stream("127.0.0.1", listeners.port):
            pass
        async with await trio.open_unix_socket(path):
            pass
    assert not path.exists()
    with pytest.raises(OSError, match="failed"):
        await trio.open_tcp_stream("127.0.0.1", listeners.port)


async def test_all_means_ipv4_and_ipv6(tmp_path: Path) -> None:
    async with opened(tmp_path, host="all") as listeners:
        async with await trio.open_tcp_stream("127.0.0.1", listeners.port):
            pass
        if len(listeners.tcp) > 1:
            async with await trio.open_tcp_stream("::1", listeners.port):
                pass


async def test_a_port_in_use_says_what_to_do(tmp_path: Path, taken_port: int) -> None:
    message = await refused(tmp_path, port=taken_port)
    assert f"Port {taken_port} is in use" in message
    assert "[server]" in message
    assert not (tmp_path / "comms" / "moonraker.sock").exists()


@pytest.mark.parametrize("host", ["192.0.2.1", '"127.0.0.1"', "2001:db8::1", "nobody.invalid"])
async def test_a_host_that_is_not_ours_leaves_the_unix_socket(tmp_path: Path, host: str) -> None:
    async with opened(tmp_path, host=host) as listeners:
        (warning,) = listeners.warnings
        assert repr(host) in warning
        assert "not an address of this machine" in warning
        assert ("quotes" in warning) == ('"' in host)
        assert not listeners.reachable
        async with await trio.open_unix_socket(tmp_path / "comms" / "moonraker.sock"):
            pass


async def test_a_folder_that_is_none_leaves_tcp(tmp_path: Path) -> None:
    (tmp_path / "comms").touch()
    async with opened(tmp_path) as listeners:
        (warning,) = listeners.warnings
        assert f"Cannot listen at {tmp_path}/comms/moonraker.sock" in warning
        assert listeners.reachable
        async with await trio.open_tcp_stream("127.0.0.1", listeners.port):
            pass


async def test_broken_certificates_leave_plain_http(
    tmp_path: Path, certificate: Certificate
) -> None:
    good = certificate.key.read_text()
    certificate.key.write_text("no key")
    async with opened(tmp_path) as listeners:
        (warning,) = listeners.warnings
        assert warning.startswith("There is no HTTPS: ")
        assert "remove them to serve without TLS" in warning
        assert (listeners.tls, listeners.ssl_port) == ([], None)
        async with await trio.open_tcp_stream("127.0.0.1", listeners.port):
            pass
        pair = (certificate.certificate, certificate.key)
        addresses = Addresses("127.0.0.1", 1, 2, pair, tmp_path)
        assert not await addresses.has_tls_since(listeners)
        certificate.key.write_text(good)
        assert await addresses.has_tls_since(listeners)


async def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "moonraker.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with opened(tmp_path, unix_path=path), await trio.open_unix_socket(path):
        pass


async def test_a_socket_somebody_answers_at_is_left_alone(tmp_path: Path) -> None:
    async with opened(tmp_path):
        assert "answers at" in await refused(tmp_path)
        async with await trio.open_unix_socket(tmp_path / "comms" / "moonraker.sock"):
            pass


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "moonraker.sock"
    path.write_text("precious")
    async with opened(tmp_path, unix_path=path) as listeners:
        assert "is not a socket" in listeners.warnings[0]
    assert path.read_text() == "precious"


async def test_another_daemons_socket_is_not_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "comms" / "moonraker.sock"
    async with opened(tmp_path):
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert path.exists()


async def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    async with opened(tmp_path, unix_path=tmp_path / ("x" * 108)) as listeners:
        assert "shorter data folder" in listeners.warnings[0]


async def test_tls(tmp_path: Path, certificate: Certificate) -> None:
    import ssl

    trust = ssl.create_default_context(cafile=str(certificate.certificate))
    with trio.fail_after(20):
        async with opened(tmp_path) as listeners, trio.open_nursery() as nursery:
            assert listeners.tls_side is not None
            house = House()
            await nursery.start(
                lambda task_status: house.door.serve(
                    listeners.tcp,
                    tls_listeners=listeners.tls,
                    wrap_tls=listeners.tls_side.wrap if listeners.tls_side else None,
                    task_status=task_status,
                )
            )
            base = f"https://127.0.0.1:{listeners.ssl_port}"
            async with httpx.AsyncClient(verify=trust, base_url=base) as client:
                for _ in range(2):
                    assert (await client.get("/server/info")).json() == {"result": {"ok": True}}
                page = await client.get("/")
                assert page.status_code == 200
                assert (await client.get("/server/info")).json() == {"result": {"ok": True}}
                listeners.tls_side.load()
            # Plain HTTP on the TLS port ends, and nobody else notices.
            async with await trio.open_tcp_stream("127.0.0.1", listeners.ssl_port or 0) as plain:
                await plain.send_all(b"GET / HTTP/1.1\r\n\r\n")
                assert b"HTTP/1.1 200" not in await plain.receive_some()
            async with httpx.AsyncClient(verify=trust, base_url=base) as client:
                assert (await client.get("/server/info")).status_code == 200
            nursery.cancel_scope.cancel()


def test_a_certificate_that_may_not_be_read_is_told():
    with closed_folder() as closed:
        files = Certificate(closed / "there", closed / "there")
        with without_rights():
            assert files.exists()
            with pytest.raises(ListenError, match="cannot be used for TLS: Permission denied"):
                Tls(files)
