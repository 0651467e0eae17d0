"""The page as the door asks for it, rendered in the test's own process."""

import gzip
import json
import re

import pytest
import trio

from mrk.errors import ClientError
from mrk.http.head import RequestHead
from mrk.http.response import Response
from mrk.web.page_messages import PageAnswer, PageFacts, PageRequest
from nurseries.testing.memory import MemoryPages
from tests.fakes.http_house import House
from transports.web.pages import Pages

PEER = "127.0.0.1"


class Asked:
    """One request as pages see it."""

    def __init__(self, target: str, peer: str = PEER, **headers: str) -> None:
        pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.head = RequestHead("GET", target, "1.1", [("host", "a"), *pairs], peer, peer)
        self.answered: list[Response] = []

    async def skip(self) -> None:
        await trio.lowlevel.checkpoint()

    async def answer(self, response: Response) -> None:
        await trio.lowlevel.checkpoint()
        self.answered.append(response)


async def ask(pages: Pages, path: str, peer: str = PEER, **headers: str) -> Response:
    asked = Asked(path, peer, **headers)
    await pages.begin(path)(asked)  # type: ignore[arg-type]
    (response,) = asked.answered
    return response


def header(response: Response, name: str) -> str | None:
    return {key.lower(): value for key, value in response.headers}.get(name)


@pytest.mark.parametrize("path", ["/", "", "/mrk/"])
async def test_the_page(path: str) -> None:
    page = await ask(House().web, path)
    assert page.status == 200
    assert page.content_type == "text/html; charset=utf-8"
    policy = header(page, "content-security-policy") or ""
    assert "unsafe" not in policy
    (nonce,) = set(re.findall(r"nonce-([\w-]+)", policy))
    assert set(re.findall(rb'nonce="([\w-]+)"', page.body)) == {nonce.encode()}
    assert header(page, "x-content-type-options") == "nosniff"
    assert header(page, "referrer-policy") == "no-referrer"
    assert b"ready" in page.body
    assert b"<b>watch out</b>" not in page.body
    assert b"&lt;b&gt;watch out&lt;/b&gt;" in page.body


async def test_every_page_has_another_nonce() -> None:
    house = House()
    first, second = await ask(house.web, "/"), await ask(house.web, "/")
    policies = {header(page, "content-security-policy") for page in (first, second)}
    assert len(policies) == 2


async def test_strangers_see_the_page_and_why_they_are_strangers() -> None:
    page = await ask(House().web, "/", peer="10.0.0.9")
    assert page.status == 200
    assert b"10.0.0.9 is not among trusted_clients" in page.body
    assert b"watch out" not in page.body


async def test_it_is_small_and_compressed_for_who_takes_it() -> None:
    plain = await ask(House().web, "/")
    packed = await ask(House().web, "/", accept_encoding="br, gzip")
    assert header(packed, "content-encoding") == "gzip"
    assert len(gzip.decompress(packed.body)) == len(plain.body)
    assert len(plain.body) < 60_000
    refused = await ask(House().web, "/", accept_encoding="br, gzip;q=0")
    assert header(refused, "content-encoding") is None


async def test_the_bare_name_is_sent_on() -> None:
    answer = await ask(House(route_prefix="/p").web, "/mrk")
    assert (answer.status, header(answer, "location")) == (308, "/p/mrk/")


async def test_scripts_are_kept_for_a_year_under_the_name_of_their_content() -> None:
    house = House(route_prefix="/p")
    page = await ask(house.web, "/")
    (source,) = re.findall(rb'src="(/p/mrk/static/[0-9a-f]{12}/app\.js)"', page.body)
    path = source.decode().removeprefix("/p")
    script = await ask(house.web, path)
    assert script.status == 200
    assert script.content_type.startswith("text/javascript")
    assert "immutable" in (header(script, "cache-control") or "")
    packed = await ask(house.web, path, accept_encoding="gzip")
    assert gzip.decompress(packed.body) == script.body
    assert (await ask(house.web, re.sub("[0-9a-f]{12}", "0" * 12, path))).status == 404


@pytest.mark.parametrize("name", ["page.css", "../app.py", "..%2fapp.py", "", "no.js", "a/app.js"])
async def test_nothing_else_is_served(name: str) -> None:
    house = House()
    page = await ask(house.web, "/")
    (folder,) = re.findall(rb'src="(/mrk/static/[0-9a-f]{12}/)app\.js"', page.body)
    answer = await ask(house.web, folder.decode() + name)
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["code"] == 404


async def test_a_page_of_another_origin_may_read_it() -> None:
    page = await ask(House(cors_domains=("*",)).web, "/", origin="http://ok.example")
    assert header(page, "access-control-allow-origin") == "http://ok.example"


async def test_a_page_that_cannot_be_rendered_is_a_json_503() -> None:
    async def broken(_request: PageRequest) -> PageAnswer:
        await trio.lowlevel.checkpoint()
        raise ClientError("The page cannot be shown: no memory", 503)

    async def facts() -> PageFacts:
        await trio.lowlevel.checkpoint()
        return PageFacts("v1", "ready")

    house = House()
    pages = Pages(house.web._cors, house.authorizer, facts, broken)
    answer = await ask(pages, "/")
    assert answer.status == 503
    assert "no memory" in json.loads(answer.body)["error"]["message"]


async def test_a_bug_in_the_page_is_a_500(monkeypatch: pytest.MonkeyPatch) -> None:
    from transports.web import app

    monkeypatch.setattr(app, "TEXTS", None)
    answer = await MemoryPages().render(PageRequest("/mrk/", _view()))
    assert answer.status == 500


def _view():
    from mrk.access.decision import Decision
    from mrk.access.reasons import Reason
    from mrk.web.page_messages import view_of

    facts = PageFacts("v1", "ready")
    return view_of(facts, Decision(False, Reason.STRANGER), "10.0.0.9", prefix="", static="/s")
