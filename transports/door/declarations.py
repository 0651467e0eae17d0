"""What documents tell of JSON-RPC over HTTP and of the redirect; imported for a document alone."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from mrk.api.door_route import Answer, Content, DoorRoute, Parameter
from mrk.api.endpoint import Access
from transports.door.api_http import REDIRECT_PATH, RPC_PATH

# Without one, or with null, a message is a notification.
RpcId = int | float | str | None


class RpcRequest(msgspec.Struct, frozen=True):
    """`method` and `params` are those of the OpenRPC document."""

    jsonrpc: Literal["2.0"]
    method: str
    params: dict[str, Any] | None = None
    id: RpcId = None


class RpcFailure(msgspec.Struct, frozen=True):
    """`code` is JSON-RPC's own, or the status that HTTP would have; `data` says more."""

    code: int
    message: str
    data: Any | UnsetType = UNSET


class RpcReply(msgspec.Struct, frozen=True):
    """With either `result` or `error`."""

    jsonrpc: Literal["2.0"]
    id: RpcId
    result: Any | UnsetType = UNSET
    error: RpcFailure | UnsetType = UNSET


_REQUEST = RpcRequest | Annotated[list[RpcRequest], msgspec.Meta(min_length=1)]
_REPLY = RpcReply | list[RpcReply]

# By path, without the route prefix.
SPECIAL = {
    one.path: one
    for one in (
        DoorRoute(
            RPC_PATH,
            ("POST",),
            "JSON-RPC 2.0: a request, or a batch of at most max_batch_calls; each by its own role.",
            Access.OPEN,
            (
                Answer(
                    200,
                    "The answer, or those of a batch; nothing where all were notifications",
                    (Content("application/json", _REPLY),),
                ),
            ),
            (400, 403, 408, 413, 503),
            (),
            (Content("application/json", _REQUEST),),
        ),
        DoorRoute(
            REDIRECT_PATH,
            ("GET",),
            "Redirect to an address that cors_domains allows.",
            Access.OPEN,
            (Answer(302, "Elsewhere", (), (("Location", "The address"),)),),
            (400, 403),
            (Parameter("url", "An http or https address"),),
        ),
    )
}
