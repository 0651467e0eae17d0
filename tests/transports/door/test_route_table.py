"""Who answers what: one table, in a fixed order."""

import pytest

from mrk.http.head import RequestHead
from mrk.http.response import Response
from tests.fakes.http_house import House
from transports.door.api_http import ApiCall
from transports.door.route_table import RouteTable, Streamed, Upgrade


class Files:
    """Any name below /server/files/ is a file; uploads go to one path."""

    place = "/server/files/"

    def verbs(self, path):
        if path == "/server/files/upload":
            return ("POST",)
        return ("GET", "HEAD") if path.startswith("/server/files/") else ()

    def begin(self, head):
        return self.serve if head.method in self.verbs(head.path) else None

    def declared(self):
        return ()

    async def serve(self, exchange):
        """Nobody calls it here."""


async def websocket(stream, head, buffered):
    """Nobody calls it here."""


def route(method, target, *, upgrade=False, peer="127.0.0.1"):
    house = House()
    table = RouteTable(
        house.api,
        house.authorizer,
        house.web,
        upgrades={"/websocket": websocket},
        streamed=[Files()],
    )
    return table.find(RequestHead(method, target, "1.1", [], peer, peer), upgrade=upgrade)


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("GET", "/server/info", ApiCall),
        ("POST", "/server/jsonrpc", ApiCall),
        ("POST", "/server/files/upload", Streamed),
        ("GET", "/server/files/gcodes/a.gcode", Streamed),
        ("HEAD", "/server/files/gcodes/a.gcode", Streamed),
        ("GET", "/", Streamed),
        ("HEAD", "/mrk/", Streamed),
        ("GET", "/mrk/static/0/app.js", Streamed),
        ("GET", "/mrk/static", Response),
        ("GET", "/nothing", Response),
        ("DELETE", "/server/info", Response),
        ("OPTIONS", "/server/info", Response),
    ],
)
def test_kinds(method, target, kind):
    assert isinstance(route(method, target), kind)


def test_a_handshake_goes_to_the_websocket_of_its_path():
    assert route("GET", "/websocket", upgrade=True) == Upgrade(websocket)
    assert isinstance(route("GET", "/websocket"), Response)
    assert isinstance(route("GET", "/server/info", upgrade=True), ApiCall)


@pytest.mark.parametrize(
    ("method", "target", "status", "allow"),
    [
        ("GET", "/server/files/upload", 405, "POST, OPTIONS"),
        ("PUT", "/server/files/gcodes/a", 405, "GET, HEAD, OPTIONS"),
        ("PUT", "/server/info", 405, "GET, HEAD, OPTIONS"),
        ("GET", "/server/jsonrpc", 405, "POST, OPTIONS"),
        ("POST", "/", 405, "GET, HEAD, OPTIONS"),
        ("DELETE", "/mrk/", 405, "GET, HEAD, OPTIONS"),
        ("GET", "/nothing", 404, None),
        ("GET", "//", 404, None),
    ],
)
def test_what_nobody_has(method, target, status, allow):
    answer = route(method, target)
    assert (answer.status, dict(answer.headers).get("Allow")) == (status, allow)
    if target != "/server/jsonrpc":
        assert route(method, target, peer="10.0.0.9").status == 401


class Everything:
    """A front end at the root."""

    def has(self, head, path):
        return True

    def begin(self, head, path):
        return self.serve if head.method in ("GET", "HEAD") else None

    async def serve(self, exchange):
        """Nobody calls it here."""


class OwnPages:
    """The page at the root, and some with a path of their own."""

    place = "/mrk/"

    def serves(self, path):
        return path in ("", "/") or path.startswith("/mrk/")

    def begin(self, path):
        return self.serve

    async def serve(self, exchange):
        """Nobody calls it here."""


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("GET", "/", Streamed),
        ("HEAD", "/config", Streamed),
        ("GET", "/mrk/log", Streamed),
        ("GET", "/server/info", ApiCall),
        ("GET", "/server/files/gcodes/a.gcode", Streamed),
        ("POST", "/config", Response),
        ("OPTIONS", "/config", Response),
    ],
)
@pytest.mark.parametrize("order", [(Files(), Everything())])
def test_a_front_end_comes_before_the_page_at_the_root_alone(method, target, kind, order):
    house = House()
    files, everything = order
    pages = OwnPages()
    table = RouteTable(
        house.api,
        house.authorizer,
        pages,
        upgrades={"/websocket": websocket},
        streamed=[files],
        fallbacks=[everything],
    )
    head = RequestHead(method, target, "1.1", [], "127.0.0.1", "127.0.0.1")
    found = table.find(head)
    assert isinstance(found, kind)
    if isinstance(found, Streamed):
        owners = [one for one in (files, pages) if target.startswith(one.place)]
        assert found.serve == (owners or [everything])[0].serve
    if isinstance(found, Response):
        assert found.status == 405
        assert dict(found.headers)["Allow"] == "GET, HEAD, OPTIONS"


class Tunnels(Files):
    """Streamed paths of which one takes websockets."""

    def upgrade(self, head):
        return websocket if head.path.startswith("/camera/") else None


def test_a_streamed_path_may_take_websockets():
    house = House()
    table = RouteTable(
        house.api, house.authorizer, house.web, upgrades={}, streamed=[Files(), Tunnels()]
    )

    def find(target, *, upgrade):
        head = RequestHead("GET", target, "1.1", [], "127.0.0.1", "127.0.0.1")
        return table.find(head, upgrade=upgrade)

    assert find("/camera/ws", upgrade=True) == Upgrade(websocket)
    assert isinstance(find("/camera/ws", upgrade=False), Response)
    assert isinstance(find("/server/files/a/b", upgrade=True), Streamed)
    assert isinstance(find("/server/info", upgrade=True), ApiCall)
