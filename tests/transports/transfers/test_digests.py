"""What is proved of uploads and downloads: SHA-256 told, checked, and read back from the disk."""

import base64
import hashlib
import json
import os
from pathlib import Path

import pytest

from tests.fakes.transfer_files import TransferHouse
from tests.transports.transfers.http_client import connected, field, file, upload
from transports.transfers.file_digests import REMEMBERED, FileDigests
from transports.transfers.read_back import digest_on_disk

GCODE = b"G28\n" * 100_000
SHA = hashlib.sha256(GCODE).hexdigest()
WANT = "Want-Repr-Digest: sha-256=10"
TARGET = "/server/files/gcodes/a.gcode"


def told(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def body_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


async def test_an_upload_is_told_with_its_digest(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path, cors_domains=["http://ui"])
    async with connected(house) as client:
        request = upload(file("a.gcode", GCODE), headers=[WANT, "Origin: http://ui"])
        answer = await client.ask(request)
        assert (answer.status, json.loads(answer.body)["sha256"]) == (201, SHA)
        assert answer.headers["repr-digest"] == told(GCODE)
        assert answer.headers["access-control-expose-headers"] == "Repr-Digest"


async def test_a_download_is_told_with_its_digest(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    (house.gcodes / "a.gcode").write_bytes(GCODE)
    async with connected(house) as client:
        assert "repr-digest" not in (await client.get(TARGET)).headers
        for verb in ("GET", "HEAD"):
            answer = await client.get(TARGET, WANT, verb=verb)
            assert (answer.status, answer.headers["repr-digest"]) == (200, told(GCODE))
        # Of a part: the digest of the whole.
        part = await client.get(TARGET, WANT, "Range: bytes=1-3")
        assert (part.status, part.body, part.headers["repr-digest"]) == (206, b"28\n", told(GCODE))
        (house.gcodes / "a.gcode").write_bytes(b"new")
        os.utime(house.gcodes / "a.gcode", (1, 1))
        assert (await client.get(TARGET, WANT)).headers["repr-digest"] == told(b"new")
        for missing, status in ((TARGET + "x", 404), ("/server/files/gcodes/", 403)):
            answer = await client.get(missing, WANT)
            assert answer.status == status
            assert "repr-digest" not in answer.headers


async def test_a_known_digest_is_not_found_again(tmp_path: Path) -> None:
    digests, opened = FileDigests(), []
    file = tmp_path / "a"

    def open_it() -> int:
        opened.append(os.open(file, os.O_RDONLY))
        return opened[-1]

    file.write_bytes(b"a")
    first = os.stat(file)
    await digests.find(open_it)
    assert digests.get(first) == hashlib.sha256(b"a").hexdigest()
    for number in range(REMEMBERED):
        os.utime(file, (number, number))
        assert digests.get(first) is not None
        await digests.find(open_it)
    assert digests.get(first) is None  # the one that was found longest ago
    assert digests.get(os.stat(file)) is not None
    for descriptor in set(opened):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


@pytest.mark.parametrize("name", ["Repr-Digest", "Content-Digest"])
async def test_a_digest_of_the_form_is_checked(tmp_path: Path, name: str) -> None:
    house = TransferHouse(tmp_path)
    body = body_of(upload(file("a.gcode", GCODE)))
    async with connected(house) as client:
        good = upload(file("a.gcode", GCODE), headers=[f"{name}: {told(body)}"])
        assert (await client.ask(good)).status == 201
        bad = upload(file("a.gcode", b"other"), headers=[f"{name}: {told(body)}"])
        answer = await client.ask(bad)
        assert (answer.status, name.encode() in answer.body) == (422, True)
    assert (house.gcodes / "a.gcode").read_bytes() == GCODE
    assert house.leftovers() == []


async def test_a_digest_of_the_file_is_checked(tmp_path: Path) -> None:
    house = TransferHouse(tmp_path)
    async with connected(house) as client:
        header = f"Repr-Digest: {told(GCODE)}"
        assert (await client.ask(upload(file("a", GCODE), headers=[header]))).status == 201
        assert (await client.ask(upload(file("a", b"x"), headers=[header]))).status == 422
        # The content is the form, never the file alone.
        header = f"Content-Digest: {told(GCODE)}"
        assert (await client.ask(upload(file("a", GCODE), headers=[header]))).status == 422
        unreadable = "Repr-Digest: sha-256=abc"
        assert (await client.ask(upload(file("a", GCODE), headers=[unreadable]))).status == 400
        checked = upload(field("checksum", SHA), file("a", GCODE))
        assert (await client.ask(checked)).status == 201


async def test_what_the_disk_gives_back_is_compared(tmp_path: Path) -> None:
    asked: list[str] = []

    def read_back(path: str) -> str:
        asked.append(path)
        return digest_on_disk(path)

    house = TransferHouse(tmp_path, read_back=read_back)
    async with connected(house) as client:
        assert (await client.ask(upload(file("a.gcode", GCODE)))).status == 201
    assert len(asked) == 1
    assert (house.gcodes / "a.gcode").read_bytes() == GCODE


@pytest.mark.parametrize("failure", [None, OSError(5, "Input/output error")])
async def test_a_disk_that_gives_back_something_else(
    tmp_path: Path, failure: OSError | None
) -> None:
    def read_back(path: str) -> str:
        if failure is not None:
            raise failure
        os.truncate(path, 5)
        return digest_on_disk(path)

    house = TransferHouse(tmp_path, read_back=read_back)
    (house.gcodes / "a.gcode").write_bytes(b"before")
    async with connected(house) as client:
        answer = await client.ask(upload(file("a.gcode", GCODE)))
        assert answer.status == 500
        if failure is None:
            assert b"gave back other bytes" in answer.body
            assert SHA.encode() in answer.body
    assert (house.gcodes / "a.gcode").read_bytes() == b"before"
    assert house.leftovers() == []
    assert house.files.announced == []


@pytest.mark.parametrize("size", [0, 1, 4096, 1024 * 1024, 1024 * 1024 + 1, 3_000_000])
def test_files_of_any_size_are_read_past_the_cache(tmp_path: Path, size: int) -> None:
    file = tmp_path / "a"
    data = os.urandom(size)
    file.write_bytes(data)
    assert digest_on_disk(str(file)) == hashlib.sha256(data).hexdigest()


def test_a_file_system_without_direct_reads() -> None:
    with open("/dev/shm/mrk-test-read-back", "wb") as file:
        file.write(b"G28")
    try:
        assert digest_on_disk("/dev/shm/mrk-test-read-back") == hashlib.sha256(b"G28").hexdigest()
    finally:
        os.unlink("/dev/shm/mrk-test-read-back")
