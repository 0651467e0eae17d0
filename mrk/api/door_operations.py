"""OpenAPI operations of the routes that are no endpoints (`mrk/api/door_route.py`).

Part of what `mrk/api/schema.py` makes. A schema per media type, an answer per status.
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from mrk.api.door_route import Answer, Content, DoorRoute
from mrk.api.endpoint import Access
from mrk.http.head import READING

# Most generators of clients know bytes by this word, which is OpenAPI 3.0's.
BINARY = {"type": "string", "format": "binary"}
_ERROR = {"$ref": "#/components/schemas/Error"}


def templated(path: str) -> str:
    """OpenAPI knows no capture of several segments: `{path...}` is written `{path}`."""
    return path.replace("...}", "}")


def failure(summary: str = "Error") -> dict[str, Any]:
    """An answer that holds an error."""
    return {"description": summary, "content": {"application/json": {"schema": _ERROR}}}


def errors(route: DoorRoute) -> list[int]:
    """All statuses that may come instead of an answer."""
    return sorted({*route.errors, *([] if route.access is Access.OPEN else [401])})


def kinds(routes: Iterable[DoorRoute]) -> list[Any]:
    """The types that need a schema."""
    found: list[Any] = []
    for route in routes:
        found += [parameter.kind for parameter in route.parameters]
        bodies = [route.body, *(answer.content for answer in route.answers)]
        found += [content.kind for body in bodies for content in body if content.kind is not bytes]
    return found


def operations(
    routes: Sequence[DoorRoute], schemas: Mapping[Any, Any]
) -> Iterable[tuple[str, str, dict[str, Any]]]:
    """(path, verb, operation) of each."""
    for route in routes:
        for verb in route.verbs:
            yield templated(route.path), verb.lower(), _operation(route, verb, schemas)


def _operation(route: DoorRoute, verb: str, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{verb.lower()} {route.path}",
        "summary": route.summary,
        "x-access": route.access.word,
        "parameters": _parameters(route, schemas),
        "responses": {
            **{
                str(answer.status): _response(answer, schemas, told=verb != "HEAD")
                for answer in route.answers
                if verb == "GET" or answer.status != HTTPStatus.SWITCHING_PROTOCOLS
            },
            **{str(status): failure(HTTPStatus(status).phrase) for status in errors(route)},
        },
    }
    if route.body and verb not in READING:
        operation["requestBody"] = {"required": True, "content": _content(route.body, schemas)}
    return operation


def _parameters(route: DoorRoute, schemas: Mapping[Any, Any]) -> list[dict[str, Any]]:
    listed = []
    for parameter in route.parameters:
        captured = f"{{{parameter.name}}}" in templated(route.path)
        listed.append(
            {
                "name": parameter.name,
                "in": "path" if captured else parameter.where,
                "required": captured,
                "description": parameter.summary,
                "schema": schemas[parameter.kind],
            }
        )
    return listed


def _response(answer: Answer, schemas: Mapping[Any, Any], *, told: bool) -> dict[str, Any]:
    response: dict[str, Any] = {"description": answer.summary}
    if answer.headers:
        response["headers"] = {
            name: {"description": summary, "schema": {"type": "string"}}
            for name, summary in answer.headers
        }
    if answer.content and told:
        response["content"] = _content(answer.content, schemas)
    return response


def _content(body: Sequence[Content], schemas: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        content.media_type: {"schema": BINARY if content.kind is bytes else schemas[content.kind]}
        for content in body
    }
