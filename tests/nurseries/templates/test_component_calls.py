"""The API as components call it."""

import msgspec
import pytest
import trio

from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from nurseries.templates.component_calls import ComponentCalls


class Words(msgspec.Struct, frozen=True):
    text: str
    times: int = 1


async def repeat(params: Words, _caller: object) -> str:
    await trio.lowlevel.checkpoint()
    if params.text == "bad":
        raise ClientError("no such word", 404)
    return params.text * params.times


def foreign(_params: NoParams, _caller: object) -> msgspec.Raw:
    return msgspec.Raw(b'{"used_length": 1e999}')


def who(_params: NoParams, caller: object) -> str:
    return str(caller.role.word)  # type: ignore[attr-defined]


ENDPOINTS: list[Endpoint] = [
    get("/x/foreign", foreign, "What another program wrote.", Access.VIEW),
    get("/x/who", who, "Who asks.", Access.VIEW, result=str),
    post("/x/repeat", repeat, "Repeat a word.", Access.OPERATE, Words, str),
]


def calls(role: Role = Role.ADMIN) -> ComponentCalls:
    return ComponentCalls(Rpc(Table(ENDPOINTS), trio.lowlevel.checkpoint, 10).handle, role)


async def test_results_of_any_size():
    assert await calls().call("x.who") == "admin"
    assert await calls().call("x.repeat", text="ab") == "ab"
    assert await calls().call("x.repeat", text="ab", times=500_000) == "ab" * 500_000


async def test_errors_and_roles():
    with pytest.raises(ClientError, match="no such word"):
        await calls().call("x.repeat", text="bad")
    with pytest.raises(ClientError, match="not found"):
        await calls().call("x.nothing")
    with pytest.raises(ClientError) as refused:
        await calls(Role.VIEW).call("x.repeat", text="a")
    assert refused.value.status == 403
    assert await calls(Role.VIEW).call("x.who") == "view"


async def test_what_others_have_written_and_nobody_can_read():
    with pytest.raises(ClientError, match=r"cannot be read: Number out of range") as unread:
        await calls().call("x.foreign")
    assert unread.value.status == 500
