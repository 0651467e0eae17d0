import msgspec

from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.api.notification import NotificationKind
from mrk.api.schema import openapi, openrpc
from mrk.api.table import Table


class Move(msgspec.Struct, frozen=True):
    source: str
    copies: int = 1


class Moved(msgspec.Struct, frozen=True):
    path: str


class Captured(msgspec.Struct, frozen=True):
    target: str
    force: bool = False


TABLE = Table(
    [
        Endpoint(
            "/files/move", ("POST",), Move, print, "Move a file.", access=Access.ADMIN, result=Moved
        ),
        Endpoint(
            "/files/raw", ("GET",), None, print, "Raw arguments.", access=Access.ADMIN, rpc=None
        ),
        Endpoint("/who", ("GET",), NoParams, print, "Who.", http=False, access=Access.OPEN),
    ]
)


def test_openrpc_describes_each_method() -> None:
    document = openrpc(TABLE)
    assert [m["name"] for m in document["methods"]] == ["files.move", "who"]
    move = document["methods"][0]
    assert [(p["name"], p["required"]) for p in move["params"]] == [
        ("source", True),
        ("copies", False),
    ]
    assert move["result"]["schema"] == {"$ref": "#/components/schemas/Moved"}
    assert document["components"]["schemas"]["Moved"]["properties"] == {"path": {"type": "string"}}
    assert document["methods"][1]["x-access"] == "none"


def test_openapi_describes_each_route() -> None:
    document = openapi(TABLE)
    assert set(document["paths"]) == {"/files/move", "/files/raw"}
    move = document["paths"]["/files/move"]["post"]
    assert "requestBody" in move
    assert "401" in move["responses"]


def test_openapi_names_captures_as_path_parameters() -> None:
    deletion = Endpoint(
        "/files/{target...}", ("DELETE",), Captured, print, "Delete.", access=Access.OPERATE
    )
    (path, operations), *others = openapi(Table([deletion]))["paths"].items()
    assert (path, others) == ("/files/{target}", [])
    assert [(p["name"], p["in"], p["required"]) for p in operations["delete"]["parameters"]] == [
        ("target", "path", True),
        ("force", "query", False),
    ]


def test_notifications_are_webhooks_with_their_params_in_order() -> None:
    kinds = [
        NotificationKind("notify_moved", (Moved, float), "Moved."),
        NotificationKind("notify_gone", (), "Gone."),
    ]
    document = openapi(TABLE, kinds)
    moved, gone = (
        document["webhooks"][name]["post"]["requestBody"]["content"]["application/json"]["schema"]
        for name in ("notify_moved", "notify_gone")
    )
    assert moved["properties"]["params"] == {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "prefixItems": [{"$ref": "#/components/schemas/Moved"}, {"type": "number"}],
    }
    assert gone["required"] == ["jsonrpc", "method"]
    listed = openrpc(TABLE, kinds)["x-notifications"]
    assert [one["name"] for one in listed] == ["notify_moved", "notify_gone"]
    assert listed[1]["params"] == {"type": "array", "minItems": 0, "maxItems": 0}
