"""Front ends through the door: pages, deep links, caching, codings, and nothing besides."""

import os
from pathlib import Path
from typing import Any

import pytest

from mrk.frontends.front_end import FrontEnd
from mrk.frontends.static_answer import IMMUTABLE
from tests.fakes.transfer_files import TransferHouse
from tests.transports.transfers.http_client import connected

PAGE = b"<!doctype html><script>start()</script><script src=/assets/a.js></script>"
LARGE = os.urandom(100_000)
SECRET = b"for few eyes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mainsail"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "logo.svg").write_bytes(b"<svg/>")
    (folder / "assets/index-DgP5iUTo.js").write_bytes(LARGE)
    (tmp_path / "secret").write_bytes(SECRET)
    return folder


def make_house(tmp_path: Path, folder: Path, **options: Any) -> TransferHouse:
    named: dict[str, Any] = {"secure_ports": options.pop("secure_ports", ())}
    for name in ("cors_domains", "route_prefix"):
        if name in options:
            named[name] = options.pop(name)
    one = FrontEnd(name="", folder=str(folder), configuration=b'{"x": 1}', **options)
    return TransferHouse(tmp_path / "data", front_ends=[one], **named)


@pytest.fixture
def house(tmp_path: Path, folder: Path) -> TransferHouse:
    return make_house(tmp_path, folder, cors_domains=["http://ui"])


@pytest.mark.parametrize("target", ["/", "/config", "/a/b?x=1", "/index.html", "/%63onfig", "//"])
async def test_the_page(house: TransferHouse, target: str) -> None:
    async with connected(house) as client:
        answer = await client.get(target)
        assert (answer.status, answer.body) == (200, PAGE)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "'sha256-" in answer.headers["content-security-policy"]
        assert "content-disposition" not in answer.headers
        head = await client.get(target, verb="HEAD")
        assert (head.status, head.headers) == (200, answer.headers)
        again = await client.get(target, f"If-None-Match: {answer.headers['etag']}")
        assert (again.status, again.body) == (304, b"")
        assert again.headers["content-security-policy"]


async def test_a_hashed_file_and_its_parts(house: TransferHouse) -> None:
    async with connected(house) as client:
        answer = await client.get("/assets/index-DgP5iUTo.js", "Origin: http://ui")
        assert (answer.status, answer.body) == (200, LARGE)
        assert answer.headers["cache-control"] == IMMUTABLE
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["access-control-allow-origin"] == "http://ui"
        part = await client.get("/assets/index-DgP5iUTo.js", "Range: bytes=10-19")
        assert (part.status, part.body) == (206, LARGE[10:20])
        beyond = await client.get("/assets/index-DgP5iUTo.js", "Range: bytes=100000-")
        assert beyond.status == 416
        large = await client.get("/assets/index-DgP5iUTo.js", "Range: bytes=1-")
        assert (large.status, large.body) == (206, LARGE[1:])


async def test_the_api_and_transfers_win(house: TransferHouse) -> None:
    (house.gcodes / "a.gcode").write_bytes(b"G28")
    async with connected(house) as client:
        assert (await client.get("/server/info")).headers["content-type"].startswith("application/")
        assert (await client.get("/server/nothing")).status == 404
        assert (await client.get("/server%2Fnothing")).status == 404
        assert (await client.get("//server/nothing")).status == 404
        assert (await client.get("/websocket")).status == 404
        assert (await client.get("/webcam/")).status == 404
        assert (await client.get("/server/files/gcodes/a.gcode")).body == b"G28"


async def test_names_with_a_dot_in_front(house: TransferHouse, folder: Path) -> None:
    for name in (".env", ".config/a.js", ".well-known/acme-challenge/token"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    async with connected(house) as client:
        assert (await client.get("/.env")).status == 403
        assert (await client.get("/%2econfig/a.js")).status == 403
        assert (await client.get("/.nothing")).status == 403
        answer = await client.get("/.well-known/acme-challenge/token")
        assert (answer.status, answer.body) == (200, b".well-known/acme-challenge/token")


async def test_what_is_not_there(house: TransferHouse, folder: Path) -> None:
    async with connected(house) as client:
        assert (await client.get("/assets/old-AbCdEf12.js")).status == 404
        assert (await client.get("/assets/index-DgP5iUTo.js/x.js")).status == 404
        assert (await client.get("/assets")).body == PAGE  # a folder is a place like others
        posted = await client.get("/config", verb="POST")
        assert (posted.status, posted.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        (folder / "index.html").unlink()
        gone = await client.get("/")
        assert gone.status == 404
        assert b"no front end" in gone.body
        assert (await client.get("/config.json")).body == b'{"x": 1}'


async def test_config_json(house: TransferHouse, folder: Path) -> None:
    async with connected(house) as client:
        answer = await client.get("/config.json")
        assert (answer.status, answer.body) == (200, b'{"x": 1}')
        assert answer.headers["content-type"] == "application/json"
        (folder / "config.json").write_bytes(b"{}")
        assert (await client.get("/config.json")).body == b"{}"


async def test_compressed_files_beside(house: TransferHouse, folder: Path) -> None:
    (folder / "assets/index-DgP5iUTo.js.gz").write_bytes(b"gz")
    (folder / "assets/index-DgP5iUTo.js.br").write_bytes(b"br")
    (folder / "only.js.gz").write_bytes(b"gz")
    target = "/assets/index-DgP5iUTo.js"
    async with connected(house) as client:
        plain = await client.get(target)
        gz = await client.get(target, "Accept-Encoding: gzip")
        br = await client.get(target, "Accept-Encoding: gzip, br")
        assert (plain.body, gz.body, br.body) == (LARGE, b"gz", b"br")
        assert "content-encoding" not in plain.headers
        assert gz.headers["content-encoding"] == "gzip"
        assert br.headers["content-encoding"] == "br"
        assert {one.headers["vary"] for one in (plain, gz, br)} == {"Accept-Encoding"}
        assert {one.headers["content-type"] for one in (plain, gz, br)} == {
            "text/javascript; charset=utf-8"
        }
        assert len({one.headers["etag"] for one in (plain, gz, br)}) == 3
        part = await client.get(target, "Accept-Encoding: gzip", "Range: bytes=1-1")
        assert (part.status, part.body) == (206, b"z")
        assert part.headers["content-encoding"] == "gzip"
        assert (await client.get("/only.js", "Accept-Encoding: gzip")).status == 404
        pictures = await client.get("/logo.svg", "Accept-Encoding: br")
        assert (pictures.body, pictures.headers["vary"]) == (b"<svg/>", "Accept-Encoding")


async def test_a_compressed_file_that_an_update_left_behind(
    house: TransferHouse, folder: Path
) -> None:
    (folder / "a.js").write_bytes(b"new")
    (folder / "a.js.gz").write_bytes(b"old")
    async with connected(house) as client:
        assert (await client.get("/a.js", "Accept-Encoding: gzip")).body == b"old"
        status = (folder / "a.js").stat()
        os.utime(folder / "a.js", ns=(status.st_atime_ns, status.st_mtime_ns + 5_000_000_000))
        assert (await client.get("/a.js", "Accept-Encoding: gzip")).body == b"new"


SMALL_HASHED = b"export const a = 1;\n"


async def test_hashed_files_are_kept_open_until_the_page_changes(
    house: TransferHouse, folder: Path
) -> None:
    small, large = folder / "assets/small-AbCd1234.js", folder / "assets/index-DgP5iUTo.js"
    small.write_bytes(SMALL_HASHED)
    async with connected(house) as client:
        assert (await client.get("/")).body == PAGE
        first = await client.get("/assets/small-AbCd1234.js")
        await client.get("/assets/index-DgP5iUTo.js")
        small.unlink()
        large.unlink()
        again = await client.get("/assets/small-AbCd1234.js")
        assert (again.body, again.headers) == (SMALL_HASHED, first.headers)
        assert (await client.get("/assets/index-DgP5iUTo.js")).body == LARGE
        part = await client.get("/assets/small-AbCd1234.js", "Range: bytes=0-5")
        assert (part.status, part.body) == (206, SMALL_HASHED[:6])
        head = await client.get("/assets/small-AbCd1234.js", verb="HEAD")
        assert head.headers == first.headers
        known = await client.get(
            "/assets/small-AbCd1234.js", f"If-None-Match: {first.headers['etag']}"
        )
        assert known.status == 304
        (folder / "index.html").write_bytes(PAGE + b"<!-- new -->")
        assert (await client.get("/")).status == 200
        assert (await client.get("/assets/small-AbCd1234.js")).status == 404


async def test_another_page_leaves_hashed_files_open(house: TransferHouse, folder: Path) -> None:
    small = folder / "assets/small-AbCd1234.js"
    small.write_bytes(SMALL_HASHED)
    (folder / "about.html").write_bytes(b"<html>about")
    async with connected(house) as client:
        await client.get("/")
        await client.get("/assets/small-AbCd1234.js")
        await client.get("/about.html")
        await client.get("/")
        small.unlink()
        assert (await client.get("/assets/small-AbCd1234.js")).body == SMALL_HASHED


CLIMBS = [
    "/../secret",
    "/..%2fsecret",
    "/%2e%2e/secret",
    "/%2E%2E%2Fsecret",
    "/.%2e/secret",
    "/assets/../../secret",
    "/assets/%2e%2e/%2e%2e/secret",
    "/./../secret",
    "/%00/secret",
    "/index.html%00.js",
    "/%ff%fe",
    "/%c0%ae%c0%ae/secret",
    "/%c0%ae%c0%ae%c0%afsecret.txt",
    "/" + "a" * 300 + ".js",
    "/" + "a/" * 2000 + "x.js",
]


@pytest.mark.parametrize("target", CLIMBS)
async def test_paths_that_lead_out_are_refused(house: TransferHouse, target: str) -> None:
    async with connected(house) as client:
        answer = await client.get(target)
        assert answer.status == 400
        assert SECRET not in answer.body


LITERAL = [
    "/%252e%252e/secret",
    "/..;/secret",
    "/..%5csecret",
    "/..\\secret",
    "/%u002e%u002e/secret",
    "/...//secret",
    "/~/secret",
    "/C:/secret",
]


@pytest.mark.parametrize("target", LITERAL)
async def test_what_only_looks_like_climbing_is_a_name(house: TransferHouse, target: str) -> None:
    async with connected(house) as client:
        answer = await client.get(target)
        assert answer.status in (200, 403 if target.startswith("/.") else 404)
        assert answer.status != 200 or answer.body == PAGE
        assert SECRET not in answer.body


async def test_absolute_names_stay_below(house: TransferHouse, folder: Path) -> None:
    (folder / "etc").mkdir()
    (folder / "etc/passwd.txt").write_bytes(b"mine")
    async with connected(house) as client:
        assert (await client.get("//etc//passwd.txt")).body == b"mine"
        assert (await client.get("http://other/etc/passwd.txt")).body == b"mine"
        assert (await client.get("///proc/self/environ.txt")).status == 404


async def test_links(house: TransferHouse, folder: Path, tmp_path: Path) -> None:
    (folder / "in.js").symlink_to("assets/index-DgP5iUTo.js")
    (folder / "out.js").symlink_to(tmp_path / "secret")
    (folder / "up.d").symlink_to("..")
    (folder / "loop.js").symlink_to("loop.js")
    (folder / "dangling.js").symlink_to("nothing")
    (folder / "null.js").symlink_to("/dev/zero")
    (folder / "out.css").write_bytes(b"x")
    (folder / "out.css.gz").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe.js")
    (tmp_path / "mainsail-other").mkdir()
    (tmp_path / "mainsail-other/x.js").write_bytes(SECRET)
    (folder / "sibling.js").symlink_to(tmp_path / "mainsail-other/x.js")
    async with connected(house) as client:
        assert (await client.get("/in.js")).body == LARGE
        for name in ("out.js", "up.d/secret", "sibling.js"):
            answer = await client.get(f"/{name}")
            assert (answer.status, SECRET in answer.body) == (403, False), name
        for name in ("loop.js", "dangling.js", "null.js", "pipe.js"):
            assert (await client.get(f"/{name}")).status == 404, name
        packed = await client.get("/out.css", "Accept-Encoding: gzip")
        assert packed.status == 403


async def test_the_folder_itself_may_be_a_link(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "current").symlink_to(folder)
    async with connected(make_house(tmp_path, tmp_path / "current")) as client:
        assert (await client.get("/")).body == PAGE


async def test_hidden_names(house: TransferHouse, folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git/config").write_bytes(SECRET)
    (folder / ".version").write_bytes(b"v1")
    async with connected(house) as client:
        assert (await client.get("/.git/config")).status == 403
        assert (await client.get("/.version")).body == b"v1"


async def test_strangers_see_the_page_and_no_more(house: TransferHouse) -> None:
    async with connected(house, peer="192.0.2.1") as client:
        assert (await client.get("/")).status == 200
        assert (await client.get("/server/info")).status == 401
        assert (await client.get("/server/nothing")).status == 401


async def test_a_foreign_host_gets_nothing_by_address(house: TransferHouse) -> None:
    async with connected(house) as client:
        asked = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"
        refused = await client.ask(asked)
        assert refused.status == 403
        assert b"allowed_hosts" in refused.body
    # Who is trusted for nothing has nothing to lose, and may want to log in.
    async with connected(house, peer="192.0.2.1") as client:
        assert (await client.ask(asked)).status == 200


async def test_a_prefix(tmp_path: Path, folder: Path) -> None:
    house = make_house(tmp_path, folder, prefix="/m")
    async with connected(house) as client:
        moved = await client.get("/m?x=1")
        assert (moved.status, moved.headers["location"]) == (307, "/m/?x=1")
        assert (await client.get("/m/")).body == PAGE
        assert (await client.get("/m/logo.svg")).body == b"<svg/>"
        assert (await client.get("/m/%2e%2e/secret")).status == 400
        assert (await client.get("/mx")).status == 404
        assert (await client.get("/logo.svg")).status == 404
    async with connected(house) as client:
        own = await client.get("/")
        assert (own.status, own.body == PAGE) == (200, False)


async def test_a_route_prefix_is_the_apis_alone(tmp_path: Path, folder: Path) -> None:
    house = make_house(tmp_path, folder, route_prefix="/printers/one")
    async with connected(house) as client:
        assert (await client.get("/config")).body == PAGE
        assert (await client.get("/printers/one/server/info")).status == 200
        assert (await client.get("/printers/one/server/nothing")).status == 404
        assert (await client.get("/server/info")).status == 404


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("printer:80", "https://printer:7130/config?x=1"),
        ("printer.local.", "https://printer.local:7130/config?x=1"),
        ("[fe80::1]:80", "https://[fe80::1]:7130/config?x=1"),
    ],
)
async def test_to_https(tmp_path: Path, folder: Path, host: str, where: str) -> None:
    house = make_house(tmp_path, folder, secure_port=7130, secure_ports=[7130])
    async with connected(house) as client:
        answer = await client.ask(f"GET /config?x=1 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert (answer.status, answer.headers["location"]) == (307, where)
        # Clients of the API stay where they are.
        assert (await client.get("/server/info")).status == 200


async def test_to_https_only_where_it_is_served(tmp_path: Path, folder: Path) -> None:
    async with connected(make_house(tmp_path, folder, secure_port=7130)) as client:
        assert (await client.get("/config")).status == 200


@pytest.mark.parametrize("host", ["a@b", "a/b", "a b", '"x"', "a?b", "[::1]x", ""])
async def test_to_https_needs_a_host(tmp_path: Path, folder: Path, host: str) -> None:
    house = make_house(tmp_path, folder, secure_port=443, secure_ports=[443])
    async with connected(house, peer="192.0.2.1") as client:
        answer = await client.ask(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert answer.status == 400


async def test_requests_with_bodies_do_not_confuse(house: TransferHouse) -> None:
    async with connected(house) as client:
        asked = b"GET /config HTTP/1.1\r\nHost: printer\r\nContent-Length: 22\r\n\r\n"
        answer = await client.ask(asked + b"GET /secret HTTP/1.1\r\n")
        assert (answer.status, answer.body) == (200, PAGE)
        assert (await client.get("/logo.svg")).body == b"<svg/>"
