"""Whatever a path is made of: it is a file below the folder, the page, or an error."""

import os
import random
from pathlib import Path
from urllib.parse import unquote

import pytest

from mrk.definitions.api_paths import API_NAMES
from mrk.errors import ClientError
from mrk.frontends.front_end import FrontEnd
from mrk.http.head import RequestHead
from tests.fakes.transfer_files import TransferHouse
from transports.door.api_http import ApiCall
from transports.door.route_table import Streamed
from transports.frontends.static_files import StaticFiles

PIECES = (
    "/", "//", "..", ".", "%2e", "%2E%2e", "%2f", "%2F", "%5c", "\\", "%252e", "%252f", "%00",
    "%ff",
    "%c0%ae", "%e2%80%ae", ";", "#", "?", "%3f", "%23", " ", "%20", "+", "~", ":", "@", "%0d%0a",
    "%",
    "%u002e", "in", "in.js", "out.js", "up", "secret", "index.html", "server", "info", "%73erver",
    "SERVER", "assets", "etc", "passwd", "proc", "self", "\u00e9".encode().decode("latin-1"),
)  # fmt: skip
SEEDS = range(8)
EXAMPLES = 250


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "front"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("page")
    (folder / "in.js").write_text("in")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret.js").write_text("secret")
    (folder / "out.js").symlink_to(tmp_path / "secret.js")
    (folder / "up").symlink_to("..")
    (folder / "assets/in").symlink_to("..")
    return folder


def targets(seed: int) -> list[str]:
    dice = random.Random(seed)
    return ["/" + "".join(dice.choices(PIECES, k=dice.randint(1, 7))) for _ in range(EXAMPLES)]


def asked(target: str) -> RequestHead:
    return RequestHead("GET", target, "1.1", [("host", "printer")], "127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_outside_is_opened(folder: Path, seed: int) -> None:
    files = StaticFiles(FrontEnd(name="", folder=str(folder)))
    served = 0
    for target in targets(seed):
        text = unquote(target.partition("?")[0], errors="surrogateescape")
        try:
            prepared = files.prepare(asked(target), text)
        except ClientError:
            continue
        if prepared.descriptor < 0:
            continue
        place = os.readlink(f"/proc/self/fd/{prepared.descriptor}")
        os.close(prepared.descriptor)
        assert place.startswith(f"{folder}/"), target
        served += 1
    files.close()
    assert served


@pytest.mark.parametrize("seed", SEEDS)
def test_a_path_of_the_api_is_nobody_elses(tmp_path: Path, folder: Path, seed: int) -> None:
    house = TransferHouse(tmp_path / "data", front_ends=[FrontEnd(name="", folder=str(folder))])
    for target in targets(seed):
        head = asked(target)
        first = next((part for part in head.path.split("/") if part not in ("", ".")), "")
        route = house.routes.find(head)
        if head.path == "/server/info":
            assert isinstance(route, ApiCall), target
        elif first in API_NAMES and not head.path.startswith("/server/files/"):
            assert not isinstance(route, Streamed), target
