"""TLS as a client meets it, over memory streams."""

import ssl
from pathlib import Path

import pytest
import trio
import trio.testing

from transports.listeners.tls import Certificate, Tls

pytestmark = pytest.mark.e2e  # certificates are made by openssl
LIMIT_S = 20.0
Pair = tuple[trio.SSLStream[trio.abc.Stream], trio.SSLStream[trio.abc.Stream]]


@pytest.mark.parametrize(
    ("there", "exists"),
    [(("cert", "key"), True), (("cert",), False), (("key",), False), ((), False)],
)
def test_half_a_pair_is_none(tmp_path: Path, there: tuple[str, ...], exists: bool) -> None:
    for name in there:
        (tmp_path / name).write_text("text")
    assert Certificate(tmp_path / "cert", tmp_path / "key").exists() is exists


def test_folders_are_no_pair(tmp_path: Path) -> None:
    assert not Certificate(tmp_path, tmp_path).exists()


async def connected(files: Certificate) -> Pair:
    """The server's end and the client's, behind the handshake."""
    ours, theirs = trio.testing.memory_stream_pair()
    context = ssl.create_default_context(cafile=str(files.certificate))
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = Tls(files).wrap(ours)
    client: trio.SSLStream[trio.abc.Stream] = trio.SSLStream(
        theirs, context, server_hostname="127.0.0.1", https_compatible=True
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.do_handshake)
        nursery.start_soon(client.do_handshake)
    return server, client


async def test_http_1_is_agreed_on(certificate: Certificate) -> None:
    with trio.fail_after(LIMIT_S):
        server, client = await connected(certificate)
    async with client, server:
        assert client.selected_alpn_protocol() == "http/1.1"


async def test_who_leaves_without_a_word_has_left(certificate: Certificate) -> None:
    with trio.fail_after(LIMIT_S):
        server, client = await connected(certificate)
        async with server:
            await client.send_all(b"GET /")
            assert await server.receive_some() == b"GET /"
            await client.transport_stream.aclose()
            assert await server.receive_some() == b""


async def test_nobody_waits_for_a_clients_goodbye(certificate: Certificate) -> None:
    with trio.fail_after(LIMIT_S):
        server, client = await connected(certificate)
        await server.aclose()
        async with client:
            assert await client.receive_some() == b""
