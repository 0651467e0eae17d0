"""What a person is told to install."""

import sys

import pytest

from mrk.extras import install_advice


def test_it_can_be_copied_into_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/home/pi/my env")
    assert install_advice("gpio") == "'/home/pi/my env/bin/pip' install \"mrk[gpio]\""
