"""What pip reports, and which version is newer."""

import json

import pytest

from mrk.updates.python_package import is_newer, reported_version


def report(*found: tuple[str, str]) -> str:
    install = [{"metadata": {"name": name, "version": version}} for name, version in found]
    return json.dumps({"version": "1", "install": install})


def test_the_version_that_pip_would_install() -> None:
    text = report(("httpx", "0.28.1"), ("Klipper.Estimator", "3.7"))
    assert reported_version(text, "klipper-estimator") == "3.7"
    assert reported_version(f"Looking in indexes\n{text}", "httpx") == "0.28.1"
    assert reported_version(report(("", "1.2")), "httpx") == "1.2"
    assert reported_version(text, "other") is None
    assert reported_version(report(), "httpx") is None
    for unreadable in ("", "ERROR: no such option", "{", "[]"):
        with pytest.raises(ValueError, match="cannot be read"):
            reported_version(unreadable, "httpx")


@pytest.mark.parametrize(
    ("version", "installed", "newer"),
    [
        ("1.1", "1.0", True),
        ("1.0", "1.0.0", False),
        ("1.0", "1.1", False),
        ("1.0", "1.0rc1", True),
        ("what", "1.0", False),
        ("1.0", "?", False),
    ],
)
def test_what_is_newer(version: str, installed: str, newer: bool) -> None:
    assert is_newer(version, installed) is newer
