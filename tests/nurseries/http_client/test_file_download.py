"""A file from a server on loopback onto the disk: whole, or not at all."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.http.client import FetchFailed
from mrk.http.file_download import Downloaded, DownloadEnd, DownloadLimits
from nurseries.http_client import HttpClient
from tests.fakes.web_server import Reply, open_web_server, response

pytestmark = pytest.mark.e2e
OUTER_S = 20
MIB = 1024 * 1024
BODY = b"G1 X1\n" * 500_000


async def fetch(
    folder: Path,
    reply: Reply,
    most_bytes: int = 10 * MIB,
    silence_s: float = OUTER_S,
    whole_s: float = OUTER_S,
    tell: Any = lambda _: None,
) -> Downloaded:
    limits = DownloadLimits(most_bytes=most_bytes, silence_s=silence_s, whole_s=whole_s)
    result: Downloaded | Exception
    async with open_web_server() as server:
        server.replies["/x"] = reply
        try:
            with trio.fail_after(2 * OUTER_S):
                result = await HttpClient().download(f"{server.url}/x", folder / "x", limits, tell)
        except (FetchFailed, OSError) as exc:
            result = exc
    if isinstance(result, Exception):
        raise result
    return result


async def test_a_large_file_comes_in_parts(tmp_path):
    told: list[int] = []
    found = await fetch(tmp_path, response(BODY), tell=told.append)
    assert found == Downloaded(DownloadEnd.WHOLE, 200, len(BODY), hashlib.sha256(BODY).hexdigest())
    assert (tmp_path / "x").read_bytes() == BODY
    assert len(told) == 2
    assert MIB <= told[0] <= told[1] - MIB


async def test_a_file_of_nothing(tmp_path):
    assert (await fetch(tmp_path, response(b""))).size_bytes == 0
    assert (tmp_path / "x").read_bytes() == b""


@pytest.mark.parametrize(
    ("most_bytes", "end"), [(3 * MIB, DownloadEnd.WHOLE), (3 * MIB - 1, DownloadEnd.TOO_LARGE)]
)
@pytest.mark.parametrize("chunked", [True, False])
async def test_the_most_bytes(tmp_path, most_bytes, end, chunked):
    body = bytes(3 * MIB)
    reply = response(body)
    if chunked:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        reply = head + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    assert (await fetch(tmp_path, reply, most_bytes)).end is end
    assert len(list(tmp_path.iterdir())) == (end is DownloadEnd.WHOLE)


async def trickles(stream: trio.SocketStream) -> None:
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        await stream.send_all(b"x")
        await trio.sleep(0.05)


async def stalls(stream: trio.SocketStream) -> None:
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
    await trio.sleep_forever()


async def hangs(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("reply", "limits", "end"),
    [
        (response(b"no", "403 Forbidden"), {}, DownloadEnd.REFUSED),
        (response(b"", "204 No Content"), {}, DownloadEnd.REFUSED),
        (hangs, {"silence_s": 0.3}, DownloadEnd.SILENT),
        (stalls, {"silence_s": 0.3}, DownloadEnd.SILENT),
        (trickles, {"whole_s": 0.5}, DownloadEnd.TOO_SLOW),
    ],
    ids=["403", "204", "hangs", "stalls", "trickles"],
)
async def test_ends_that_leave_nothing(tmp_path, reply, limits, end):
    assert (await fetch(tmp_path, reply, **limits)).end is end
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nshort",
        response(b"x", Content_Encoding="gzip"),
        response(b"", "302 Found", Location="/x"),
        response(b"", "302 Found", Location="ftp://127.0.0.1/x"),
    ],
)
async def test_answers_that_are_none(tmp_path, reply):
    with pytest.raises(FetchFailed):
        await fetch(tmp_path, reply)
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk(tmp_path, monkeypatch):
    real = os.fstatvfs

    def full(descriptor: int) -> os.statvfs_result:
        status = list(real(descriptor))
        status[4] = 0  # f_bavail
        return os.statvfs_result(status)

    monkeypatch.setattr(os, "fstatvfs", full)
    with pytest.raises(OSError, match="No space left"):
        await fetch(tmp_path, response(b"x"))
    assert list(tmp_path.iterdir()) == []


async def test_what_is_there_already_stays(tmp_path):
    (tmp_path / "x").write_text("mine")
    with pytest.raises(FileExistsError):
        await fetch(tmp_path, response(b"x"))
    assert (tmp_path / "x").read_text() == "mine"


async def test_a_folder_that_is_gone(tmp_path):
    with pytest.raises(FileNotFoundError):
        await fetch(tmp_path / "gone", response(b"x"))


async def test_cancelled_on_the_way(tmp_path):
    asked = trio.Event()

    async def begins(stream: trio.SocketStream) -> None:
        await stream.send_all(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(2 * MIB)
        )
        asked.set()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch, tmp_path, begins)
        await asked.wait()
        assert (tmp_path / "x").exists()
        nursery.cancel_scope.cancel()
    assert list(tmp_path.iterdir()) == []
