"""OpenRPC and OpenAPI documents, generated from what endpoints and notifications declare.

Nothing is written down twice: names, verbs, params, access and summaries come from the table,
types from the params structs and from what handlers declare as `result`. Notifications are
`webhooks` in OpenAPI; OpenRPC has no place for what a server sends unasked, so `x-notifications`.
What is no endpoint (what streams, JSON-RPC over HTTP) is declared by its transport, and is in
OpenAPI alone.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from mrk.api.caller import Transport
from mrk.api.door_operations import failure, kinds, operations, templated
from mrk.api.door_route import DoorRoute
from mrk.api.endpoint import Access
from mrk.api.notification import NotificationKind
from mrk.api.table import Method
from mrk.version import MOONRAKER_VERSION

_REFERENCE = "#/components/schemas/{name}"
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
}


def _info() -> dict[str, str]:
    return {"title": "mrk, Moonraker's API", "version": MOONRAKER_VERSION}


def _params(method: Method) -> type[msgspec.Struct] | None:
    return method.endpoint.params or method.endpoint.described


def _schemas(
    methods: list[Method],
    notifications: Sequence[NotificationKind],
    routes: Sequence[DoorRoute] = (),
) -> tuple[dict[Any, Any], dict[str, Any]]:
    """JSON schemas of params structs, results and notifications; the components they name."""
    asked = [kind for m in methods if (kind := _params(m)) is not None]
    results = [m.endpoint.result for m in methods]
    sent = [kind for one in notifications for kind in one.params]
    wanted = list(dict.fromkeys([*asked, *results, *sent, *kinds(routes)]))
    schemas, components = msgspec.json.schema_components(
        wanted, ref_template=_REFERENCE, schema_hook=_any_value
    )
    return dict(zip(wanted, schemas, strict=True)), components


def _any_value(kind: type) -> dict[str, Any]:
    """`object` stands for any JSON value."""
    if kind is not object:
        raise NotImplementedError(f"no JSON schema for {kind}")
    return {"description": "any JSON value"}


def _fields(
    method: Method, schemas: dict[Any, Any], components: dict[str, Any]
) -> Iterable[tuple[str, bool, Any]]:
    """(name, required, schema) of each argument."""
    params = _params(method)
    if params is None:
        return
    # Two structs of one name get longer component names, so the name comes from the reference.
    described = components[schemas[params]["$ref"].rpartition("/")[2]]["properties"]
    for field in msgspec.structs.fields(params):
        yield field.encode_name, field.required, described[field.encode_name]


def openrpc(
    methods: Iterable[Method], notifications: Sequence[NotificationKind] = ()
) -> dict[str, Any]:
    """The OpenRPC 1.3 document of every JSON-RPC method and notification."""
    listed = sorted((m for m in methods if m.rpc), key=lambda m: m.rpc or "")
    schemas, components = _schemas(listed, notifications)
    return {
        "openrpc": "1.3.2",
        "info": _info(),
        "methods": [_rpc_method(m, schemas, components) for m in listed],
        "x-notifications": [
            {"name": one.method, "summary": one.when, "params": _positional(one, schemas)}
            for one in notifications
        ],
        "components": {"schemas": components},
    }


def _rpc_method(
    method: Method, schemas: dict[Any, Any], components: dict[str, Any]
) -> dict[str, Any]:
    endpoint = method.endpoint
    return {
        "name": method.rpc,
        "summary": endpoint.summary,
        "paramStructure": "by-name",
        "params": [
            {"name": name, "required": required, "schema": schema}
            for name, required, schema in _fields(method, schemas, components)
        ],
        "result": {"name": "result", "schema": schemas[endpoint.result]},
        "x-access": endpoint.access.word,
        "x-transports": sorted(endpoint.transports),
    }


def _positional(kind: NotificationKind, schemas: dict[Any, Any]) -> dict[str, Any]:
    """The params of a notification: an array of fixed length."""
    count = len(kind.params)
    array: dict[str, Any] = {"type": "array", "minItems": count, "maxItems": count}
    if kind.params:
        array["prefixItems"] = [schemas[one] for one in kind.params]
    return array


def _webhook(kind: NotificationKind, schemas: dict[Any, Any]) -> dict[str, Any]:
    """The whole message, as a websocket brings it."""
    properties: dict[str, Any] = {"jsonrpc": {"const": "2.0"}, "method": {"const": kind.method}}
    if kind.params:
        properties["params"] = _positional(kind, schemas)
    required = list(properties)
    # For clients that asked for replay.
    properties["seq"] = {"type": "integer", "description": "its number, with replay only"}
    message = {"type": "object", "properties": properties, "required": required}
    return {
        "post": {
            "operationId": kind.method,
            "summary": kind.when,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": message}},
            },
            "responses": {"default": {"description": "A notification is not answered"}},
        }
    }


def openapi(
    methods: Iterable[Method],
    notifications: Sequence[NotificationKind] = (),
    routes: Sequence[DoorRoute] = (),
) -> dict[str, Any]:
    """The OpenAPI 3.1 document of every HTTP route and notification."""
    routed = [m for m in methods if m.endpoint.http and Transport.HTTP in m.endpoint.transports]
    schemas, components = _schemas(routed, notifications, routes)
    paths: dict[str, Any] = {}
    for method in sorted(routed, key=lambda m: m.endpoint.path):
        for verb in method.endpoint.verbs:
            operation = _operation(method, verb, schemas, components)
            paths.setdefault(templated(method.endpoint.path), {})[verb.lower()] = operation
    for path, verb, operation in operations(routes, schemas):
        # The door asks the API first, too.
        paths.setdefault(path, {}).setdefault(verb, operation)
    return {
        "openapi": "3.1.0",
        "info": _info(),
        "paths": dict(sorted(paths.items())),
        "webhooks": {one.method: _webhook(one, schemas) for one in notifications},
        "components": {"schemas": {**components, "Error": _ERROR}},
    }


def document(
    kind: str,
    methods: Iterable[Method],
    notifications: Sequence[NotificationKind],
    routes: Sequence[DoorRoute],
) -> dict[str, Any]:
    """The one of that name, `openapi` or `openrpc`, which has no place for such routes."""
    if kind == "openapi":
        return openapi(methods, notifications, routes)
    return openrpc(methods, notifications)


def _operation(
    method: Method, verb: str, schemas: dict[Any, Any], components: dict[str, Any]
) -> dict[str, Any]:
    endpoint = method.endpoint
    result = {"type": "object", "properties": {"result": schemas[endpoint.result]}}
    errors = ["400", "503"] if endpoint.access is Access.OPEN else ["400", "401", "503"]
    operation: dict[str, Any] = {
        "operationId": f"{verb.lower()} {endpoint.path}",
        "summary": endpoint.summary,
        "x-access": endpoint.access.word,
        "parameters": [
            _parameter(name, schema, endpoint.path)
            for name, _required, schema in _fields(method, schemas, components)
        ],
        "responses": {
            "200": {
                "description": "Success",
                "content": {"application/json": {"schema": result}},
            },
            **{status: failure() for status in errors},
        },
    }
    params = _params(method)
    if verb != "GET" and params is not None:
        body = {"application/json": {"schema": schemas[params]}}
        operation["requestBody"] = {"required": False, "content": body}
    return operation


def _parameter(name: str, schema: Any, path: str) -> dict[str, Any]:
    captured = f"{{{name}}}" in templated(path)
    where = "path" if captured else "query"
    return {"name": name, "in": where, "required": captured, "schema": schema}
