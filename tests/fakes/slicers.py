"""Requests of slicers that take mrk for OctoPrint, byte by byte as each program writes them.

PrusaSlicer and its kin write with libcurl: `print`, `path`, `file`, in this order; over 1 MB they
wait for 100 Continue. Cura's plugin writes with Qt: a quoted boundary with `/` and `=`, a type for
every part, `select` and `print` behind the file, and packages are printed by a second request.
"""

from collections.abc import Sequence
from dataclasses import dataclass

HOST = "printer.local"
KEY = "0123456789abcdef0123456789abcdef"
LOCAL = "/api/files/local"
OCTETS, TEXT = "application/octet-stream", "text/plain"
# libcurl until 8.3 ended its 24 dashes with 16 hexadecimal digits, since then with 22 letters.
OLD_CURL = "-" * 24 + "d74496d66958873e"
NEW_CURL = "-" * 24 + "ZPYsP4cLxqmbZDzqUUnrYf"
QT = "boundary_.oOo._NTk3/MjE+NDU2Nzg5MDEyMzQ1Njc4OTA="
EXPECTED_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Slicer:
    """`waits`: it sends `Expect: 100-continue` with what is large."""

    name: str
    boundary: str
    user_agent: str
    waits: bool = True

    def upload(self, filename: str, data: bytes, *, print_it: bool, folder: str = "") -> bytes:
        """The whole request."""
        body = _form(
            self.boundary,
            _part("print", str(print_it).lower().encode()),
            _part("path", folder.encode()),
            _part("file", data, filename, OCTETS),
        )
        head = [
            f"Host: {HOST}",
            f"User-Agent: {self.user_agent}",
            "Accept: */*",
            f"X-Api-Key: {KEY}",
            f"Content-Length: {len(body)}",
            f"Content-Type: multipart/form-data; boundary={self.boundary}",
        ]
        if self.waits and len(body) > EXPECTED_BYTES:
            head.append("Expect: 100-continue")
        return _request("POST", LOCAL, head, body)

    def test(self) -> bytes:
        """What its *Test* button sends."""
        head = [f"Host: {HOST}", f"User-Agent: {self.user_agent}", "Accept: */*"]
        return _request("GET", "/api/version", [*head, f"X-Api-Key: {KEY}"])


PRUSA = Slicer("PrusaSlicer", NEW_CURL, "PrusaSlicer/2.8.1")
SUPER = Slicer("SuperSlicer", OLD_CURL, "SuperSlicer/2.5.59")
# It switches the header off for reverse proxies that do not know it.
ORCA = Slicer("OrcaSlicer", OLD_CURL, "BBL-Slicer/v02.02.00 (light) Mozilla/5.0", waits=False)


class Cura:
    """Cura with its OctoPrint Connection plugin."""

    name = "Cura"

    def get(self, name: str) -> bytes:
        """One of its polls."""
        return _request("GET", f"/api/{name}", [f"Host: {HOST}", *_QT_HEAD])

    def post(self, path: str, body: str) -> bytes:
        """A request with JSON."""
        head = [
            f"Host: {HOST}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *_QT_HEAD,
        ]
        return _request("POST", path, head, body.encode())

    def upload(self, filename: str, data: bytes, *, print_it: bool, folder: str = "") -> bytes:
        """G-code, printed by the same request if at all."""
        wish = [_part(name, b"true", kind=TEXT) for name in ("select", "print") if print_it]
        return self._upload(folder, filename, data, wish)

    def upload_package(self, filename: str, data: bytes) -> bytes:
        """A package (UFP); it is selected and printed afterwards."""
        return self._upload("", filename, data, [])

    def _upload(self, folder: str, filename: str, data: bytes, wish: Sequence[bytes]) -> bytes:
        path, file = (
            _part("path", folder.encode(), kind=TEXT),
            _part("file", data, filename, OCTETS),
        )
        body = _form(QT, path, file, *wish)
        head = [
            f"Host: {HOST}",
            f'Content-Type: multipart/form-data; boundary="{QT}"',
            "MIME-Version: 1.0",
            f"Content-Length: {len(body)}",
            *_QT_HEAD,
        ]
        return _request("POST", LOCAL, head, body)


_QT_HEAD = [
    "User-Agent: cura/5.7.2 OctoPrintPlugin/3.7.3",
    f"X-Api-Key: {KEY}",
    "Connection: Keep-Alive",
    "Accept-Encoding: gzip, deflate",
    "Accept-Language: en-US,*",
]
CURA = Cura()


def _part(name: str, data: bytes, filename: str | None = None, kind: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    head += "" if filename is None else f'; filename="{filename}"'
    head += f"\r\nContent-Type: {kind}" if kind else ""
    return head.encode() + b"\r\n\r\n" + data + b"\r\n"


def _form(boundary: str, *parts: bytes) -> bytes:
    line = f"--{boundary}".encode()
    return b"".join(line + b"\r\n" + part for part in parts) + line + b"--\r\n"


def _request(verb: str, path: str, head: Sequence[str], body: bytes = b"") -> bytes:
    return "\r\n".join([f"{verb} {path} HTTP/1.1", *head, "", ""]).encode() + body
