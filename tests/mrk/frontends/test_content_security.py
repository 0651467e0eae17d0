"""Scripts within a page are named by their hash; the policy lets nothing else run."""

import base64
import hashlib

from mrk.frontends.content_security import PAGE_BYTES, content_security_policy, inline_hashes


def source(text: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"


def test_scripts_of_a_page() -> None:
    page = (
        b"<script>one()</script><SCRIPT type=module>\r\ntwo()\r\n</SCRIPT >"
        b'<script src="/a.js"></script><script data-src="x">three()</script>'
    )
    assert inline_hashes(page) == (source(b"one()"), source(b"\ntwo()\n"), source(b"three()"))


def test_it_is_bounded() -> None:
    assert len(inline_hashes(b"<script>1</script>" * 100)) == 20
    assert inline_hashes(b" " * PAGE_BYTES + b"<script>1</script>") == ()
    assert inline_hashes(b"<script>" * 30_000) == ()


def test_policy() -> None:
    policy = content_security_policy(["'sha256-x'"], ["https://ha.lan"])
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["script-src"] == "'self' 'unsafe-eval' 'sha256-x'"
    assert rules["style-src"] == "* 'unsafe-inline'"
    assert rules["font-src"] == "* data:"
    assert rules["frame-ancestors"] == "'self' https://ha.lan"
    assert rules["object-src"] == "'none'"
    assert rules["base-uri"] == "'self'"
    assert "unsafe-inline" not in rules["script-src"]
