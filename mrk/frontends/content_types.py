"""Content types of a front end's files, by suffix; the same on every host.

Unlike files of users (`mrk/http/content_type.py`) these are meant to run in our origin.
"""

_DEFAULT = "application/octet-stream"
_BY_SUFFIX = {
    "avif": "image/avif",
    "bmp": "image/bmp",
    "cjs": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "eot": "application/vnd.ms-fontobject",
    "gif": "image/gif",
    "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/vnd.microsoft.icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "md": "text/markdown; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "otf": "font/otf",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "ttf": "font/ttf",
    "txt": "text/plain; charset=utf-8",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xml": "text/xml; charset=utf-8",
}
# Those that get no smaller: beside them no compressed file is looked for.
_PACKED = ("audio/", "font/woff", "image/", "video/")
_UNPACKED = ("image/svg+xml", "image/bmp", "image/vnd.microsoft.icon")


def content_type(name: str) -> str:
    """The type of a file by its name; letters in any case."""
    _stem, dot, suffix = name.rpartition(".")
    return _BY_SUFFIX.get(suffix.lower(), _DEFAULT) if dot else _DEFAULT


def may_be_compressed(kind: str) -> bool:
    """Whether a file of a type may have a compressed one beside it."""
    return kind in _UNPACKED or not kind.startswith(_PACKED)
