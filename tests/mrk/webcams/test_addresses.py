import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.webcams.addresses import (
    CameraLocation,
    behind_proxy,
    completed,
    is_loopback,
    listening_loopback,
    moved,
    place_of,
)

# From a real Linux host, shortened: ports 80 on every address, 7125 on loopback,
# 8080 on one address, and an open connection of port 9000.
TCP = b"""  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0  0 1 1
   1: 0100007F:1BD5 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 2 1
   2: 0A01A8C0:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 3 1
   3: 00000000:2328 0101A8C0:D431 01 00000000:00000000 00:00000000 00000000  1000  0 4 1
"""
TCP6 = b"""  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0
   1: 00000000000000000000000001000000:1BBC 00000000000000000000000000000000:0000 0A 0:0
   2: 000080FE00000000FF005450B6AD1DFE:1F91 00000000000000000000000000000000:0000 0A 0:0
"""


@pytest.mark.parametrize(
    ("url", "address", "whole"),
    [
        ("/cam/?a=b", "10.0.0.5", "http://10.0.0.5/cam/?a=b"),
        ("cam", "10.0.0.5", "http://10.0.0.5/cam"),
        ("/cam", "fe80::1", "http://[fe80::1]/cam"),
        ("/cam", None, "http://127.0.0.1/cam"),
        ("http://cam.lan/x", "10.0.0.5", "http://cam.lan/x"),
        ("rtsp://cam.lan/x", "10.0.0.5", "rtsp://cam.lan/x"),
        ("", "10.0.0.5", ""),
    ],
)
def test_paths_are_on_this_host(url, address, whole):
    assert completed(url, address) == whole


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://cam.lan/x", CameraLocation("cam.lan", 80)),
        ("https://cam.lan", CameraLocation("cam.lan", 443)),
        ("rtsp://u:p@cam.lan/x", CameraLocation("cam.lan", 554)),
        ("http://[fe80::1]:81/x", CameraLocation("fe80::1", 81)),
        ("webrtc://cam.lan/x", None),
        ("http://cam.lan:99999/x", None),
        ("http://[bad/x", None),
        ("http:///x", None),
    ],
)
def test_where_a_url_points(url, place):
    assert place_of(url) == place


@pytest.mark.parametrize(
    ("port", "address"),
    [
        (80, "127.0.0.1"),
        (7125, "127.0.0.1"),
        (7100, "::1"),
        (8080, None),
        (8081, None),
        (9000, None),
    ],
)
def test_who_listens(port, address):
    assert listening_loopback(port, TCP, TCP6) == address


@given(st.binary(), st.binary(), st.integers(0, 65535))
def test_any_table_can_be_read(tcp, tcp6, port):
    assert listening_loopback(port, tcp, tcp6) in (None, "127.0.0.1", "::1")


def test_the_rest_of_a_url_stays():
    url = "http://ann:pass@10.0.0.5/cam/?action=snapshot#x"
    assert moved(url, "127.0.0.1", 80) == "http://ann:pass@127.0.0.1:80/cam/?action=snapshot#x"
    assert moved("http://10.0.0.5", "::1", 81) == "http://[::1]:81"


def test_loopback():
    assert is_loopback("127.1.2.3")
    assert is_loopback("::1")
    assert not is_loopback("10.0.0.5")
    assert not is_loopback("localhost")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("/webcam/?action=snapshot", "http://127.0.0.1:8080/?action=snapshot"),
        ("webcam/snapshot", "http://127.0.0.1:8080/snapshot"),
        ("/webcam?action=stream", "http://127.0.0.1:8080/?action=stream"),
        ("/webcam", "http://127.0.0.1:8080/"),
        ("/far/x/y.jpg", "http://cam.lan/a/x/y.jpg"),
        ("/webcam2/?action=stream", "/webcam2/?action=stream"),
        ("/webcams/x", "/webcams/x"),
        ("http://webcam/x", "http://webcam/x"),
        ("", ""),
        ("/", "/"),
    ],
)
def test_a_path_that_mrk_passes_on_is_fetched_from_the_camera(url, address):
    cameras = {"webcam": "http://127.0.0.1:8080/", "far": "http://cam.lan/a/"}
    assert behind_proxy(cameras, url) == address
