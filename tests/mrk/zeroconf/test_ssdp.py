import random
from xml.etree import ElementTree

import pytest

from mrk.zeroconf.ssdp import Search, SsdpDevice, answer, description, notices, read_search

DEVICE = SsdpDevice("0123456789abcdef" * 2, "Moonraker", "shop <1>", "1.0", 17)
DASHED = "01234567-89ab-cdef-0123-456789abcdef"


def search(**headers: str) -> bytes:
    usual = {"HOST": "239.255.255.250:1900", "MAN": '"ssdp:discover"', "ST": "ssdp:all"}
    lines = [f"{name}: {value}" for name, value in (usual | headers).items()]
    return "\r\n".join(["M-SEARCH * HTTP/1.1", *lines, "", ""]).encode()


@pytest.mark.parametrize(
    ("datagram", "found"),
    [
        (search(), Search(0)),
        (search(MX="3"), Search(3)),
        (search(MX="120", ST="upnp:rootdevice"), Search(5)),
        (search(MX="-1"), Search(0)),
        (search(MX="9" * 500), Search(0)),
        (search(ST="urn:x"), None),
        (search(MAN="ssdp:discover"), None),
        (search(USER="x" * 2000), None),
        (b"NOTIFY * HTTP/1.1\r\n\r\n", None),
        (b"\xff\x00" * 20, None),
        (b"", None),
    ],
)
def test_searches(datagram, found):
    assert read_search(datagram) == found


def test_noise_is_never_an_error():
    noise = random.Random(7)
    good = search(MX="2")
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(noise.randrange(1, 8)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        read_search(bytes(data[: noise.randrange(len(data) + 1)]))


def test_answer():
    lines = answer(DEVICE, "http://192.0.2.2:7125/x", "now").decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert lines[-2:] == ["", ""]
    assert f"USN: uuid:{DASHED}::upnp:rootdevice" in lines
    assert "LOCATION: http://192.0.2.2:7125/x" in lines
    assert "CACHE-CONTROL: max-age=1800" in lines


def test_notices():
    alive = [one.decode() for one in notices(DEVICE, "http://a")]
    gone = [one.decode() for one in notices(DEVICE, None)]
    assert len(alive) == len(gone) == 3
    assert all("NTS: ssdp:alive" in one and "LOCATION: http://a" in one for one in alive)
    assert all("NTS: ssdp:byebye" in one and "LOCATION" not in one for one in gone)
    assert f"NT: uuid:{DASHED}\r\nUSN: uuid:{DASHED}\r\n" in alive[1]


def test_description():
    root = ElementTree.fromstring(description(DEVICE, "http://h/?a&b"))
    spaces = {"d": "urn:schemas-upnp-org:device-1-0"}

    def text(name: str) -> str | None:
        return root.findtext(f"d:device/d:{name}", namespaces=spaces)

    assert text("friendlyName") == "Moonraker (shop <1>)"
    assert text("UDN") == f"uuid:{DASHED}"
    assert text("presentationURL") == "http://h/?a&b"
    assert SsdpDevice("0" * 32, "M", "h" * 80, "1", 1).friendly_name == "M"
