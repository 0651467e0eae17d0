"""Uploads and every kind of file's address, tried with credentials of all kinds."""

from pathlib import Path

import pytest

from mrk.definitions.roles import Role
from tests.fakes.transfer_files import TransferHouse
from tests.transports.transfers.http_client import connected, field, file, upload

STRANGER = "203.0.113.9"
FILES = (
    "/server/files/gcodes/a.gcode",
    "/server/files/gcodes/.thumbs/a.png.gcode",
    "/server/files/gcodes/missing",
    "/server/files/gcodes/",
    "/server/files/config/printer.cfg",
    "/server/files/nowhere/x",
    "/server/files/klippy.log",
    "/server/files/moonraker.log",
    "/server/files/gcodes/a.png/",
    "/server/files/gcodes/a.gcode?x=.png",
)
BAD = (
    "",
    "Authorization: Bearer junk",
    "Authorization: Bearer ann-old",
    "X-Access-Token: ann-old",
    "X-Api-Key: junk",
    "X-Real-IP: 127.0.0.1",
)


def house_of(folder: Path) -> TransferHouse:
    log = folder / "klippy.log"
    house = TransferHouse(
        folder, logs={"klippy.log": lambda: str(log), "moonraker.log": lambda: str(log)}
    )
    log.write_text("lines")
    house.accounts.add_user("ann")
    house.accounts.add_user("otto", Role.OPERATE)
    house.accounts.add_user("vera", Role.VIEW)
    (house.gcodes / "a.gcode").write_text("G28")
    (house.gcodes / "a.png").write_bytes(b"picture")
    return house


@pytest.mark.parametrize("header", BAD)
@pytest.mark.parametrize("path", FILES)
async def test_files_are_not_a_strangers(tmp_path: Path, path: str, header: str) -> None:
    async with connected(house_of(tmp_path), STRANGER) as client:
        for verb in ("GET", "HEAD"):
            answer = await client.get(path, *([header] if header else []), verb=verb)
            assert answer.status in ((401, 404) if path.endswith("/") else (401,))
            assert b"G28" not in answer.body


@pytest.mark.parametrize("query", ["access_token=junk", "access_token=ann-old", "token=junk"])
async def test_nor_with_a_bad_query(tmp_path: Path, query: str) -> None:
    async with connected(house_of(tmp_path), STRANGER) as client:
        assert (await client.get(f"{FILES[0]}?{query}")).status == 401


async def test_pictures_are_everybodys(tmp_path: Path) -> None:
    async with connected(house_of(tmp_path), STRANGER) as client:
        for header in (*BAD[2:], "Cookie: x"):
            answer = await client.get("/server/files/gcodes/a.png", header)
            assert (answer.status, answer.body) == (200, b"picture"), header
        assert (await client.get("/server/files/gcodes/a.png", BAD[1])).status == 401


async def test_viewers_read_and_do_not_upload(tmp_path: Path) -> None:
    house = house_of(tmp_path)
    async with connected(house, STRANGER) as client:
        answer = await client.get(FILES[0], "Authorization: Bearer vera-token")
        assert (answer.status, answer.body) == (200, b"G28")
    async with connected(house, STRANGER) as client:
        request = upload(file("b.gcode", b"G1"), headers=["Authorization: Bearer vera-token"])
        answer = await client.ask(request)
        assert answer.status == 403
        assert b"needs the role operate" in answer.body
    assert not (house.gcodes / "b.gcode").exists()


@pytest.mark.parametrize("header", BAD)
async def test_uploads_are_refused_before_their_body(tmp_path: Path, header: str) -> None:
    house = house_of(tmp_path)
    async with connected(house, STRANGER) as client:
        lines = [
            "POST /server/files/upload HTTP/1.1",
            "Host: printer",
            "Content-Type: multipart/form-data; boundary=x",
            "Content-Length: 1000000",
            "Expect: 100-continue",
            *([header] if header else []),
        ]
        answer = await client.ask("\r\n".join([*lines, "", ""]).encode())
        assert answer.status == 401
    assert sorted(one.name for one in house.gcodes.iterdir()) == ["a.gcode", "a.png"]


async def test_the_configuration_is_an_administrators(tmp_path: Path) -> None:
    house = house_of(tmp_path)
    for user, status in (("otto", 403), ("ann", 201)):
        async with connected(house, STRANGER) as client:
            header = f"Authorization: Bearer {user}-token"
            request = upload(field("root", "config"), file("p.cfg", b"[mcu]"), headers=[header])
            answer = await client.ask(request)
            assert answer.status == status, answer.body
        assert (tmp_path / "config" / "p.cfg").exists() is (status == 201)


async def test_the_history_learns_who_printed(tmp_path: Path) -> None:
    house = house_of(tmp_path)
    async with connected(house, STRANGER) as client:
        header = "Authorization: Bearer otto-token"
        request = upload(field("print", "true"), file("b.gcode", b"G28"), headers=[header])
        assert (await client.ask(request)).status == 201
    assert (house.prints.asked, house.prints.users) == (["b.gcode"], ["otto"])
