"""Files from an address into gcodes: what is told of what goes wrong on the way."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mrk.errors import ClientError
from mrk.http.client import FetchFailed
from mrk.http.file_download import DownloadLimits
from nurseries.http_client import HttpClient
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
        assert Path(temporary).name.startswith(".mrk-upload-")
        Path(temporary).rename(self.folder / self.name)
        self.hashes.append(sha256)
        return Stored(self.name)


@contextlib.asynccontextmanager
async def fetching(
    folder: Path, answer: bytes | None, silence_s: float = 20.0
) -> AsyncIterator[Any]:
    async with open_http_device(lambda _: answer) as device:
        uploads = Uploads(folder)
        limits = DownloadLimits(most_bytes=2_000_000, silence_s=silence_s, whole_s=20.0)
        fetcher = Download(HttpClient(), uploads, limits)  # type: ignore[arg-type]

        async def fetch() -> list[str]:
            name = "a.gcode"
            assert await fetcher.fetch(f"{device.base}/{name}", name, lambda _: None) == name
            return uploads.hashes

        yield fetch


async def test_a_file_is_stored_with_its_digest(tmp_path):
    body = b"G1 X1\n" * 300_000
    async with fetching(tmp_path, reply(body)) as fetch:
        assert await fetch() == [hashlib.sha256(body).hexdigest()]
    assert (tmp_path / "a.gcode").read_bytes() == body


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (reply(b"x" * 2_000_001), ClientError, "more than 2000000 bytes"),
        (reply("no", 403), ClientError, "HTTP 403"),
        (b"nonsense\r\n\r\n", FetchFailed, "Protocol"),
        (None, ClientError, r"more than 20 s, or 0\.2 s in between"),
    ],
)
async def test_what_leaves_nothing(tmp_path, answer, error, said):
    async with fetching(tmp_path, answer, 20.0 if answer else 0.2) as fetch:
        with pytest.raises(error, match=said):
            await fetch()
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_goes(tmp_path):
    async with fetching(tmp_path / "gone", reply("x")) as fetch:
        with pytest.raises(ClientError, match="could not be stored: No such file") as caught:
            await fetch()
    assert caught.value.status == 500
