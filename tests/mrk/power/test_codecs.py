"""Kasa frames, digest log-ins, radio codes, uhubctl's output, lines of drivers."""

import pytest

from mrk.power.digest import Digest, NoDigest
from mrk.power.driver_lines import LINE_BYTES, Answered, BadDriverLine, LineReader, Told, ask, read
from mrk.power.klipper_object import KlipperObject
from mrk.power.mqtt_payload import read_payload
from mrk.power.rf_code import PULSE_S, pulses
from mrk.power.states import DriverFailed, PowerState
from mrk.power.tplink import (
    BODY_BYTES,
    FORGET_TIMERS,
    STATUS,
    Plug,
    body_size,
    check,
    decode,
    encode,
)
from mrk.power.uhubctl import arguments, read_state

ON, OFF, ERROR = PowerState.ON, PowerState.OFF, PowerState.ERROR

# Kasa


def test_the_frame_that_plugs_know():
    wire = bytes.fromhex("0000001dd0f281f88bff9af7d5ef94b6d1b4c09fec95e68fe187e8caf08bf68bf6")
    assert encode(STATUS) == wire
    assert body_size(wire[:4]) == 29
    assert decode(wire[4:]) == STATUS


def test_frames_that_are_none():
    assert [body_size(size.to_bytes(4, "big")) for size in (1, BODY_BYTES)] == [1, BODY_BYTES]
    for size in (0, BODY_BYTES + 1, 0x48545450):
        with pytest.raises(DriverFailed, match="not a Kasa frame"):
            body_size(size.to_bytes(4, "big"))
    with pytest.raises(DriverFailed, match="not JSON"):
        decode(b"HTTP/1.1 200 OK")


SINGLE = {"system": {"get_sysinfo": {"relay_state": 1}}}
STRIP = {"system": {"get_sysinfo": {"children": [{"id": "00", "state": 0}, {"id": "AB01", "state": 1}]}}}  # fmt: skip  # noqa: E501


def test_a_plug_and_a_strip():
    assert Plug().state(SINGLE) is ON
    assert [Plug(n).state(STRIP) for n in (0, 1)] == [OFF, ON]
    assert Plug().context(SINGLE) == {}
    context = Plug(1).context(STRIP)
    assert context == {"context": {"child_ids": ["AB01"]}}
    assert Plug(1).switch(True, context) == {
        "system": {"set_relay_state": {"state": 1}},
        "context": {"child_ids": ["AB01"]},
    }
    rule = {"enable": 1, "delay": 5, "act": 0, "name": "turn off"}
    assert Plug().countdown(5, {}) == {"count_down": {"add_rule": rule}}
    # Without the socket's id all of the strip would go off.
    assert Plug(1).countdown(5, context) == {"count_down": {"add_rule": rule}, **context}
    assert FORGET_TIMERS == {"count_down": {"delete_all_rules": None}}
    with pytest.raises(DriverFailed, match="no children"):
        Plug(5).state(SINGLE)


def test_a_plug_that_refuses():
    check({"system": {"set_relay_state": {"err_code": 0}}}, "system", "set_relay_state")
    refused = {"system": {"set_relay_state": {"err_code": -3, "err_msg": "invalid"}}}
    with pytest.raises(DriverFailed, match="code -3 invalid"):
        check(refused, "system", "set_relay_state")


# Digest: the example of RFC 7616, 3.9.1


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ],
)
def test_the_example_of_the_rfc(algorithm, response):
    digest = Digest("Mufasa", "Circle of Life", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    assert digest.header("GET", "/dir/index.html") == {}
    digest.challenged(
        'Digest realm="http-auth@example.org", qop="auth, auth-int",'
        f' algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",'
        ' opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    header = digest.header("GET", "/dir/index.html")["Authorization"]
    assert f'response="{response}"' in header
    assert "nc=00000001" in header
    assert 'opaque="FQhe' in header
    assert "nc=00000002" in digest.header("GET", "/")["Authorization"]


def test_a_new_nonce_is_counted_anew():
    """As Shelly's second generation says it, which has nothing opaque."""
    digest = Digest("admin", "pw", "c")
    challenge = 'Digest qop="auth", realm="shellyplus1-a8", nonce="{}", algorithm=SHA-256'
    digest.challenged(challenge.format("1767225600"))
    for count in ("00000001", "00000002"):
        header = digest.header("GET", "/rpc/Shelly.GetStatus")["Authorization"]
        assert f"nc={count}" in header
        assert "opaque" not in header
    digest.challenged(" " + challenge.format("1767225660").replace("Digest", "DIGEST"))
    header = digest.header("GET", "/")["Authorization"]
    assert 'nonce="1767225660"' in header
    assert "nc=00000001" in header


def test_names_in_a_challenge_have_no_case():
    digest, same = Digest("a", "b", "c"), Digest("a", "b", "c")
    digest.challenged('digest Realm="x", NONCE="1", Algorithm=sha-256, Qop=" auth-int , auth"')
    same.challenged('Digest realm="x", nonce="1", algorithm=SHA-256')
    (one, other) = (one.header("GET", "/")["Authorization"] for one in (digest, same))
    assert one.replace("sha-256", "SHA-256") == other


@pytest.mark.parametrize(
    "header",
    [
        "Basic realm=x",
        "Basic realm=x, nonce=1, qop=auth",
        "Digest algorithm=SHA-512, nonce=1",
        "Digest qop=auth",
        "Digest nonce=1, qop=auth-int",
        "",
    ],
)
def test_challenges_that_cannot_be_met(header):
    with pytest.raises(NoDigest):
        Digest("a", "b", "c").challenged(header)


# Radio


def test_a_code_is_sent_ten_times():
    levels = pulses("01")
    once = [(True, 1), (False, 3), (True, 3), (False, 1), (True, 1), (False, 31)]
    assert levels == [(high, count * PULSE_S) for high, count in once] * 10


# uhubctl

OUTPUT = """Sent power off request
New status for hub 1-1 [2109:3431 USB2.0 Hub, USB 2.10, 4 ports, ppps]
  Port 1: 0100 power
  Port 2: 0000 off
New status for hub 1-10 [x]
  Port 2: 0503 power highspeed enable connect [0781:5567]
"""


def test_uhubctl():
    assert arguments("1-1", 2, "off") == ["-l", "1-1", "-p", "2", "-a", "off"]
    assert arguments("1-1", None) == ["-l", "1-1"]
    assert read_state(OUTPUT, "1-1", 2, switched=True) is OFF
    assert read_state(OUTPUT, "1-1", None, switched=True) is ON
    assert read_state(OUTPUT, "1-10", 2, switched=True) is ON
    for location, port, switched in (("1-1", 9, True), ("1-1", 2, False), ("2", 1, True)):
        with pytest.raises(DriverFailed, match=f"nothing of hub {location}"):
            read_state(OUTPUT, location, port, switched=switched)


# Lines


def test_lines():
    assert ask() == b'{"op":"status"}\n'
    assert ask(OFF) == b'{"op":"switch","to":"off"}\n'
    assert read(b'{"state": "on"}') == Answered(ON)
    assert read(b'{"error": "no such plug"}') == Answered(ERROR, "no such plug")
    assert read(b'{"event": "state", "state": "off"}') == Told(OFF)


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"hello", b'{"state": 1}', b'{"event": "x"}', b'{"state": null}', b"\xff"]
)
def test_lines_that_are_none(line):
    with pytest.raises(BadDriverLine):
        read(line)


def test_lines_are_cut_wherever_they_break():
    text = b'{"state": "on"}\n\n{"state": "off"}\n'
    for cut in range(len(text)):
        reader = LineReader()
        assert reader.feed(text[:cut]) + reader.feed(text[cut:]) == text.split(b"\n")[::2][:2]


def test_a_line_without_end():
    reader = LineReader()
    assert reader.feed(b"x" * LINE_BYTES) == []
    with pytest.raises(BadDriverLine, match="more than"):
        reader.feed(b"x")
    assert LineReader().feed(b"x" * LINE_BYTES + b"\n \n") == [b"x" * LINE_BYTES]
    with pytest.raises(BadDriverLine, match="more than"):
        LineReader().feed(b"x" * (LINE_BYTES + 1) + b"\n")


# MQTT, Klipper


def test_payloads():
    assert [read_payload(text) for text in (" ON", "off", "Discard", "2")] == [ON, OFF, None, ERROR]


def test_printer_objects():
    pin = KlipperObject("output_pin light", False, "light")
    assert pin.script(True) == "SET_PIN PIN=light VALUE=1"
    assert KlipperObject("gcode_macro M", True, "M").script(False) == "M VALUE=0"
    assert [pin.state_of(one) for one in ({"value": 0.0}, {"value": 0.5}, {}, None)] == [
        OFF, ON, None, None,
    ]  # fmt: skip
