"""Secrets do not show."""

import pytest

from config.secret import Hidden, Secret
from config.secret_options import holds_secret


def test_a_secret_shows_only_when_revealed():
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    assert f"{secret} {secret!r} {[secret]}" == "<hidden> <hidden> [<hidden>]"
    assert bool(secret)
    assert not Secret("")


def test_known_texts_are_taken_out_of_lines():
    hidden = Hidden(["hunter2", "hunter2-longer", "short", "first line\n  second"])
    told = hidden.redact("a hunter2-longer b hunter2 c short d second e first line")
    assert told == "a <hidden> b <hidden> c short d <hidden> e <hidden>"
    assert "hunter2" not in repr(hidden)
    assert hidden.redact("GET http://me:pw@host/x") == "GET http://<hidden>@host/x"
    hidden.add("another (one)*")
    assert hidden.redact("x another (one)* y") == "x <hidden> y"
    assert Hidden().redact("as it is") == "as it is"


@pytest.mark.parametrize(
    ("section", "option", "secret"),
    [
        ("mqtt", "username", True),
        ("mqtt", "password", True),
        ("mqtt", "password_file", False),
        ("power lamp", "on_url", True),
        ("notifier x", "url", True),
        ("webcam x", "stream_url", False),
        ("server", "paswword", False),
        ("server", "wifi_password", True),
        ("authorization", "enable_api_key", False),
        ("secrets", "secrets_path", False),
        ("anything", "access_token", True),
        ("anything", "apikey", True),
    ],
)
def test_options_that_hold_secrets(section, option, secret):
    assert holds_secret(section, option) is secret
