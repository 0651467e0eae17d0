import pytest

from mrk.web.own_address import OwnAddress
from mrk.zeroconf.services import OwnNames, announced_addresses, is_served, own_services

NAMES = OwnNames("moonraker-2", "shop", "0123456789abcdef" * 2, "v1")
ADDRESSES = ["127.0.0.1", "::1", "192.0.2.2", "169.254.3.4", "fd00::2", "fe80::1%eth0", "junk"]


def test_what_is_announced():
    api, mrk = own_services(NAMES, OwnAddress(None, 7125), None)
    assert (api.type, mrk.type) == ("_moonraker._tcp", "_mrk._tcp")
    assert (api.instance, api.port) == ("Moonraker-2 @ shop", 7125)
    assert api.txt == mrk.txt == {
        "uuid": NAMES.uuid, "https_port": "", "version": "v1", "route_prefix": "",
    }  # fmt: skip
    *_, page = own_services(NAMES, OwnAddress(None, 80, 7130, "/printers/one"), 8080)
    assert (page.type, page.instance, page.port) == ("_http._tcp", "Printer @ shop", 8080)
    assert own_services(NAMES, OwnAddress(None, 80, 7130, "/a/b"), None)[0].txt | {
        "uuid": "", "version": "",
    } == {"uuid": "", "version": "", "https_port": "7130", "route_prefix": "a/b"}  # fmt: skip


def test_names_fit_into_dns():
    long = OwnNames("moonraker", "ö" * 60, "0" * 32, "v1")
    assert len(own_services(long, OwnAddress(None, 1), 2)[0].instance.encode()) <= 63
    assert long.server == "mrk"
    assert OwnNames("m", "My printer_1!", "0" * 32, "v1").server == "My-printer-1"


@pytest.mark.parametrize(
    ("bound", "found"),
    [
        (None, ["192.0.2.2", "fd00::2"]),
        ("::", ["192.0.2.2", "fd00::2"]),
        ("0.0.0.0", ["192.0.2.2"]),
        ("192.0.2.2", ["192.0.2.2"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("a-name", ["192.0.2.2", "fd00::2"]),
    ],
)
def test_addresses(bound, found):
    assert announced_addresses(ADDRESSES, bound) == found


TABLE = b"""\
  sl  local_address rem_address   st tx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   1: 00000000:0050 00000000:0000 0A 00000000:00000000
   2: 00000000:0051 00000000:0000 01 00000000:00000000
"""


def test_who_listens():
    assert is_served(80, TABLE, b"")
    assert is_served(80, b"", TABLE.replace(b"00000000:0050", b"0" * 32 + b":0050"))
    assert not is_served(81, TABLE, b"")  # a connection
    assert not is_served(8080, TABLE, b"junk\n: : :\n")  # on loopback
