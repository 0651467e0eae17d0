"""SSDP: searches in, answers and announcements out (UPnP Device Architecture 2.0, chapter 1).

Pure: bytes in, bytes out. `nurseries/zeroconf/ssdp.py` owns the sockets.
"""

from collections.abc import Iterator
from xml.sax.saxutils import escape

import msgspec

GROUP, PORT = "239.255.255.250", 1900
DATAGRAM_BYTES = 2048
MOST_MX_S = 5
MAX_AGE_S = 1800
DEVICE = "urn:arksine.github.io:device:Moonraker:1"
ROOT = "upnp:rootdevice"
_SOUGHT = (ROOT, "ssdp:all")
_FRIENDLY_CHARS = 64


class Search(msgspec.Struct, frozen=True):
    """A search that we answer, after up to `mx_s` seconds."""

    mx_s: int


class SsdpDevice(msgspec.Struct, frozen=True):
    """Who we are. `uuid` is 32 hexadecimal digits, `boot_id` grows with each start."""

    uuid: str
    title: str
    host: str
    version: str
    boot_id: int

    @property
    def dashed(self) -> str:
        """The uuid with hyphens."""
        u = self.uuid
        return f"{u[:8]}-{u[8:12]}-{u[12:16]}-{u[16:20]}-{u[20:]}"

    @property
    def friendly_name(self) -> str:
        """For people."""
        whole = f"{self.title} ({self.host})"
        return whole if len(whole) <= _FRIENDLY_CHARS else self.title[:_FRIENDLY_CHARS]


def read_search(datagram: bytes) -> Search | None:
    """A search that is for us; None for anything else."""
    if len(datagram) > DATAGRAM_BYTES:
        return None
    first, *lines = datagram.decode("ascii", "replace").split("\r\n")
    if first != "M-SEARCH * HTTP/1.1":
        return None
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().upper()] = value.strip()
    if headers.get("MAN") != '"ssdp:discover"' or headers.get("ST") not in _SOUGHT:
        return None
    mx = headers.get("MX", "")
    seconds = int(mx) if mx.isascii() and mx.isdecimal() and len(mx) < 5 else 0
    return Search(min(seconds, MOST_MX_S))


def answer(device: SsdpDevice, location: str, date: str) -> bytes:
    """To a search; `date` as HTTP writes it."""
    return _message(
        "HTTP/1.1 200 OK",
        ("CACHE-CONTROL", f"max-age={MAX_AGE_S}"),
        ("DATE", date),
        ("EXT", ""),
        ("LOCATION", location),
        ("SERVER", _server(device)),
        ("ST", ROOT),
        ("USN", f"uuid:{device.dashed}::{ROOT}"),
        ("BOOTID.UPNP.ORG", str(device.boot_id)),
        ("CONFIGID.UPNP.ORG", "1"),
    )


def notices(device: SsdpDevice, location: str | None) -> Iterator[bytes]:
    """What is said to all: `location` where we are, None when we go."""
    for kind in (ROOT, f"uuid:{device.dashed}", DEVICE):
        unique = kind if kind.startswith("uuid:") else f"uuid:{device.dashed}::{kind}"
        headers = [("HOST", f"{GROUP}:{PORT}"), ("NT", kind), ("USN", unique)]
        if location is None:
            headers += [("NTS", "ssdp:byebye")]
        else:
            headers += [
                ("NTS", "ssdp:alive"),
                ("CACHE-CONTROL", f"max-age={MAX_AGE_S}"),
                ("LOCATION", location),
                ("SERVER", _server(device)),
            ]
        headers += [("BOOTID.UPNP.ORG", str(device.boot_id)), ("CONFIGID.UPNP.ORG", "1")]
        yield _message("NOTIFY * HTTP/1.1", *headers)


def _server(device: SsdpDevice) -> str:
    return f"Linux UPnP/2.0 mrk/{device.version}"


def _message(first: str, *headers: tuple[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def description(device: SsdpDevice, base_url: str) -> bytes:
    """The document at LOCATION; `base_url` is where our pages are."""
    url = escape(base_url)
    return f"""<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0" configId="1">
  <specVersion><major>2</major><minor>0</minor></specVersion>
  <device>
    <deviceType>{DEVICE}</deviceType>
    <friendlyName>{escape(device.friendly_name)}</friendlyName>
    <manufacturer>mrk</manufacturer>
    <modelDescription>API for Klipper printers</modelDescription>
    <modelName>mrk</modelName>
    <modelNumber>{escape(device.version)}</modelNumber>
    <serialNumber>{device.uuid}</serialNumber>
    <UDN>uuid:{device.dashed}</UDN>
    <presentationURL>{url}</presentationURL>
  </device>
</root>
""".encode()
