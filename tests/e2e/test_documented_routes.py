"""What is no endpoint, by a client that knows nothing but the OpenAPI document."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema_rs import Draft202012Validator

from tests.documents import ENDLESS, ends
from tests.e2e.processes import run_daemon
from tests.e2e.wire import PATIENCE_S

pytestmark = pytest.mark.e2e
CONTENT = b"; one layer\nG28\nG1 X10 E1\n" * 100
FORM = "multipart/form-data"


class Client:
    """Asks what `document` describes, and holds answers against it."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.document = http.get("/server/openapi.json").json()

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, verbs in self.document["paths"].items():
            for verb, operation in verbs.items():
                yield path, verb, operation

    def schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def form(self, operation: dict[str, Any]) -> dict[str, Any]:
        return self.schema(operation["requestBody"]["content"][FORM]["schema"])

    def ask(self, route: str, verb: str, headers: dict[str, str], **values: str) -> httpx.Response:
        operation, path = self.document["paths"][route][verb], route
        for parameter in operation["parameters"]:
            name = parameter["name"]
            if parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
        answer = self.http.request(verb, path, headers=headers)
        self.hold(operation, answer)
        return answer

    def hold(self, operation: dict[str, Any], answer: httpx.Response) -> None:
        """Status, headers, type and body are as described."""
        described = operation["responses"][str(answer.status_code)]
        told = {name.lower() for name in described.get("headers", ())} - {"repr-digest"}
        assert told <= set(answer.headers)
        kind = answer.headers.get("content-type", "").partition(";")[0]
        content = described.get("content", {})
        if kind == "application/json" and kind in content:
            whole = {**content[kind]["schema"], "components": self.document["components"]}
            Draft202012Validator(whole).validate(answer.json())
            known = self.schema(content[kind]["schema"]).get("properties")
            assert known is None or set(answer.json()) <= set(known)
        elif answer.content:
            assert kind in content or "*/*" in content


def uploading(client: Client) -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, operation)
        for path, _verb, operation in client.operations()
        if FORM in operation.get("requestBody", {}).get("content", {})
    ]


def downloading(client: Client) -> list[str]:
    return [
        path
        for path, verb, operation in client.operations()
        if verb == "get"
        and ends(operation)
        and "*/*" in operation["responses"].get("200", {}).get("content", {})
    ]


def test_what_is_uploaded_is_downloaded(tmp_path: Path) -> None:
    with (
        run_daemon(tmp_path, sections="[octoprint_compat]\n") as daemon,
        httpx.Client(base_url=daemon.url, timeout=PATIENCE_S) as http,
    ):
        client = Client(http)
        (download,) = [path for path in downloading(client) if "{root}" in path]
        paths = uploading(client)
        assert len(paths) == 2
        for number, (path, operation) in enumerate(paths):
            form = client.form(operation)
            (file,) = form["required"]
            assert form["properties"][file]["format"] == "binary"
            fields = {
                name: schema["default"]
                for name, schema in form["properties"].items()
                if "default" in schema
            }
            fields["path"] = "one folder"
            stored = http.post(path, data=fields, files={file: (f"part #{number}.gcode", CONTENT)})
            assert stored.status_code == 201
            client.hold(operation, stored)
            assert stored.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()
            where = {name: stored.json()["item"][name] for name in ("root", "path")}
            whole = client.ask(download, "get", {}, **where)
            assert (whole.status_code, whole.content) == (200, CONTENT)
            part = client.ask(download, "get", {"Range": "bytes=2-9"}, **where)
            assert (part.status_code, part.content) == (206, CONTENT[2:10])
            same = client.ask(download, "get", {"If-None-Match": whole.headers["etag"]}, **where)
            assert same.status_code == 304
            head = client.ask(download, "head", {}, **where)
            assert int(head.headers["content-length"]) == len(CONTENT)


def test_refusals_are_as_described(tmp_path: Path) -> None:
    with (
        run_daemon(tmp_path) as daemon,
        httpx.Client(base_url=daemon.url, timeout=PATIENCE_S) as http,
    ):
        client = Client(http)
        ((upload, operation),) = uploading(client)
        wrong = {"checksum": "0" * 64}
        refused = http.post(upload, data=wrong, files={"file": ("a.gcode", CONTENT)})
        assert refused.status_code == 422
        client.hold(operation, refused)
        broken = http.post(upload, content=b"{}")
        assert broken.status_code == 400
        client.hold(operation, broken)
        (download,) = [path for path in downloading(client) if "{root}" in path]
        absent = client.ask(download, "get", {}, root="gcodes", path="none.gcode")
        assert absent.status_code == 404
        there = {"root": "gcodes", "path": "calibration_cube.gcode"}
        beyond = client.ask(download, "get", {"Range": "bytes=999999999-"}, **there)
        assert beyond.status_code == 416
        changed = client.ask(download, "get", {"If-Match": '"other"'}, **there)
        assert changed.status_code == 412


def test_calls_and_batches_over_http(tmp_path: Path) -> None:
    with (
        run_daemon(tmp_path) as daemon,
        httpx.Client(base_url=daemon.url, timeout=PATIENCE_S) as http,
    ):
        client = Client(http)
        operation = client.document["paths"]["/server/jsonrpc"]["post"]
        (kind, content), *others = operation["requestBody"]["content"].items()
        assert (kind, others) == ("application/json", [])
        asked = Draft202012Validator(
            {**content["schema"], "components": client.document["components"]}
        )
        good = {"jsonrpc": "2.0", "method": "server.info", "id": 1}
        unknown = {"jsonrpc": "2.0", "method": "no.such", "params": {"a": [1]}, "id": "b"}
        told = {"jsonrpc": "2.0", "method": "server.info"}
        for call, answers in ((good, 1), (unknown, 1), ([good, told, unknown], 2), (told, 0)):
            asked.validate(call)
            answer = http.post("/server/jsonrpc", json=call)
            assert answer.status_code == 200
            if not answers:
                assert answer.content == b""
                continue
            client.hold(operation, answer)
            listed = answer.json() if isinstance(call, list) else [answer.json()]
            assert len(listed) == answers
            assert all(("result" in one) is (one["id"] == 1) for one in listed)
        assert not asked.is_valid([])
        refused = http.post("/server/jsonrpc", content=b"x", headers={"Content-Type": "text/plain"})
        assert refused.status_code == 400
        client.hold(operation, refused)


def test_a_described_event_stream_is_one(tmp_path: Path) -> None:
    with (
        run_daemon(tmp_path) as daemon,
        httpx.Client(base_url=daemon.url, timeout=PATIENCE_S) as http,
    ):
        client = Client(http)
        ((path, kind),) = [
            (path, kind)
            for path, verb, operation in client.operations()
            if verb == "get"
            for kind in operation["responses"].get("200", {}).get("content", ())
            if kind in ENDLESS
        ]
        with http.stream("GET", path) as answer:
            assert answer.headers["content-type"].partition(";")[0] == kind
            assert next(answer.iter_lines()).startswith("retry:")
