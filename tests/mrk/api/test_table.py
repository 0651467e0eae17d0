import msgspec
import pytest

from mrk.api.caller import EVERYWHERE, Caller, Transport
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.api.table import Table
from mrk.definitions.roles import Role
from mrk.errors import ClientError


def answer(_params: object, _caller: Caller) -> str:
    return "ok"


def endpoint(path: str, *verbs: str, **more: object) -> Endpoint:
    more.setdefault("access", Access.ADMIN)
    return Endpoint(path, verbs or ("GET",), NoParams, answer, "", **more)  # type: ignore[arg-type]


def names(table: Table) -> set[str | None]:
    return {method.rpc for method in table}


def test_one_verb_gives_the_plain_name() -> None:
    assert names(Table([endpoint("/server/job_queue/pause", "POST")])) == {"server.job_queue.pause"}


def test_several_verbs_prefix_the_last_part() -> None:
    table = Table([endpoint("/a/b", "GET", "POST"), endpoint("/a/b", "DELETE")])
    assert names(table) == {"a.get_b", "a.post_b", "a.delete_b"}
    assert table.verbs("/a/b") == ["DELETE", "GET", "POST"]


def test_a_given_name_serves_all_verbs() -> None:
    table = Table([endpoint("/printer/info", "GET", "POST", rpc="printer.info")])
    assert names(table) == {"printer.info"}
    assert table.route("POST", "/printer/info") is table.route("GET", "/printer/info")


@pytest.mark.parametrize(
    ("verb", "path", "status"), [("GET", "/nope", 404), ("DELETE", "/a", 405), ("GET", "/a/", 404)]
)
def test_routes_that_are_not_there(verb: str, path: str, status: int) -> None:
    with pytest.raises(ClientError) as caught:
        Table([endpoint("/a")]).route(verb, path)
    assert caught.value.status == status


def test_a_method_exists_only_on_its_transports() -> None:
    table = Table([endpoint("/a", transports=EVERYWHERE - {Transport.MQTT})])
    assert table.method("a", Transport.UNIX).rpc == "a"
    with pytest.raises(ClientError, match="Method not found: a"):
        table.method("a", Transport.MQTT)


def test_no_http_route_when_not_wanted() -> None:
    table = Table([endpoint("/server/websocket/id", http=False)])
    with pytest.raises(ClientError):
        table.route("GET", "/server/websocket/id")


@pytest.mark.parametrize(
    "pair",
    [
        (endpoint("/a"), endpoint("/a")),
        (endpoint("/a/b"), endpoint("/c", rpc="a.b")),
    ],
)
def test_duplicates_fail_at_start(pair: tuple[Endpoint, Endpoint]) -> None:
    with pytest.raises(ValueError, match="twice"):
        Table(pair)


def test_late_endpoints_never_replace_what_is_there() -> None:
    table = Table([endpoint("/printer/restart", "POST")])
    owner = table.route("POST", "/printer/restart")
    new = table.extend(
        [
            endpoint("/printer/restart", "GET", "POST", rpc="printer.restart"),
            endpoint("/printer/info", "GET", "POST", rpc="printer.info"),
        ]
    )
    assert [e.path for e in new] == ["/printer/info"]
    assert table.route("POST", "/printer/restart") is owner
    assert table.extend([endpoint("/printer/info", "GET", "POST", rpc="printer.info")]) == []


def test_access() -> None:
    table = Table([endpoint("/a"), endpoint("/b", access=Access.OPEN)])
    stranger = Caller(Transport.WEBSOCKET, authorized=False)
    assert table.method("b", Transport.WEBSOCKET).call({}, stranger) == "ok"
    with pytest.raises(ClientError) as caught:
        table.method("a", Transport.WEBSOCKET).call({}, stranger)
    assert caught.value.status == 401


class Captured(msgspec.Struct, frozen=True):
    root: str
    filename: str = ""


def show(params: Captured, _caller: Caller) -> tuple[str, str]:
    return params.root, params.filename


def files(*verbs: str, path: str = "/files/{root}/{filename...}", **more: object) -> Endpoint:
    return Endpoint(path, verbs, Captured, show, "", access=Access.ADMIN, rpc=None, **more)  # type: ignore[arg-type]


WHO = Caller(Transport.HTTP)


def test_captures_become_arguments_and_win() -> None:
    method = Table([files("DELETE")]).route("DELETE", "/files/gcodes/a/b")
    assert method.call({"root": "config", "filename": "x"}, WHO) == ("gcodes", "a/b")
    assert method.call({}, WHO) == ("gcodes", "a/b")


def test_calls_do_not_see_each_others_captures() -> None:
    table = Table([files("GET")])
    one, other = table.route("GET", "/files/a/b"), table.route("GET", "/files/c/d")
    assert [one.call({}, WHO), other.call({}, WHO)] == [("a", "b"), ("c", "d")]


def test_exact_paths_win_over_captures() -> None:
    table = Table([files("GET", "DELETE"), endpoint("/files/a/b", "GET")])
    assert table.route("GET", "/files/a/b").endpoint.handler is answer
    assert table.verbs("/files/a/b") == ["GET"]
    with pytest.raises(ClientError) as caught:
        table.route("DELETE", "/files/a/b")
    assert caught.value.status == 405


def test_several_patterns_share_a_path_by_their_verbs() -> None:
    table = Table([files("GET"), files("DELETE", path="/files/{filename...}")])
    assert table.verbs("/files/a/b") == ["DELETE", "GET"]
    assert table.verbs("/files/a") == ["DELETE"]
    assert table.route("GET", "/files/a/b").captured == {"root": "a", "filename": "b"}
    assert table.route("DELETE", "/files/a/b").captured == {"filename": "a/b"}
    with pytest.raises(ClientError) as caught:
        table.route("POST", "/files/a/b")
    assert caught.value.status == 405


def test_a_pattern_is_not_a_path() -> None:
    table = Table([files("GET", path="/files/{root}/x")])
    with pytest.raises(ClientError) as caught:
        table.route("GET", "/files/{root}")
    assert caught.value.status == 404
    assert table.verbs("/files") == []
    assert [method.endpoint.path for method in table] == ["/files/{root}/x"]


def test_patterns_are_not_declared_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Table([files("GET"), files("GET")])
    table = Table([files("GET")])
    assert table.extend([files("POST")]) == []


def test_an_endpoint_says_whose_it_is() -> None:
    with pytest.raises(TypeError, match="access"):
        Endpoint("/a/b", ("GET",), NoParams, answer, "")  # type: ignore[call-arg]


def test_roles_bound_what_a_caller_may_do() -> None:
    table = Table(
        [endpoint("/look", access=Access.VIEW), endpoint("/print", access=Access.OPERATE)]
    )
    viewer = Caller(Transport.HTTP, role=Role.VIEW)
    table.route("GET", "/look").call({}, viewer)
    with pytest.raises(ClientError, match="needs the role operate; yours is view") as refused:
        table.route("GET", "/print").call({}, viewer)
    assert refused.value.status == 403
