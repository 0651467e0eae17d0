"""The API as a page for people (Markdown), generated from the endpoint declarations.

`mrk api --markdown` prints it, and the documentation site takes it in. Pure.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from mrk.api.door_operations import errors, templated
from mrk.api.door_route import DoorRoute
from mrk.api.schema import openapi, openrpc
from mrk.api.table import Method
from mrk.version import MOONRAKER_VERSION


def markdown(methods: Iterable[Method], routes: Sequence[DoorRoute] = ()) -> str:
    """One section for each component, one heading for each method or route."""
    listed = list(methods)
    described = {m["name"]: m for m in openrpc(listed)["methods"]}
    document = openapi([], (), routes)
    sections = [
        *((m.endpoint.path, m.rpc or "", _section(m, described.get(m.rpc or ""))) for m in listed),
        *((route.path, route.verbs[0], _door_route(route, document)) for route in routes),
    ]
    parts = [
        f"# API reference\n\n{MOONRAKER_VERSION}. Generated from the endpoints' declarations.",
        "Roles are those of the page *Who may do what*; a type in brackets may be left out.",
    ]
    component = ""
    for path, _name, section in sorted(sections):
        name = _component(path)
        if name != component:
            component = name
            parts.append(f"## {component}")
        parts.append(section)
    return "\n\n".join(parts) + "\n"


def _component(path: str) -> str:
    """`server.job_queue` for `/server/job_queue/status`; the first two parts of the path."""
    parts = path.strip("/").split("/")
    return ".".join(parts[:2] if len(parts) > 2 else parts[:1]) or "/"


def _section(method: Method, described: dict[str, Any] | None) -> str:
    endpoint = method.endpoint
    lines = [f"### `{method.rpc or endpoint.path}`", "", endpoint.summary, ""]
    if endpoint.http:
        lines.append(f"- HTTP: {', '.join(endpoint.verbs)} `{endpoint.path}`")
    lines.append(f"- role: {endpoint.access.word}")
    lines.append(f"- offered over: {', '.join(sorted(endpoint.transports))}")
    arguments = [_argument(argument) for argument in (described or {}).get("params", ())]
    if arguments:
        lines.append(f"- arguments: {', '.join(arguments)}")
    return "\n".join(lines)


def _door_route(route: DoorRoute, document: dict[str, Any]) -> str:
    """A route that is no endpoint, from its operation."""
    verbs = ", ".join(route.verbs)
    operation = document["paths"][templated(route.path)][route.verbs[0].lower()]
    lines = [f"### `{verbs} {route.path}`", "", route.summary, ""]
    lines += [f"- HTTP: {verbs} `{route.path}`", f"- role: {route.access.word}"]
    lines += [
        f"- {one['in']}: {_argument(one)}: {one['description']}" for one in operation["parameters"]
    ]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        lines.append(f"- body: {', '.join([kind, *_members(content['schema'], document)])}")
    for answer in route.answers:
        kinds = "".join(f", {content.media_type}" for content in answer.content)
        lines.append(f"- {answer.status}: {answer.summary}{kinds}")
    lines.append(f"- errors: {', '.join(map(str, errors(route)))}")
    return "\n".join(lines)


def _members(schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """Those of a form."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    needed = schema.get("required", ())
    return [
        _argument({"name": name, "schema": one, "required": name in needed})
        for name, one in schema.get("properties", {}).items()
    ]


def _argument(argument: dict[str, Any]) -> str:
    text = f"`{argument['name']}` {_type(argument['schema'])}"
    return text if argument["required"] else f"[{text}]"


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if schema.get("format") == "binary":
        return "bytes"
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    return str(schema.get("type", "any value"))
