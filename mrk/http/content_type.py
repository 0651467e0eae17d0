"""Content types of downloads, by suffix; the same on every host.

User folders hold what anybody put there: nothing in them may run in our origin. So scripts are
plain text (a browser then takes them neither as script nor as service worker), and every
download is sandboxed and not to be guessed at.
"""

from mrk.http.response import Headers

_DEFAULT = "application/octet-stream"
_PLAIN = "text/plain"
_BY_SUFFIX = {
    "bmp": "image/bmp",
    "csv": "text/csv",
    "css": "text/css",
    "gif": "image/gif",
    "gz": "application/gzip",
    "htm": "text/html",
    "html": "text/html",
    "ico": "image/vnd.microsoft.icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "mkv": "video/x-matroska",
    "mp4": "video/mp4",
    "pdf": "application/pdf",
    "png": "image/png",
    "stl": "model/stl",
    "svg": "image/svg+xml",
    "tar": "application/x-tar",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "ttf": "font/ttf",
    "webm": "video/webm",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xml": "text/xml",
    "zip": "application/zip",
}
_TEXT = frozenset(
    (
        "bak",
        "cfg",
        "conf",
        "g",
        "gco",
        "gcode",
        "ini",
        "js",
        "log",
        "md",
        "mjs",
        "nc",
        "py",
        "sh",
        "toml",
        "txt",
        "yaml",
        "yml",
    )
)

SAFE_HEADERS: Headers = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
)


def content_type(name: str) -> str:
    """The type of a file by its name; letters in any case."""
    _stem, dot, suffix = name.rpartition(".")
    if not dot:
        return _DEFAULT
    if name == "klippy.log" or ".log." in name:
        return _PLAIN  # logs that were rolled over end in a date
    suffix = suffix.lower()
    return _PLAIN if suffix in _TEXT else _BY_SUFFIX.get(suffix, _DEFAULT)
