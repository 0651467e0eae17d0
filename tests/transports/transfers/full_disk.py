"""Uploads onto a disk that is full, run by `test_full_disk.py` inside a mount of its own.

Run as `python -m tests.transports.transfers.full_disk FOLDER`, FOLDER being 32 MB in size.
"""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import trio

from tests.fakes.own_mount import fill_up
from tests.fakes.transfer_files import TransferHouse
from tests.transports.transfers.http_client import Client, connected, field, file, upload

LARGE = bytes(40_000_000)


async def status_of(house: TransferHouse, request: bytes) -> int:
    async with connected(house) as client, trio.open_nursery() as nursery:
        nursery.start_soon(_send, client, request)
        answer = await client.answer()
        nursery.cancel_scope.cancel()
    return answer.status


async def _send(client: Client, request: bytes) -> None:
    with contextlib.suppress(trio.BrokenResourceError):
        await client.send(request)


async def main(folder: Path) -> None:
    house = TransferHouse(folder)
    # Too large by its length: refused while the client waits with the body.
    head = upload(file("a.gcode", LARGE), headers=["Expect: 100-continue"])
    head = head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert await status_of(house, head) == 507
    await _refused_once_the_root_is_known(house)
    # Too large, but nobody knows before: refused on the way, and nothing stays.
    body = upload(file("a.gcode", LARGE)).partition(b"\r\n\r\n")[2]
    top = head.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
    top = top.replace(b"Expect: 100-continue\r\n", b"")
    chunked = top + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    for _ in range(3):
        assert await status_of(house, chunked) == 507
    assert os.listdir(house.gcodes) == []
    assert await status_of(house, upload(file("b.gcode", LARGE[:20_000_000]))) == 201
    fill_up(folder / "filler")
    assert await status_of(house, upload(file("c.cfg", b"x" * 10_000))) == 507
    assert os.listdir(house.gcodes) == ["b.gcode"]
    (folder / "filler").unlink()
    assert await status_of(house, upload(file("c.cfg", b"x" * 10_000))) == 201
    assert house.leftovers() == []


async def _refused_once_the_root_is_known(house: TransferHouse) -> None:
    """It would fit elsewhere; most of it has not come when it is refused."""
    with tempfile.TemporaryDirectory() as elsewhere:
        house.files.roots["elsewhere"] = Path(elsewhere)
        request = upload(file("a.gcode", LARGE), field("root", "elsewhere"))
        assert await status_of(house, request[:2_000_000]) == 507
        request = upload(field("root", "elsewhere"), file("a.gcode", LARGE))
        assert await status_of(house, request) == 201
        del house.files.roots["elsewhere"]


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
    print("passed")
