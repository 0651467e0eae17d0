"""Routes that stream, in the OpenAPI document and on the page for people."""

from typing import Annotated

import msgspec

from mrk.api.door_route import Answer, Content, DoorRoute, Parameter
from mrk.api.endpoint import Access, Endpoint
from mrk.api.reference import markdown
from mrk.api.schema import openapi
from mrk.api.table import Table


class Form(msgspec.Struct, frozen=True):
    file: Annotated[str, msgspec.Meta(extra_json_schema={"format": "binary"})]
    root: str = "gcodes"


class Stored(msgspec.Struct, frozen=True):
    size: int


UPLOAD = DoorRoute(
    "/files/upload",
    ("POST",),
    "Store a file.",
    Access.OPERATE,
    (Answer(201, "Stored", (Content("application/json", Stored),), (("Location", "Where"),)),),
    (413,),
    (Parameter("Digest", "Of the body", "header"),),
    (Content("multipart/form-data", Form),),
)
FILE = DoorRoute(
    "/files/{root}/{path...}",
    ("GET", "HEAD"),
    "Read a file.",
    Access.OPEN,
    (Answer(101, "A websocket"), Answer(200, "The file", (Content("*/*"),))),
    (404,),
    (Parameter("root", "Which"), Parameter("path", "Below it"), Parameter("v", "Any", kind=int)),
)
DELETION = Endpoint(
    "/files/{root}/{path...}", ("DELETE",), None, print, "Delete.", access=Access.OPERATE
)


def test_an_upload_has_a_form_and_its_answer() -> None:
    document = openapi([], (), [UPLOAD])
    operation = document["paths"]["/files/upload"]["post"]
    assert operation["requestBody"] == {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/Form"}}},
    }
    form = document["components"]["schemas"]["Form"]
    assert form["properties"]["file"] == {"type": "string", "format": "binary"}
    assert form["required"] == ["file"]
    assert set(operation["responses"]) == {"201", "401", "413"}
    stored = operation["responses"]["201"]
    assert stored["content"]["application/json"]["schema"]["$ref"].endswith("/Stored")
    assert stored["headers"]["Location"]["description"] == "Where"
    assert operation["parameters"][0]["in"] == "header"


def test_a_download_shares_its_path_with_what_the_table_has() -> None:
    document = openapi(Table([DELETION]), (), [FILE])
    ((path, operations),) = document["paths"].items()
    assert (path, set(operations)) == ("/files/{root}/{path}", {"get", "head", "delete"})
    read, head = operations["get"], operations["head"]
    assert [(p["name"], p["in"], p["required"]) for p in read["parameters"]] == [
        ("root", "path", True),
        ("path", "path", True),
        ("v", "query", False),
    ]
    assert read["responses"]["200"]["content"]["*/*"]["schema"]["format"] == "binary"
    assert set(read["responses"]) == {"101", "200", "404"}
    # There is no handshake and no body with HEAD.
    assert set(head["responses"]) == {"200", "404"}
    assert "content" not in head["responses"]["200"]
    assert read["operationId"] != head["operationId"]


def test_the_page_for_people_lists_them_among_the_methods() -> None:
    page = markdown([], [UPLOAD, FILE])
    assert page.index("`GET, HEAD /files/{root}/{path...}`") > page.index("`POST /files/upload`")
    assert "- body: multipart/form-data, `file` bytes, [`root` string]" in page
    assert "- 201: Stored, application/json\n- errors: 401, 413" in page
    assert "- path: `root` string: Which" in page
