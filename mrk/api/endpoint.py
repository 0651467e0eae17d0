"""One declaration per endpoint: HTTP route, JSON-RPC name, params and reference derive from it.

Subsystems return these from `endpoints()`; the root joins the lists into a `Table`. They are
declared by `get`, `post` and `delete`, and those of several verbs by `Endpoint` itself, in
`<subsystem>/endpoints.py` or a `<subject>_endpoints.py`, with the types of params and answer.
"""

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import msgspec

from mrk.api.caller import EVERYWHERE, Caller, Transport
from mrk.definitions.roles import Role

# Handlers are typed at their own definition; the table only hands params and caller through.
Handler = Callable[[Any, Caller], Any | Awaitable[Any]]
QueryReader = Callable[[Sequence[tuple[str, str]]], Mapping[str, object]]


class Access(enum.Enum):
    """What a caller must be: anybody, or an authorized caller of at least that role."""

    OPEN = ("none", None)
    VIEW = ("view", Role.VIEW)
    OPERATE = ("operate", Role.OPERATE)
    ADMIN = ("admin", Role.ADMIN)

    def __init__(self, word: str, role: Role | None) -> None:
        self.word = word
        self.role = role


class NoParams(msgspec.Struct, frozen=True):
    """For endpoints without arguments; whatever a client sends is ignored."""


class Derived(enum.Enum):
    """Says that the JSON-RPC name follows from the path."""

    RPC_NAME = "derived"


class Endpoint(msgspec.Struct, frozen=True):
    """What clients may ask, and who answers.

    `path` is the HTTP path without the route prefix; its captures (`{name}`, `{name...}`) become
    arguments that win over all others. `params` is a frozen struct whose field
    types say how arguments are converted (`mrk/api/arguments.py`), or None when the handler takes
    the raw mapping; `described` then documents its arguments. `rpc` is the method name, None for
    HTTP only. `http` False means no HTTP route. Without `access` there is no endpoint: nothing is
    open, or anybody's, by oversight. `query` overrides how the query string becomes
    arguments. `urgent` calls (all, or those whose arguments it accepts) overtake what waits and
    are never refused for a client's limit of requests in flight; where all are, no body is read.
    `large` says that the arguments may be larger than `ARGUMENTS_BYTES`: as large as a body or a
    message at all; only members of the type `msgspec.Raw`, which stay undecoded, can be.
    `result` documents the answer's type; an endpoint for HTTP only may return a whole `Response`.
    """

    path: str
    verbs: tuple[str, ...]
    params: type[msgspec.Struct] | None
    handler: Handler
    summary: str
    access: Access
    transports: frozenset[Transport] = EVERYWHERE
    rpc: str | Derived | None = Derived.RPC_NAME
    http: bool = True
    query: QueryReader | None = None
    urgent: bool | Callable[[Mapping[str, object]], bool] = False
    large: bool = False
    described: type[msgspec.Struct] | None = None
    result: Any = Any

    def __post_init__(self) -> None:
        """Raises `TypeError` naming the path of a declaration with something else as `access`."""
        if not isinstance(self.access, Access):
            raise TypeError(
                f"endpoint {self.path} does not say whose it is: give it access=Access...."
            )


class EndpointOptions(TypedDict, total=False):
    """Fields of an `Endpoint` that most leave as they are."""

    transports: frozenset[Transport]
    rpc: str | Derived | None
    http: bool
    query: QueryReader | None
    urgent: bool | Callable[[Mapping[str, object]], bool]
    large: bool
    described: type[msgspec.Struct] | None


class _Declaration(msgspec.Struct, frozen=True):
    """Makes endpoints of one verb."""

    verb: str

    def __call__(
        self,
        path: str,
        handler: Handler,
        summary: str,
        access: Access,
        params: type[msgspec.Struct] | None = NoParams,
        result: Any = Any,
        **options: Unpack[EndpointOptions],
    ) -> Endpoint:
        verbs = (self.verb,)
        return Endpoint(path, verbs, params, handler, summary, access, result=result, **options)


get = _Declaration("GET")  # changes nothing
post = _Declaration("POST")  # changes or begins something
delete = _Declaration("DELETE")  # removes something


def rpc_name(path: str) -> str:
    """`/server/job_queue/pause` -> `server.job_queue.pause` (Moonraker's naming rule)."""
    return path.strip("/").replace("/", ".")


def verb_rpc_name(path: str, verb: str) -> str:
    """The name when one path answers several verbs: the last part gains `get_`, `post_`, ..."""
    head, _, last = rpc_name(path).rpartition(".")
    return f"{head}.{verb.lower()}_{last}"
