"""The documents that a running server hands out."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.api import schema
from mrk.api.caller import Caller, Transport
from mrk.api.endpoint import Access, NoParams, get
from mrk.api.notification import NotificationKind
from mrk.api.table import Table
from nurseries.root.notifications import all_notifications
from nurseries.server.schema_endpoints import Documents

KINDS = [NotificationKind("notify_seen", (dict[str, int], float), "Something was seen.")]
HTTP, SOCKET = Caller(Transport.HTTP), Caller(Transport.WEBSOCKET)


class Served:
    """A table that offers its own documents."""

    def __init__(self) -> None:
        self.table = Table()
        self.documents = Documents(self.table, lambda: KINDS)
        self.table.add(self.documents.endpoints())

    async def read(self, name: str) -> dict[str, Any]:
        method = self.table.route("GET", f"/server/{name}.json")
        answer = await method.call({}, HTTP)
        assert answer.content_type.startswith("application/json")
        found: dict[str, Any] = json.loads(answer.body)
        return found


async def test_both_documents_are_served_as_they_are() -> None:
    served = Served()
    openapi, openrpc = await served.read("openapi"), await served.read("openrpc")
    assert openapi == json.loads(json.dumps(schema.openapi(served.table, KINDS)))
    assert set(openapi["paths"]) == {"/server/openapi.json", "/server/openrpc.json"}
    assert openrpc["x-notifications"][0]["params"]["maxItems"] == 2
    discovered = await served.table.method("rpc.discover", Transport.UNIX).call({}, SOCKET)
    assert json.loads(bytes(discovered)) == openrpc


async def test_made_once_and_again_when_more_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    openrpc = schema.openrpc

    def counted(methods: Any, kinds: Any) -> dict[str, Any]:
        made.append(len(methods))
        return openrpc(methods, kinds)

    monkeypatch.setattr(schema, "openrpc", counted)
    served = Served()
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(served.read, "openrpc")
    assert len(made) == 1
    served.table.add([get("/printer/new", print, "New.", Access.VIEW, NoParams)])
    document = await served.read("openrpc")
    assert "printer.new" in [method["name"] for method in document["methods"]]
    assert len(made) == 2


def test_whatever_is_sent_is_declared() -> None:
    declared = [kind.method for kind in all_notifications()]
    assert len(declared) == len(set(declared))
    sent: set[str] = set()
    for folder in ("mrk", "nurseries", "transports"):
        for file in Path(folder).rglob("*.py"):
            if file.name != "notifications.py":
                sent |= set(re.findall(r'"(notify_[a-z_]*[a-z])"', file.read_text()))
    assert sent - set(declared) == set()
    assert {one for one in declared if not one.startswith("notify_user_")} <= sent | {
        "notify_status_update"
    }
