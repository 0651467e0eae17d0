import ipaddress

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.interfaces import canbus, network
from mrk.machine.netlink import (
    BUS_OFF,
    address_request,
    is_last,
    link_request,
    parse_addresses,
    parse_links,
)
from tests.fakes import netlink

LINKS = (
    netlink.link(1, "lo", kind=772, operation=0)
    + netlink.link(2, "eth0")
    + netlink.link(3, "wlan0", operation=2)
    + netlink.link(4, "eth1")
    + netlink.can_link(5, "can0")
    + netlink.can_link(6, "can1", bitrate=0, driver="", up=False, operation=2)
    + netlink.can_link(7, "can2", bitrate=0, driver="")
    + netlink.done()
)
ADDRESSES = (
    netlink.address(1, bytes([127, 0, 0, 1]))
    + netlink.address(2, bytes([10, 0, 0, 21]))
    + netlink.address(2, ipaddress.ip_address("fe80::1").packed, scope=253)
    + netlink.address(3, bytes([10, 0, 0, 22]))
    + netlink.done()
)


def test_networks_are_ethernet_up_and_addressed() -> None:
    found = network(parse_links(LINKS), parse_addresses(ADDRESSES))
    assert msgspec.to_builtins(found) == {
        "eth0": {
            "mac_address": "02:00:00:aa:bb:cc",
            "ip_addresses": [
                {"family": "ipv4", "address": "10.0.0.21", "is_link_local": False},
                {"family": "ipv6", "address": "fe80::1", "is_link_local": True},
            ],
        }
    }


def test_can_interfaces_that_are_up() -> None:
    assert msgspec.to_builtins(canbus(parse_links(LINKS))) == {
        "can0": {"tx_queue_len": 1024, "bitrate": 1000000, "driver": "gs_usb"},
        "can2": {"tx_queue_len": 1024, "bitrate": -1, "driver": "unknown"},
    }


def test_a_bus_that_is_off_says_so() -> None:
    (link,) = parse_links(netlink.can_link(5, "can0", state=3, operation=2))
    assert link.can_state == BUS_OFF
    assert not link.works


def test_a_dump_ends_with_its_last_message_or_an_error() -> None:
    assert is_last(LINKS)
    assert not is_last(netlink.link(2, "eth0"))
    assert is_last(netlink.message(2, bytes(20)))


def test_requests_say_their_own_length() -> None:
    for request in (link_request(), address_request()):
        assert int.from_bytes(request[:4], "little") == len(request) or len(
            request
        ) == int.from_bytes(request[:4], "big")


@given(st.integers(min_value=0, max_value=len(LINKS)))
def test_a_dump_cut_anywhere_gives_what_is_whole(length: int) -> None:
    cut = parse_links(LINKS[:length])
    msgspec.json.encode(canbus(cut))
    msgspec.json.encode(network(cut, parse_addresses(ADDRESSES[:length])))


@given(st.binary(max_size=300))
def test_junk_gives_something_that_can_be_shown(data: bytes) -> None:
    body = netlink.message(16, data) + netlink.message(20, data) + data
    msgspec.json.encode(network(parse_links(body), parse_addresses(body)))
