"""What is taken out of texts that are given away, and what stays readable."""

import pytest

from config.secret import Hidden
from config.secret_options import holds_secret
from mrk.installation.redaction import Redaction


@pytest.fixture
def redaction() -> Redaction:
    return Redaction(
        Hidden(["known-secret"]).redact, holds_secret, ["anna", "pi", "admin"], ["printer-7"]
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a known-secret b", "a <hidden> b"),
        ("from 192.168.1.20:5000", "from <address-1>:5000"),
        ("192.168.1.0/24", "<address-1>/24"),
        ("10.1.2.3 10.1.2.4 10.1.2.3", "<address-1> <address-2> <address-1>"),
        ("fe80::1%eth0 and 2001:db8::7", "<address-1> and <address-2>"),
        ("[2001:db8::7]:7125", "[<address-1>]:7125"),
        ("127.0.0.1 ::1 0.0.0.0", "127.0.0.1 ::1 0.0.0.0"),
        ("12:34:56 1:2 v1.2.3 10.0.0.1.5", "12:34:56 1:2 v1.2.3 10.0.0.1.5"),
        ("dc:a6:32:01:02:03", "<mac-1>"),
        ("user anna logged in", "user <user-1> logged in"),
        ("/home/pi/printer_data", "/home/<user-1>/printer_data"),
        ("spindle admin Annabel", "spindle admin Annabel"),
        ("anna@example.org", "<mail-1>"),
        ("rtsp://me:pass@cam.example.org/x", "rtsp://<hidden>@<host-1>/x"),
        ("http://cam.lan/x http://cam.lan/y", "http://<host-1>/x http://<host-1>/y"),
        ("http://127.0.0.1/x http://localhost/", "http://127.0.0.1/x http://localhost/"),
        ("on printer-7", "on <host-1>"),
        ("X-Api-Key: abc", "X-Api-Key: <hidden>"),
        ("GET /x?token=abc&y=1", "GET /x?token=<hidden>&y=1"),
        ('{"password": "two words", "a": 1}', '{"password": <hidden>, "a": 1}'),
        ("Authorization: Bearer abc.def", "Authorization: <hidden>"),
        ("enable_api_key: True", "enable_api_key: True"),
        ("0123456789abcdef0123456789abcdef", "<hidden>"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "<hidden>"),
        ("commit 0123456789abcdef0123456789abcdef01234567", None),
    ],
)
def test_text(redaction, text, shown):
    assert redaction.text(text) == (text if shown is None else shown)


def test_options_that_hold_secrets(redaction):
    text = (
        "[mqtt]\naddress: broker.lan\npassword: two words\n  and more\nport: 1883\n"
        "[power lamp]\ntype: http\nuser: x\n#*# [pid]\n#*# kp = 1\n[notifier a]\nurl: tgram://x\n"
    )
    assert redaction.configuration(text) == (
        "[mqtt]\naddress: broker.lan\npassword: <hidden>\n  <hidden>\nport: 1883\n"
        "[power lamp]\ntype: http\nuser: <hidden>\n#*# [pid]\n#*# kp = 1\n[notifier a]\n"
        "url: <hidden>\n"
    )
    assert redaction.secrets_in(text) == ["two words", "and more", "x", "tgram://x"]


def test_toml(redaction):
    text = '[mqtt]\npassword = "two words"\naddress = "broker"\n'
    assert redaction.configuration(text) == '[mqtt]\npassword = <hidden>\naddress = "broker"\n'
    assert redaction.secrets_in(text) == ["two words"]


def test_hosts_of_options(redaction):
    text = "address: broker.lan\nhost: 0.0.0.0\nserver: http://x\n host: no\nname: other\n"
    assert redaction.hosts_in(text) == ["broker.lan"]
