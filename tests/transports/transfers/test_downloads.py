"""Downloads through the door: content, parts, conditions, headers, endings."""

import json
import os
from pathlib import Path

import pytest
import trio
import trio.testing

from mrk.definitions.limits import Limits
from mrk.http.conditional import http_date
from tests.fakes.transfer_files import TransferHouse
from tests.transports.transfers.http_client import (
    Client,
    connected,
    file,
    open_descriptors,
    upload,
)

DATA = bytes(range(256)) * 5000  # 1.28 MB: sent by the kernel
SMALL = b"[printer]\n"


@pytest.fixture
def house(tmp_path: Path) -> TransferHouse:
    log = tmp_path / "klippy.log"
    log.write_bytes(b"Starting Klippy...\n")
    logs = {"klippy.log": lambda: str(log), "moonraker.log": lambda: None}
    house = TransferHouse(tmp_path, cors_domains=["http://ui"], logs=logs)
    (house.gcodes / "big.gcode").write_bytes(DATA)
    (tmp_path / "config/printer.cfg").write_bytes(SMALL)
    return house


BIG = "/server/files/gcodes/big.gcode"
CFG = "/server/files/config/printer.cfg"


@pytest.mark.parametrize(("target", "data"), [(BIG, DATA), (CFG, SMALL)])
async def test_a_download(house: TransferHouse, target: str, data: bytes) -> None:
    async with connected(house) as client:
        for _ in range(2):
            answer = await client.get(target, "Origin: http://ui")
            assert (answer.status, answer.body) == (200, data)
        name = target.rpartition("/")[2]
        expected = {
            "content-type": "text/plain",
            "accept-ranges": "bytes",
            "content-disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}",
            "x-content-type-options": "nosniff",
            "content-security-policy": "sandbox; default-src 'none'",
            "access-control-allow-origin": "http://ui",
            "content-length": str(len(data)),
        }
        assert expected.items() <= answer.headers.items()
        assert "cache-control" not in answer.headers
        head = await client.get(target, "Origin: http://ui", verb="HEAD")
        assert (head.status, head.headers) == (200, answer.headers)
        # The connection goes on.
        assert (await client.ask(upload(file("a", b"1")))).status == 201
        assert (await client.get("/server/info")).status == 200


@pytest.mark.parametrize(("target", "data"), [(BIG, DATA), (CFG, SMALL)])
@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("0-0", 0, 1), ("2-4", 2, 5), ("5-", 5, None), ("-3", -3, None), ("4-99999999", 4, None)],
)
async def test_ranges(
    house: TransferHouse, target: str, data: bytes, wanted: str, start: int, end: int | None
) -> None:
    async with connected(house) as client:
        answer = await client.get(target, f"Range: bytes={wanted}")
        expected = data[start:end]
        first = start % len(data)
        assert (answer.status, answer.body) == (206, expected)
        last = first + len(expected) - 1
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(data)}"


@pytest.mark.parametrize("wanted", ["bytes=0-", "bytes=0-1,3-4", "bytes=4-2", "lines=1-2", "x"])
async def test_ranges_that_mean_the_whole_file(house: TransferHouse, wanted: str) -> None:
    async with connected(house) as client:
        answer = await client.get(CFG, f"Range: {wanted}")
        assert (answer.status, answer.body) == (200, SMALL)


async def test_a_range_behind_the_end(house: TransferHouse) -> None:
    async with connected(house) as client:
        answer = await client.get(CFG, "Range: bytes=10-", "Origin: http://ui")
        assert answer.status == 416
        assert answer.headers["content-range"] == "bytes */10"
        assert answer.headers["content-type"] == "text/plain"
        assert answer.headers["access-control-allow-origin"] == "http://ui"


async def test_conditions(house: TransferHouse) -> None:
    async with connected(house) as client:
        first = await client.get(CFG)
        tag, date = first.headers["etag"], first.headers["last-modified"]
        for condition in (f"If-None-Match: {tag}", f"If-None-Match: W/{tag}", "If-None-Match: *"):
            answer = await client.get(CFG, condition)
            assert (answer.status, answer.headers["etag"]) == (304, tag)
            assert "content-length" not in answer.headers
        assert (await client.get(CFG, f"If-Modified-Since: {date}")).status == 304
        other = await client.get(CFG, 'If-None-Match: "a"', f"If-Modified-Since: {date}")
        assert other.status == 200
        assert (await client.get(CFG, 'If-Match: "a"')).status == 412
        part = await client.get(CFG, "Range: bytes=1-2", f"If-Range: {tag}")
        assert (part.status, part.body) == (206, SMALL[1:3])
        whole = await client.get(CFG, "Range: bytes=1-2", 'If-Range: "old"')
        assert (whole.status, whole.body) == (200, SMALL)
        (house.folder / "config/printer.cfg").write_bytes(b"[mcu]     \n")
        assert (await client.get(CFG, f"If-None-Match: {tag}")).status == 200
        early = http_date(1)
        assert (await client.get(CFG, f"If-Modified-Since: {early}")).status == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/server/files/gcodes/none.gcode", 404),
        ("/server/files/nowhere/a", 404),
        ("/server/files/config/sub", 403),
        ("/server/files/config/pipe", 403),
        ("/server/files/config/../x", 400),
        ("/server/files/config/%2e%2e/x", 400),
        ("/server/files/config/%2E%2E%2fgcodes%2fbig.gcode", 400),
        ("/server/files/config/%FF", 400),
        ("/server/files/config/a%00", 400),
        ("/server/files/config/.git/x", 403),
        ("/server/files/moonraker.log", 404),
        ("/server/files/config", 404),
        ("/server/files/config/", 403),
        ("/server/files/other.log", 404),
        ("/server/files/nowhere/", 404),
        ("/server/files//x", 404),
        ("/server/files/", 404),
        ("/server/files/move", 405),
        ("/server/files/upload", 405),
    ],
)
async def test_refusals(house: TransferHouse, target: str, status: int) -> None:
    (house.folder / "config/sub").mkdir()
    os.mkfifo(house.folder / "config/pipe")
    async with connected(house) as client:
        answer = await client.get(target, "Origin: http://ui")
        assert answer.status == status
        assert json.loads(answer.body)["error"]["code"] == status
        assert answer.headers["access-control-allow-origin"] == "http://ui"


async def test_names_in_addresses(house: TransferHouse) -> None:
    (house.gcodes / 'ä "b" %.gcode').write_bytes(b"1")
    async with connected(house) as client:
        answer = await client.get("/server/files/gcodes/%C3%A4%20%22b%22%20%25.gcode")
        assert answer.body == b"1"
        disposition = answer.headers["content-disposition"]
        assert disposition.endswith("filename*=UTF-8''%C3%A4%20%22b%22%20%25.gcode")
        assert 'filename="_ _b_ _.gcode"' in disposition


async def test_logs_and_versions(house: TransferHouse) -> None:
    async with connected(house) as client:
        answer = await client.get("/server/files/klippy.log?v=123")
        assert answer.body == b"Starting Klippy...\n"
        assert answer.headers["cache-control"] == "max-age=315360000"
        assert "expires" in answer.headers


async def test_strangers_see_pictures_only(house: TransferHouse) -> None:
    for name in ("a.png", "a.jpg", "a.svg"):
        (house.gcodes / name).write_bytes(b"picture")
    async with connected(house, peer="10.0.0.9") as client:
        for name, status in (("a.png", 200), ("a.jpg", 200), ("a.svg", 401), ("none", 401)):
            assert (await client.get(f"/server/files/gcodes/{name}")).status == status
        assert (await client.get("/server/files/klippy.log")).status == 401
        assert (await client.get("/server/files/gcodes/a.png", verb="DELETE")).status == 401


async def test_other_verbs_on_a_file(house: TransferHouse) -> None:
    async with connected(house) as client:
        answer = await client.get(CFG, verb="PUT")
        assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS")
        answer = await client.get("/server/files/move", verb="DELETE")
        assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")
        preflight = await client.get(CFG, "Origin: http://ui", verb="OPTIONS")
        assert preflight.status == 204
        assert (await client.get(CFG, verb="DELETE")).status == 200  # the API's


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "text/html"),
        ("a.svg", "image/svg+xml"),
        ("a.js", "text/plain"),
        ("a.CSS", "text/css"),
        ("klippy.log.2026-01-01", "text/plain"),
        ("a", "application/octet-stream"),
    ],
)
async def test_nothing_runs_in_our_origin(house: TransferHouse, name: str, kind: str) -> None:
    (house.gcodes / name).write_bytes(b"<script>1</script>")
    async with connected(house) as client:
        headers = (await client.get(f"/server/files/gcodes/{name}")).headers
    assert headers["content-type"] == kind
    assert headers["content-disposition"].startswith("attachment")
    assert headers["content-security-policy"].startswith("sandbox")
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_file_that_shrinks_ends_the_connection(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    path = house.gcodes / "a.gcode"
    path.write_bytes(os.urandom(20_000_000))
    async with connected(house) as client:
        await client.send(b"GET /server/files/gcodes/a.gcode HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await client.stream.receive_some(100_000)
        os.truncate(path, 1_000_000)
        received = 0
        while part := await client.stream.receive_some():
            received += len(part)
        assert received < 20_000_000


async def test_a_file_that_grows_is_sent_as_it_was(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    path = house.gcodes / "a.log"
    data = os.urandom(5_000_000)
    path.write_bytes(data)
    async with connected(house) as client:
        await client.send(b"GET /server/files/gcodes/a.log HTTP/1.1\r\nHost: a\r\n\r\n")
        with path.open("ab") as log:
            log.write(b"more")
        assert (await client.answer()).body in (data, data + b"more")
        assert (await client.get("/server/info")).status == 200


async def test_a_client_that_stalls_is_given_up(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path, limits=Limits(send_s=0.2))
    (house.gcodes / "a").write_bytes(bytes(20_000_000))
    near, far = trio.socket.socketpair()
    with trio.fail_after(10):
        async with trio.SocketStream(near) as stream, trio.open_nursery() as nursery:
            await stream.send_all(b"GET /server/files/gcodes/a HTTP/1.1\r\nHost: a\r\n\r\n")
            far_stream = trio.SocketStream(far)
            nursery.start_soon(house.door.serve_connection, far_stream, "127.0.0.1")


async def test_a_stalled_download_does_not_hold_a_shutdown(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    (house.gcodes / "a").write_bytes(bytes(20_000_000))
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as stream:
        async with trio.open_nursery() as nursery:
            far_stream = trio.SocketStream(far)
            nursery.start_soon(house.door.serve_connection, far_stream, "127.0.0.1")
            await stream.send_all(b"GET /server/files/gcodes/a HTTP/1.1\r\nHost: a\r\n\r\n")
            assert await stream.receive_some(10)
            began = trio.current_time()
            nursery.cancel_scope.cancel()
        assert trio.current_time() - began < Limits().goodbye_s + 0.5


async def test_pages_leave_the_connection_to_the_next_request(house: TransferHouse) -> None:
    (house.gcodes / "a").write_bytes(DATA)
    async with connected(house) as client:
        assert (await client.get("/")).status == 200
        assert (await client.get("/server/files/gcodes/a")).body == DATA


async def test_a_download_over_another_transport(tmp_path: Path) -> None:
    """As over TLS: nothing that the kernel could send on."""
    house = TransferHouse(tmp_path)
    (house.gcodes / "a").write_bytes(DATA)
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.door.serve_connection, far, "127.0.0.1")
        client = Client(near)
        assert (await client.get("/server/files/gcodes/a")).body == DATA
        assert (await client.ask(upload(file("b", DATA)))).status == 201
        nursery.cancel_scope.cancel()
    assert (house.gcodes / "b").read_bytes() == DATA


@pytest.mark.parametrize("target", [BIG, CFG])
async def test_no_descriptor_stays_open(house: TransferHouse, target: str) -> None:
    async with connected(house) as client:
        tag = (await client.get(target)).headers["etag"]
        assert (await client.get(target, verb="HEAD")).status == 200
        assert (await client.get(target, f"If-None-Match: {tag}")).status == 304
        assert (await client.get(target, 'If-Match: "x"')).status == 412
        assert (await client.get(target, "Range: bytes=1-4")).status == 206
        past = await client.get(target, "Range: bytes=9999999-")
        assert (past.status, past.body) == (416, b"416: Range Not Satisfiable\n")
        assert (await client.get("/server/files/gcodes/")).status == 403
        assert open_descriptors(house.folder) == []
    async with connected(house) as client:  # leaves in the midst of it
        await client.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await client.stream.receive_some(100)
    assert open_descriptors(house.folder) == []
