import pytest

from mrk.web.content_security import MOST_ORIGINS, content_security_policy, origins


def test_nothing_runs_without_the_nonce() -> None:
    policy = content_security_policy("abc", ("http://cam:8080",))
    assert "unsafe" not in policy
    assert "script-src 'nonce-abc'" in policy
    assert "default-src 'none'" in policy
    assert "img-src 'self' data: blob: http://cam:8080;" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://192.168.1.9:8080/?action=stream", "http://192.168.1.9:8080"),
        ("https://cam.lan/x", "https://cam.lan"),
        ("http://[fd00::2]:81/a", "http://[fd00::2]:81"),
        ("/webcam/?action=stream", None),
        ("rtsp://cam/x", None),
        ("http://user:secret@cam/x", None),
        ("http://a;script-src%20*/x", None),
        ("http://a b/x", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_origins(url: str, origin: str | None) -> None:
    assert origins([url]) == (() if origin is None else (origin,))


def test_origins_are_bounded_and_told_once() -> None:
    assert origins(["http://a/1", "http://a/2"]) == ("http://a",)
    assert len(origins(f"http://h{number}/" for number in range(100))) == MOST_ORIGINS
