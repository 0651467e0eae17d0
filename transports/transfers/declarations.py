"""What documents tell of uploads and downloads; imported when somebody asks for one."""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from mrk.api.door_route import Answer, Content, DoorRoute, Parameter
from mrk.api.endpoint import Access
from mrk.files.records import Item

_UPLOAD_ERRORS = (400, 403, 408, 413, 415, 422, 500, 503, 507)
_DOWNLOAD_ERRORS = (403, 404, 412)
_WISH = Parameter("Want-Repr-Digest", "`sha-256=10`: have `Repr-Digest` in the answer", "header")
_DIGEST = ("Repr-Digest", "SHA-256 of the whole file, when it was wished for")


class UploadFields(msgspec.Struct, frozen=True):
    """Fields in any order; others are skipped."""

    # The name is the part's own.
    file: Annotated[str, msgspec.Meta(extra_json_schema={"format": "binary"})]
    root: str = "gcodes"
    path: str = ""
    # SHA-256 of the file, in hexadecimal.
    checksum: Annotated[str, msgspec.Meta(pattern="^([0-9a-fA-F]{64})?$")] = ""
    print: Literal["true", "false"] = "false"


class UploadAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`print_...` are told for g-code in gcodes; a print that was refused says why."""

    item: Item
    action: Literal["create_file"]
    sha256: str | UnsetType = UNSET
    print_started: bool | UnsetType = UNSET
    print_queued: bool | UnsetType = UNSET
    print_refused: str | UnsetType = UNSET


def uploads(paths: Iterable[str]) -> list[DoorRoute]:
    """One for each path that takes uploads."""
    summary = "Store a file, whole or not at all; print it if asked to. Below config: role admin."
    return [
        DoorRoute(
            path,
            ("POST",),
            summary,
            Access.OPERATE,
            (
                Answer(
                    201,
                    "The file is in its place",
                    (Content("application/json", UploadAnswer),),
                    (("Location", "The address of what was stored"), _DIGEST),
                ),
            ),
            _UPLOAD_ERRORS,
            (
                Parameter("Content-Digest", "`sha-256=:<base64>:` of the body", "header"),
                Parameter("Repr-Digest", "The same of the file, or of the body", "header"),
                _WISH,
            ),
            (Content("multipart/form-data", UploadFields),),
        )
        for path in paths
    ]


def downloads(files: str, logs: Iterable[str]) -> list[DoorRoute]:
    """Files of all roots below `files`, and logs beside these."""
    root = Parameter("root", "As of server.files.roots")
    path = Parameter("path", "Below the root; slashes may be written as they are, or as %2F")
    open_to_all = "Download a file. Names that end in .png or .jpg need no authentication."
    return [
        _download(f"{files}{{root}}/{{path...}}", open_to_all, (root, path)),
        *(_download(f"{files}{name}", f"Download the log {name}.") for name in logs),
    ]


def _download(path: str, summary: str, captured: tuple[Parameter, ...] = ()) -> DoorRoute:
    body = (Content("*/*"),)
    whole = (
        ("Content-Disposition", "attachment, with the file's name"),
        ("ETag", "Changes when the file is written or replaced"),
        ("Last-Modified", "To the second"),
        ("Accept-Ranges", "bytes"),
        _DIGEST,
    )
    return DoorRoute(
        path,
        ("GET", "HEAD"),
        summary,
        Access.VIEW,
        (
            Answer(200, "The whole file", body, whole),
            Answer(206, "A part of it", body, (*whole, ("Content-Range", "Which part of it"))),
            Answer(304, "The client has it already"),
            Answer(416, "The file has no such range", (Content("text/plain", str),)),
        ),
        _DOWNLOAD_ERRORS,
        (
            *captured,
            Parameter("v", "Any version: the answer may be kept for ten years"),
            Parameter("Range", "A single range of bytes", "header"),
            Parameter("If-Range", "An ETag or a time: the range is meant for that alone", "header"),
            Parameter("If-Match", "ETags: 412 when the file has none of them", "header"),
            Parameter("If-None-Match", "ETags: 304 when the file has one of them", "header"),
            Parameter("If-Modified-Since", "304 when the file is as old", "header"),
            Parameter("If-Unmodified-Since", "412 when the file is newer", "header"),
            _WISH,
        ),
    )
