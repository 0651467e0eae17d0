"""Files from an address into a folder: what may go wrong on the way."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.errors import ClientError
from mrk.http.client import FetchFailed
from nurseries.http_client import HttpClient
from nurseries.simplyprint import download
from nurseries.simplyprint.download import Download
from tests.fakes.http_device import open_http_device, reply

pytestmark = pytest.mark.e2e


@dataclass
class Stored:
    path: str
    announced: bool = False

    @property
    def item(self) -> Any:
        return self

    def announce(self) -> None:
        self.announced = True


class Uploads:
    """`UploadFiles` and `UploadDestination` in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hashes: list[str] = []

    async def begin_upload(self, root: str, folder: str, filename: str) -> "Uploads":
        assert (root, folder) == ("gcodes", "")
        self.name = filename
        return self

    async def prepare(self) -> str:
        return str(self.folder)

    async def store(self, temporary: str, sha256: str) -> Stored:
        Path(temporary).rename(self.folder / self.name)
        self.hashes.append(sha256)
        return Stored(self.name)


@contextlib.asynccontextmanager
async def fetching(
    folder: Path, answer: bytes | None, most_bytes: int = 10**7
) -> AsyncIterator[Any]:
    async with open_http_device(lambda _: answer) as device:
        told: list[int] = []
        fetcher = Download(HttpClient(), Uploads(folder), most_bytes)  # type: ignore[arg-type]

        async def fetch() -> list[int]:
            assert (
                await fetcher.fetch(f"{device.base}/a.gcode", "a.gcode", told.append) == "a.gcode"
            )
            return told

        yield fetch


async def test_a_large_file_comes_in_parts(tmp_path):
    body = b"G1 X1\n" * 500_000
    async with fetching(tmp_path, reply(body)) as fetch:
        told = await fetch()
    assert told == sorted(told)
    assert len(told) == 2
    assert (tmp_path / "a.gcode").read_bytes() == body


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (reply(b"x" * 2_000_001), ClientError, "more than 2000000 bytes"),
        (reply("no", 403), ClientError, "HTTP 403"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nshort", FetchFailed, "Protocol"),
        (b"nonsense\r\n\r\n", FetchFailed, "Protocol"),
        (reply("x", Content_Encoding="gzip"), FetchFailed, "compressed"),
        (reply("", 302, Location="/a.gcode"), FetchFailed, "TooManyRedirects"),
    ],
)
async def test_what_leaves_nothing(tmp_path, answer, error, said):
    async with fetching(tmp_path, answer, 2_000_000) as fetch:
        with pytest.raises(error, match=said):
            await fetch()
    assert list(tmp_path.iterdir()) == []


async def test_a_server_that_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "STEP_S", 0.2)
    async with fetching(tmp_path, None) as fetch:
        with pytest.raises(ClientError, match=r"0\.2 s in between"):
            await fetch()
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "fits", lambda *_: False)
    async with fetching(tmp_path, reply("x")) as fetch:
        with pytest.raises(ClientError, match="not enough space"):
            await fetch()
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_goes(tmp_path):
    async with fetching(tmp_path / "gone", reply("x")) as fetch:
        with pytest.raises(ClientError, match="could not be stored"):
            await fetch()


async def test_cancelled_on_the_way(tmp_path):
    async with fetching(tmp_path, None) as fetch:
        with trio.move_on_after(0.2):
            await fetch()
    assert list(tmp_path.iterdir()) == []
