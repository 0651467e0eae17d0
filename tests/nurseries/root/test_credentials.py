"""Every way into a whole daemon, tried without credentials, with wrong and with expired ones."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
import trio

from mrk.access.tokens import Named, TokenKind, issue
from mrk.api.caller import Transport
from mrk.api.endpoint import Access
from nurseries.testing.memory import MemoryDaemon, open_memory_daemon
from tests.transports.sockets.conftest import Peer
from tests.transports.transfers.http_client import Answer, Client

STRANGER = "203.0.113.9"
OTHERS = ("/server/files/upload", "/nothing", "/server/files/gcodes/a.gcode", "/access")
WEBSOCKET = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


@dataclass
class House:
    daemon: MemoryDaemon
    good: str
    expired: str

    @property
    def bad(self) -> dict[str, tuple[str, str]]:
        """Credentials that are worth nothing: (header, query)."""
        return {
            "none": ("", ""),
            "junk token": ("Authorization: Bearer junk", ""),
            "expired token": (f"Authorization: Bearer {self.expired}", ""),
            "expired token, other header": (f"X-Access-Token: {self.expired}", ""),
            "expired token in the query": ("", f"access_token={self.expired}"),
            "forged token": (f"Authorization: Bearer {self.good[:-4]}AAAA", ""),
            "one-shot token": ("", f"token={'A' * 32}"),
            "key": ("X-Api-Key: " + "0" * 32, ""),
            "trust by header": ("X-Forwarded-For: 127.0.0.1", ""),
        }

    async def ask(self, verb: str, path: str, *headers: str) -> Answer:
        stream = self.daemon.open_http(STRANGER)
        async with stream:
            given = [header for header in headers if header]
            return await Client(stream).get(path, *given, verb=verb)


@asynccontextmanager
async def open_house() -> AsyncIterator[House]:
    with trio.fail_after(50):
        async with open_memory_daemon() as daemon, daemon.connect() as local:
            made = await local.call("access.post_user", username="ann", password="secret")
            book: Any = daemon.generation.subsystems.accounts
            named = Named("ann", book.user("ann").kid)
            signing = book.snapshot.signing_key
            expired = issue(signing, named, TokenKind.ACCESS, time.time() - 7200, 3600)
            yield House(daemon, made["token"], expired)


def routes(house: House) -> list[tuple[str, str, Access]]:
    found = [
        (verb, method.endpoint.path, method.endpoint.access)
        for method in house.daemon.generation.table
        if method.endpoint.http
        for verb in method.endpoint.verbs
    ]
    assert len(found) > 60
    return found


def with_query(path: str, query: str) -> str:
    path = path.replace("{path...}", "gcodes/a.gcode").replace("{", "").replace("}", "")
    return f"{path}?{query}" if query else path


async def test_no_route_answers_a_stranger() -> None:
    async with open_house() as house:
        for about, (header, query) in house.bad.items():
            for verb, path, access in routes(house):
                answer = await house.ask(verb, with_query(path, query), header)
                if access is not Access.OPEN:
                    assert answer.status == 401, (about, verb, path, answer.body)
                    error = msgspec.json.decode(answer.body)["error"]
                    assert (error["code"], error["message"][:14]) == (401, "Unauthorized: ")
            for path in OTHERS:
                answer = await house.ask("GET", with_query(path, query), header)
                assert answer.status == 401, (about, path)


async def test_a_good_token_opens_them() -> None:
    async with open_house() as house:
        answer = await house.ask("GET", "/server/info", f"Authorization: Bearer {house.good}")
        assert answer.status == 200


async def test_no_method_answers_a_stranger_by_json_rpc_over_http() -> None:
    async with open_house() as house:
        methods = [m for m in house.daemon.generation.table if m.rpc is not None]
        for about, (header, query) in house.bad.items():
            for method in methods:
                offered = Transport.HTTP_RPC in method.endpoint.transports
                body = msgspec.json.encode({"jsonrpc": "2.0", "method": method.rpc, "id": 1})
                answer = await _post(house, with_query("/server/jsonrpc", query), header, body)
                if "junk" in about or "forged" in about:
                    assert answer.status == 401
                elif method.endpoint.access is not Access.OPEN:
                    assert answer.status == 200
                    error = msgspec.json.decode(answer.body)["error"]
                    assert error["code"] == (-32602 if offered else -32601), (about, method.rpc)


async def _post(house: House, target: str, header: str, body: bytes) -> Answer:
    stream = house.daemon.open_http(STRANGER)
    lines = [f"POST {target} HTTP/1.1", "Host: printer", "Content-Type: application/json"]
    lines += [header] if header else []
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
    async with stream:
        return await Client(stream).ask(head + body)


@pytest.mark.parametrize("path", ["/klippysocket", "/websocket"])
async def test_sockets(path: str) -> None:
    """The bridge does not open; a websocket does, for a log-in."""
    async with open_house() as house:
        for about, (header, query) in house.bad.items():
            answer = await house.ask("GET", with_query(path, query), header, *WEBSOCKET)
            assert answer.status == (401 if path == "/klippysocket" else 101), about
        good = f"Authorization: Bearer {house.good}"
        assert (await house.ask("GET", path, good, *WEBSOCKET)).status == 101


async def test_no_method_answers_a_stranger_by_websocket() -> None:
    async with open_house() as house:
        methods = [m for m in house.daemon.generation.table if m.rpc is not None]
        for header, query in house.bad.values():
            stream = house.daemon.open_http(STRANGER)
            lines = [f"GET {with_query('/websocket', query)} HTTP/1.1", "Host: printer"]
            lines += [*WEBSOCKET, *([header] if header else []), "", ""]
            async with stream:
                await stream.send_all("\r\n".join(lines).encode())
                peer = Peer(stream)
                assert "101" in await peer.handshake()
                for method in methods:
                    if method.endpoint.access is Access.OPEN:
                        continue
                    assert method.rpc is not None
                    await peer.call(method.rpc)
                    offered = Transport.WEBSOCKET in method.endpoint.transports
                    error = (await peer.message())["error"]
                    assert error["code"] == (-32602 if offered else -32601), method.rpc
                house.daemon.generation.clients.broadcast("notify_test")
                await peer.call("access.info")
                assert (await peer.message())["result"]["authorized"] is False


async def test_the_landing_page_says_why() -> None:
    async with open_house() as house:
        for header, query in house.bad.values():
            answer = await house.ask("GET", with_query("/", query), header)
            assert answer.status == 200
            assert b'data-authorized="false"' in answer.body
