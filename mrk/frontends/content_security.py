"""The Content-Security-Policy of front ends: what Mainsail and Fluidd need, and no more.

Pure. Scripts come from the front end's own folder; those written into its page are named by their
hash, so that nothing that a file name, a message or a macro brings into the page runs. Pictures,
films and connections may go anywhere: cameras and other printers have addresses of their own, and
themes take styles and fonts from them and from the Internet.
"""

import base64
import re
from collections.abc import Iterator, Sequence

from mrk.short_digests import sha256

# A page is small; what lies behind that is not looked at, and its scripts do not run.
PAGE_BYTES = 256 * 1024
_MOST_SCRIPTS = 20
_SOURCE = re.compile(rb"\ssrc\s*=")


def inline_hashes(page: bytes) -> tuple[str, ...]:
    """CSP sources of the scripts that are written into a page."""
    found: list[str] = []
    for text in _inline_scripts(page[:PAGE_BYTES]):
        # Browsers hash what they parsed: line ends are one character there.
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        digest = base64.b64encode(sha256(text).digest()).decode()
        found.append(f"'sha256-{digest}'")
        if len(found) == _MOST_SCRIPTS:
            break
    return tuple(found)


def _inline_scripts(page: bytes) -> Iterator[bytes]:
    # Found piece by piece: a pattern over all of it takes quadratic time where no end follows.
    lower = page.lower()
    at = 0
    while (tag := lower.find(b"<script", at)) >= 0:
        begin = lower.find(b">", tag) + 1
        end = lower.find(b"</script", begin)
        if begin == 0 or end < 0:
            return
        if not _SOURCE.search(lower[tag:begin]):
            yield page[begin:end]
        at = end + 1


def content_security_policy(scripts: Sequence[str], frame_ancestors: Sequence[str] = ()) -> str:
    """The header's value; `scripts` are further sources of scripts."""
    return "; ".join(
        (
            "default-src 'self'",
            # Mainsail's scroll bars and Fluidd's diagnostics evaluate texts of their own; editors
            # highlight by a regular expression engine in WebAssembly, which this allows, too.
            " ".join(("script-src 'self' 'unsafe-eval'", *scripts)),
            "worker-src 'self' blob:",
            "style-src * 'unsafe-inline'",
            "img-src * data: blob:",
            "media-src * data: blob:",
            "font-src * data:",
            "connect-src * data: blob:",
            "frame-src *",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            " ".join(("frame-ancestors 'self'", *frame_ancestors)),
        )
    )
