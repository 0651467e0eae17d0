"""Uploads through the door: what is stored, what is refused, what is left behind."""

import hashlib
import json
import os
import random
from pathlib import Path

import pytest
import trio

from mrk.definitions.limits import Limits
from mrk.files.transfers import PrintOutcome, PrintStart
from tests.fakes.transfer_files import TransferHouse
from tests.transports.transfers.http_client import (
    BOUNDARY,
    Client,
    connected,
    field,
    file,
    part,
    upload,
)

GCODE = b"G28\nG1 X10 Y10 F3000\n"


async def status_of(house: TransferHouse, request: bytes) -> int:
    async with connected(house) as client:
        return (await client.ask(request)).status


async def test_an_upload(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    async with connected(house) as client:
        answer = await client.ask(upload(file("a b.gcode", GCODE)))
        assert answer.status == 201
        assert answer.headers["location"] == "http://printer:7125/server/files/gcodes/a%20b.gcode"
        body = json.loads(answer.body)
        modified = (house.gcodes / "a b.gcode").stat().st_mtime
        assert body == {
            "item": {
                "path": "a b.gcode",
                "root": "gcodes",
                "modified": modified,
                "size": len(GCODE),
                "permissions": "rw",
            },
            "action": "create_file",
            "sha256": hashlib.sha256(GCODE).hexdigest(),
            "print_started": False,
            "print_queued": False,
        }
        assert "repr-digest" not in answer.headers
        assert (house.gcodes / "a b.gcode").read_bytes() == GCODE
        # The connection goes on, for the API, downloads and further uploads.
        assert (await client.get("/server/info")).status == 200
        assert (await client.get("/server/files/gcodes/a%20b.gcode")).body == GCODE
        assert (await client.ask(upload(file("a b.gcode", b"new")))).status == 201
        assert (house.gcodes / "a b.gcode").read_bytes() == b"new"
    assert house.files.announced == ["gcodes/a b.gcode"] * 2
    assert house.leftovers() == []


@pytest.mark.parametrize("size", [0, 1, 255 * 1024, 1024 * 1024, 3 * 1024 * 1024 + 17])
@pytest.mark.parametrize("chunked", [False, True])
async def test_every_size_arrives_as_sent(tmp_path: Path, size: int, chunked: bool) -> None:
    house = TransferHouse(tmp_path)
    data = random.Random(size).randbytes(size)
    request = upload(file("x.gcode", data))
    if chunked:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        head = b"\r\n".join([*lines, b"Transfer-Encoding: chunked"])
        cuts = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(cut), cut) for cut in cuts)
        request = head + b"\r\n\r\n" + chunks + b"0\r\n\r\n"
    assert await status_of(house, request) == 201
    assert (house.gcodes / "x.gcode").read_bytes() == data


async def test_fields_before_and_behind_the_file(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    digest = hashlib.sha256(GCODE).hexdigest()
    fields = [
        field("root", "CONFIG"),
        field("path", "sub/folder"),
        field("checksum", digest.upper()),
        field("plateindex", "3"),
        field("plateindex", "4"),
        field("print", "false"),
    ]
    before = upload(*fields, file("a.cfg", GCODE))
    behind = upload(file("b.cfg", GCODE), *fields)
    async with connected(house) as client:
        for request in (before, behind):
            answer = await client.ask(request)
            assert answer.status == 201
            assert "print_started" not in json.loads(answer.body)
    assert sorted(os.listdir(tmp_path / "config/sub/folder")) == ["a.cfg", "b.cfg"]


async def test_a_large_upload_with_the_root_behind_it(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    data = os.urandom(2_000_000)
    house.files.in_use.add("gcodes/a.cfg")
    assert await status_of(house, upload(file("a.cfg", data), field("root", "config"))) == 201
    assert (tmp_path / "config/a.cfg").read_bytes() == data
    assert os.listdir(house.gcodes) == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (PrintOutcome(PrintStart.STARTED), {"print_started": True, "print_queued": False}),
        (PrintOutcome(PrintStart.QUEUED), {"print_started": False, "print_queued": True}),
        (
            PrintOutcome(PrintStart.REFUSED, "Klipper is not ready"),
            {
                "print_started": False,
                "print_queued": False,
                "print_refused": "Klipper is not ready",
            },
        ),
    ],
)
async def test_printing(tmp_path: Path, outcome: PrintOutcome, expected: dict[str, object]) -> None:
    house = TransferHouse(tmp_path)
    house.prints.outcome = outcome
    async with connected(house) as client:
        answer = await client.ask(upload(field("print", "true"), file("s/a.gcode", GCODE)))
    body = json.loads(answer.body)
    assert {key: body[key] for key in body if key.startswith("print")} == expected
    assert house.prints.asked == ["s/a.gcode"]


@pytest.mark.parametrize("word", ["True", "TRUE", "1", "yes", ""])
async def test_no_print_by_another_word_than_true(tmp_path: Path, word: str) -> None:
    house = TransferHouse(tmp_path)
    assert await status_of(house, upload(field("print", word), file("a.gcode", GCODE))) == 201
    assert house.prints.asked == []


async def test_no_print_of_what_is_no_gcode(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    assert await status_of(house, upload(field("print", "true"), file("a.txt", b"x"))) == 201
    assert house.prints.asked == []


SLICERS = {
    # Boundary, parts and Expect as each sends them.
    "PrusaSlicer": upload(
        field("print", "false", b"------------------------d74496d66958873e"),
        field("path", "", b"------------------------d74496d66958873e"),
        part(
            b'form-data; name="file"; filename="Shape-Box \xc3\xa4.gcode"',
            GCODE,
            b"------------------------d74496d66958873e",
            b"Content-Type: application/octet-stream\r\n",
        ),
        boundary=b"------------------------d74496d66958873e",
        path="/api/files/local",
        headers=["User-Agent: PrusaSlicer/2.8.0", "Accept: */*", "X-Api-Key: "],
    ),
    "SuperSlicer": upload(
        field("path", "", b"------------------------1"),
        field("print", "true", b"------------------------1"),
        part(
            b'form-data; name="file"; filename="Shape-Box \xc3\xa4.gcode"',
            GCODE,
            b"------------------------1",
            b"Content-Type: application/octet-stream\r\n",
        ),
        boundary=b"------------------------1",
        headers=["User-Agent: SuperSlicer/2.5.59", "Accept: */*"],
    ),
    "OrcaSlicer": upload(
        field("print", "false", b"------------------------a"),
        field("path", "", b"------------------------a"),
        field("plateindex", "1", b"------------------------a"),
        part(
            b'form-data; name="file"; filename="Shape-Box \xc3\xa4.gcode"',
            GCODE,
            b"------------------------a",
            b"Content-Type: application/octet-stream\r\n",
        ),
        boundary=b"------------------------a",
        path="/api/files/local",
        headers=["User-Agent: BBL-Slicer/v02.02", "Accept: */*"],
    ),
    "Cura": upload(
        part(
            b'form-data; name="file"; filename="/Shape-Box \xc3\xa4.gcode"',
            GCODE,
            b"boundary_.oOo._MTI=NzI/MjE=",
            b"Content-Type: application/octet-stream\r\n",
        ),
        part(b'form-data; name="root"', b"gcodes", b"boundary_.oOo._MTI=NzI/MjE="),
        part(b'form-data; name="print"', b"false", b"boundary_.oOo._MTI=NzI/MjE="),
        boundary=b"boundary_.oOo._MTI=NzI/MjE=",
        headers=["User-Agent: Cura Plugin Moonraker", "Accept-Encoding: gzip, deflate"],
    ),
    "Mainsail": upload(
        field("root", "gcodes"),
        field("path", ""),
        part(
            b'form-data; name="file"; filename="Shape-Box \xc3\xa4.gcode"',
            GCODE,
            more=b"Content-Type: application/octet-stream\r\n",
        ),
        headers=["Origin: http://mainsail.local", "Accept: application/json, text/plain, */*"],
    ),
}


@pytest.mark.parametrize("slicer", SLICERS)
async def test_what_slicers_and_front_ends_send(tmp_path: Path, slicer: str) -> None:
    house = TransferHouse(tmp_path, cors_domains=["http://mainsail.local"])
    async with connected(house) as client:
        answer = await client.ask(SLICERS[slicer])
        assert answer.status == 201
        assert json.loads(answer.body)["item"]["path"] == "Shape-Box ä.gcode"
        prefix = "/api/files/moonraker" if b"/api/files" in SLICERS[slicer] else "/server/files"
        location = f"http://printer:7125{prefix}/gcodes/Shape-Box%20%C3%A4.gcode"
        assert answer.headers["location"] == location
        allowed = answer.headers.get("access-control-allow-origin")
        assert allowed == ("http://mainsail.local" if slicer == "Mainsail" else None)
    assert (house.gcodes / "Shape-Box ä.gcode").read_bytes() == GCODE


async def test_a_client_that_waits_for_100_continue(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    head, _, body = upload(file("a.gcode", GCODE), headers=["Expect: 100-continue"]).partition(
        b"\r\n\r\n"
    )
    async with connected(house) as client:
        interim = await client.ask(head + b"\r\n\r\n", has_body=False)
        assert interim.status == 100
        assert (await client.ask(body)).status == 201


@pytest.mark.parametrize(
    ("peer", "size", "status"), [("10.0.0.9", 5, 401), ("127.0.0.1", 10_000_000, 413)]
)
async def test_refused_before_the_body(tmp_path: Path, peer: str, size: int, status: int) -> None:
    house = TransferHouse(tmp_path, max_upload_bytes=1_000_000, cors_domains=["*"])
    request = (
        b"POST /server/files/upload HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\nExpect: 100-continue\r\n"
        b"Content-Length: %d\r\n\r\n" % size
    )
    async with connected(house, peer) as client:
        answer = await client.ask(request)
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert answer.headers["access-control-allow-origin"] == "http://b"
        assert json.loads(answer.body)["error"]["code"] == status
        assert await client.ended()


@pytest.mark.parametrize(("size", "status"), [(100_000, 201), (100_001, 413)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_the_largest_file(tmp_path: Path, size: int, status: int, chunked: bool) -> None:
    house = TransferHouse(tmp_path, max_upload_bytes=100_000)
    request = upload(file("a.gcode", b"x" * size))
    if chunked:
        body = request.partition(b"\r\n\r\n")[2]
        request = request.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
        request = request.replace(body, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert await status_of(house, request) == status
    assert os.listdir(house.gcodes) == (["a.gcode"] if status == 201 else [])


async def test_refusals_that_need_the_body(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    house.files.in_use.add("gcodes/used.gcode")
    wrong = field("checksum", "0" * 64)
    async with connected(house) as client:
        assert (await client.ask(upload(wrong, file("a.gcode", GCODE)))).status == 422
        short = upload(field("checksum", "abc"), file("a.gcode", GCODE))
        assert (await client.ask(short)).status == 422
        assert (await client.ask(upload(file("used.gcode", GCODE)))).status == 403
        no_root = upload(field("root", "nowhere"), file("a.gcode", GCODE))
        assert (await client.ask(no_root)).status == 400
        house.files.refuse_storing = True
        assert (await client.ask(upload(file("a.gcode", GCODE)))).status == 403
        house.files.refuse_storing = False
        assert (await client.ask(upload(file("a.gcode", GCODE)))).status == 201
    assert os.listdir(house.gcodes) == ["a.gcode"]


@pytest.mark.parametrize("root_first", [True, False])
async def test_a_large_refused_upload_leaves_nothing(tmp_path: Path, root_first: bool) -> None:
    house = TransferHouse(tmp_path)
    house.files.in_use.add("gcodes/used.gcode")
    parts = [field("root", "gcodes"), file("used.gcode", os.urandom(3_000_000))]
    request = upload(*(parts if root_first else reversed(parts)))
    assert await status_of(house, request) == 403
    assert os.listdir(house.gcodes) == []


async def test_a_body_that_stops_is_a_408(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path, limits=Limits(body_idle_s=0.1))
    whole = upload(file("a.gcode", os.urandom(2_000_000)))
    async with connected(house) as client:
        assert (await client.ask(whole[:1_500_000])).status == 408
        assert await client.ended()
    assert os.listdir(house.gcodes) == []


async def test_uploads_cut_anywhere_leave_nothing(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    whole = upload(
        field("root", "gcodes"), field("path", "new"), file("a.gcode", os.urandom(3_000_000))
    )
    places = random.Random(1)
    cuts = [places.randrange(1, len(whole)) for _ in range(90)]
    cuts += [*range(len(whole) - 10, len(whole))]
    for cut in cuts:
        async with connected(house) as client:
            await client.send(whole[:cut])
            assert os.listdir(house.gcodes) == []
        assert [*tmp_path.rglob("*")] == [tmp_path / "config", tmp_path / "gcodes"] or [
            *tmp_path.rglob("*")
        ] == [tmp_path / "gcodes", tmp_path / "config"]
    assert house.files.announced == []
    assert await status_of(house, whole) == 201
    assert (house.gcodes / "new/a.gcode").stat().st_size == 3_000_000


async def test_of_two_uploads_of_one_name_one_wins_whole(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    for number in range(100):
        contents = [bytes([kind]) * (1_200_000 + number * kind) for kind in (1, 2)]
        async with (
            connected(house) as one,
            connected(house) as two,
            trio.open_nursery() as nursery,
        ):
            for client, content in zip((one, two), contents, strict=True):
                nursery.start_soon(_stored, client, upload(file("same.gcode", content)))
        assert (house.gcodes / "same.gcode").read_bytes() in contents
        assert os.listdir(house.gcodes) == ["same.gcode"]


async def _stored(client: Client, request: bytes) -> None:
    assert (await client.ask(request)).status == 201


async def test_an_upload_at_shutdown_is_told_and_removed(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    whole = upload(file("a.gcode", os.urandom(3_000_000)))
    near, far = trio.socket.socketpair()
    async with trio.SocketStream(near) as stream:
        client = Client(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.door.serve_connection, trio.SocketStream(far), "127.0.0.1")
            await client.send(whole[:-100])
            nursery.cancel_scope.cancel()
        assert (await client.answer()).status == 503
    assert os.listdir(house.gcodes) == []


NAMES = ["ä ö.gcode", "a%2Fb%00.gcode", "a;b.gcode", "a'b.gcode", "日本.gcode", "a=b,c.gcode", "~"]


@pytest.mark.parametrize("name", [*NAMES, "x" * 249 + ".gcode"])
async def test_names(tmp_path: Path, name: str) -> None:
    house = TransferHouse(tmp_path)
    assert await status_of(house, upload(file(name, GCODE))) == 201
    assert os.listdir(house.gcodes) == [name]


@pytest.mark.parametrize(("sent", "name"), [('a\\"b', 'a"b'), ("a\\\\b", "a\\b"), ("a\\b", "a\\b")])
async def test_names_in_quotes(tmp_path: Path, sent: str, name: str) -> None:
    house = TransferHouse(tmp_path)
    assert await status_of(house, upload(file(sent, GCODE))) == 201
    assert os.listdir(house.gcodes) == [name]


DOTNET = (
    b"form-data; name=file; filename=a.gcode; filename*=utf-8''a.gcode",
    b"form-data; name=file; filename=\"=?utf-8?B?YS5nY29kZQ==?=\"; filename*=utf-8''a.gcode",
    b"form-data; name=file; filename*=utf-8''a.gcode",
    b'form-data; name=file; filename="=?utf-8?B?YS5nY29kZQ==?="',
)


@pytest.mark.parametrize("disposition", DOTNET)
async def test_names_as_dotnet_writes_them(tmp_path: Path, disposition: bytes) -> None:
    house = TransferHouse(tmp_path)
    assert await status_of(house, upload(part(disposition, GCODE))) == 201
    assert os.listdir(house.gcodes) == ["a.gcode"]


HOSTILE = {
    "two files": upload(file("a", b"1"), file("b", b"2")),
    "no file": upload(field("root", "gcodes")),
    "a file without name": upload(file("", b"1")),
    "file as a field": upload(field("file", "1")),
    "a name that climbs": upload(file("../a", b"1")),
    "a path that climbs": upload(field("path", "../config"), file("a", b"1")),
    "root twice": upload(field("root", "gcodes"), field("root", "config"), file("a", b"1")),
    "path twice": upload(field("path", "a"), file("a", b"1"), field("path", "a")),
    "root as a file": upload(part(b'form-data; name="root"; filename="x"', b"x"), file("a", b"1")),
    "long field": upload(field("path", "x" * 4097), file("a", b"1")),
    "long header": upload(
        part(b'form-data; name="file"; filename="a"', b"1", more=b"X: " + b"y" * 9000)
    ),
    "too many parts": upload(*[field("x", "1")] * 100, file("a", b"1")),
    "both names": upload(part(b'form-data; name="file"; filename="b"; filename*=UTF-8\'\'a', b"1")),
    "an encoded name that climbs": upload(
        part(b"form-data; name=\"file\"; filename*=UTF-8''..%2Fa", b"1")
    ),
    "an encoded name with NUL": upload(
        part(b"form-data; name=\"file\"; filename*=UTF-8''a%00b", b"1")
    ),
    "two names": upload(part(b'form-data; name="file"; filename="a"; filename="b"', b"1")),
    "not UTF-8": upload(part(b'form-data; name="file"; filename="\xe4"', b"1")),
    "folded": upload(part(b'form-data; name="file";\r\n filename="a"', b"1")),
    "disposition twice": upload(
        part(
            b'form-data; name="file"; filename="a"',
            b"1",
            more=b'Content-Disposition: form-data; name="file"; filename="b"\r\n',
        )
    ),
    "no disposition": upload(b"--" + BOUNDARY + b"\r\nX: y\r\n\r\n1\r\n", file("a", b"1")),
    "base64": upload(
        part(
            b'form-data; name="file"; filename="a"',
            b"MQ==",
            more=b"Content-Transfer-Encoding: base64\r\n",
        )
    ),
    "attachment": upload(part(b'attachment; name="file"; filename="a"', b"1")),
    "text behind": upload(part(b'form-data; name="file"; filename="a" b', b"1")),
    "no boundary": upload(file("a", b"1"), kind="multipart/form-data; b="),
    "two boundaries": upload(file("a", b"1"), kind="multipart/form-data; boundary=x; boundary="),
    "another boundary": upload(file("a", b"1"), kind="multipart/form-data; boundary=x"),
    "json": upload(file("a", b"1"), kind="application/json; boundary="),
    "no last boundary": upload(file("a", b"1")).replace(BOUNDARY + b"--\r\n", BOUNDARY + b"xx\r\n"),
    "nothing": b"POST /server/files/upload HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_hostile_forms_are_refused(tmp_path: Path, what: str) -> None:
    house = TransferHouse(tmp_path)
    async with connected(house) as client:
        answer = await client.ask(HOSTILE[what])
        assert answer.status == 400
        assert json.loads(answer.body)["error"]["message"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_compressed_upload_is_refused(tmp_path: Path) -> None:
    request = upload(file("a", b"1"), headers=["Content-Encoding: gzip"])
    assert await status_of(TransferHouse(tmp_path), request) == 415


async def test_other_verbs(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path, route_prefix="/p", cors_domains=["http://a"])
    async with connected(house) as client:
        answer = await client.get("/p/server/files/upload")
        assert (answer.status, answer.headers["allow"]) == (405, "DELETE, POST, OPTIONS")
        answer = await client.get("/p/server/files/upload", "Origin: http://a", verb="OPTIONS")
        assert answer.status == 204
        request = upload(file("a", b"1"), path="/p/server/files/upload")
        answer = await client.ask(request)
        assert answer.headers["location"] == "http://printer:7125/p/server/files/gcodes/a"
        assert (await client.get("/server/files/gcodes/a")).status == 404
