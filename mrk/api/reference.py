"""The API as a page for people (Markdown), generated from the endpoint declarations.

`mrk api --markdown` prints it, and the documentation site takes it in. Pure.
"""

from collections.abc import Iterable
from typing import Any

from mrk.api.schema import openrpc
from mrk.api.table import Method
from mrk.version import MOONRAKER_VERSION


def markdown(methods: Iterable[Method]) -> str:
    """One section for each component, one heading for each method or route."""
    listed = list(methods)
    described = {m["name"]: m for m in openrpc(listed)["methods"]}
    parts = [
        f"# API reference\n\n{MOONRAKER_VERSION}. Generated from the endpoints' declarations.",
        "Roles are those of the page *Who may do what*; a type in brackets may be left out.",
    ]
    component = ""
    for method in sorted(listed, key=lambda m: (m.endpoint.path, m.rpc or "")):
        name = _component(method)
        if name != component:
            component = name
            parts.append(f"## {component}")
        parts.append(_section(method, described.get(method.rpc or "")))
    return "\n\n".join(parts) + "\n"


def _component(method: Method) -> str:
    """`server.job_queue` for `/server/job_queue/status`; the first two parts of the path."""
    parts = method.endpoint.path.strip("/").split("/")
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


def _argument(argument: dict[str, Any]) -> str:
    text = f"`{argument['name']}` {_type(argument['schema'])}"
    return text if argument["required"] else f"[{text}]"


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    return str(schema.get("type", "any value"))
