"""What the browser lets our page do, and nothing else: its Content-Security-Policy.

Pure. Style and scripts are named by a number that is used once, so nothing that a file name, a
macro or a console line brings into the page can run; `unsafe-inline` is not needed.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

MOST_ORIGINS = 20
_ORIGIN = r"https?://(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"


def content_security_policy(nonce: str, camera_origins: Iterable[str] = ()) -> str:
    """The header's value. Pictures may also come from cameras, and from nowhere else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            " ".join(("img-src 'self' data: blob:", *camera_origins)),
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def origins(urls: Iterable[str]) -> tuple[str, ...]:
    """The origins of those addresses that name one; at most 20, each once."""
    found: dict[str, None] = {}
    for url in urls:
        try:
            parts = urlsplit(url)
        except ValueError:
            continue
        origin = f"{parts.scheme}://{parts.netloc}"
        if re.fullmatch(_ORIGIN, origin) and len(found) < MOST_ORIGINS:
            found[origin] = None
    return tuple(found)
