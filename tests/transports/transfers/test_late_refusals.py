"""What is found out of an upload only while it comes, or when it is whole."""

import os
from pathlib import Path

import pytest
import trio

from tests.fakes.transfer_files import TransferHouse
from tests.transports.transfers.http_client import (
    Client,
    connected,
    field,
    file,
    open_descriptors,
    upload,
)

GCODE = b"G28\n"
LARGE_BYTES = 2_000_000


def chunked(request: bytes, behind: bytes = b"") -> bytes:
    """The same upload without a length, with more behind its last boundary."""
    head, _, body = request.partition(b"\r\n\r\n")
    head = head.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
    body += behind
    return head + b"\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


async def test_a_root_behind_a_large_file_counts(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    data = os.urandom(LARGE_BYTES)
    request = upload(file("a.cfg", data), field("root", "config"), field("path", "sub"))
    async with connected(house) as client:
        assert (await client.ask(request)).status == 201
    assert (tmp_path / "config/sub/a.cfg").read_bytes() == data
    assert os.listdir(house.gcodes) == []


@pytest.mark.parametrize("root", ["nowhere", "gcodes"])
async def test_a_named_root_refuses_before_the_file_is_there(tmp_path: Path, root: str) -> None:
    house = TransferHouse(tmp_path)
    house.files.in_use.add("gcodes/a.gcode")
    whole = upload(field("root", root), file("a.gcode", bytes(2 * LARGE_BYTES)))
    async with connected(house) as client:
        await client.send(whole[:LARGE_BYTES])
        await client.stream.send_eof()
        assert (await client.answer()).status == (400 if root == "nowhere" else 403)
    assert house.leftovers() == []


@pytest.mark.parametrize(("more", "status"), [(1000, 201), (100_000, 413)])
async def test_what_is_no_file_is_bounded_too(tmp_path: Path, more: int, status: int) -> None:
    house = TransferHouse(tmp_path, max_upload_bytes=1000)
    async with connected(house) as client:
        answer = await client.ask(chunked(upload(file("a.gcode", GCODE)), bytes(more)))
        assert answer.status == status
    assert os.listdir(house.gcodes) == (["a.gcode"] if status == 201 else [])


async def test_a_root_that_is_away_keeps_no_others_from_uploads(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    house.files.roots["usb"] = tmp_path / "away"
    async with connected(house) as client:
        assert (await client.ask(upload(file("a.gcode", GCODE)))).status == 201
        (house.gcodes / "a.gcode").unlink()
        for root in ("gcodes", "config"):
            (tmp_path / root).rmdir()
        assert (await client.ask(upload(file("a.gcode", GCODE)))).status == 507


async def test_without_a_root_that_may_be_written_nothing_is_read(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    house.files.roots.clear()
    request = upload(file("a.gcode", GCODE), headers=["Expect: 100-continue"])
    async with connected(house) as client:
        head = request.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        assert (await client.ask(head)).status == 403


async def test_one_that_is_cancelled_on_its_way_into_place_leaves_nothing(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    stored = trio.Event()

    async def stall() -> None:
        assert house.leftovers()
        stored.set()
        await trio.sleep_forever()

    house.files.storing = stall
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as stream:
        client = Client(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.door.serve_connection, trio.SocketStream(far), "127.0.0.1")
            await client.send(upload(file("a.gcode", GCODE)))
            await stored.wait()
            nursery.cancel_scope.cancel()
        assert (await client.answer()).status == 503
    assert os.listdir(house.gcodes) == []


@pytest.mark.parametrize("told_to_end", [False, True])
async def test_an_upload_that_ends_early_leaves_no_descriptor(
    tmp_path: Path, told_to_end: bool
) -> None:
    house = TransferHouse(tmp_path)
    whole = upload(file("a.gcode", bytes(2 * LARGE_BYTES)))
    near, far = trio.socket.socketpair()
    with trio.fail_after(20):
        async with trio.SocketStream(near) as stream, trio.open_nursery() as nursery:
            nursery.start_soon(house.door.serve_connection, trio.SocketStream(far), "127.0.0.1")
            await stream.send_all(whole[:LARGE_BYTES])
            while not open_descriptors(tmp_path):  # noqa: ASYNC110 - as the kernel sees it
                await trio.sleep(0.01)
            if told_to_end:
                nursery.cancel_scope.cancel()
            else:
                await stream.send_eof()
    assert open_descriptors(tmp_path) == []
    assert house.leftovers() == []
