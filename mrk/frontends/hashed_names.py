"""Names that hold a hash of their content, as build tools make them: such a file never changes.

Pure. Vite writes `index-DgP5iUTo.js` (8 of 64 characters), webpack `app.3f5a9c1b.js`. A name that
is wrongly taken for one would be old for a year, so words, dates and sizes of images are not.
"""

import re
from collections.abc import Sequence

_VITE = re.compile(r".-([A-Za-z0-9_-]{8})(?:\.[A-Za-z0-9]{1,8}){1,2}")
_WEBPACK = re.compile(r".\.([0-9a-f]{8,32})(?:\.[A-Za-z0-9]{1,8}){1,2}")
_SIZE = re.compile(r"[0-9]+x[0-9]+")
_WORD = re.compile(r"[A-Z]?[a-z_-]+|[A-Z_-]+")


def has_content_hash(parts: Sequence[str]) -> bool:
    """Whether a file's path names its content; never in the folder itself, as people put files."""
    if len(parts) < 2:
        return False
    stem = parts[-1]
    found = _tail(_VITE, stem) or _tail(_WEBPACK, stem)
    if not found or found.isdigit():
        return False
    return not _SIZE.fullmatch(found) and not _WORD.fullmatch(found)


def _tail(pattern: re.Pattern[str], name: str) -> str:
    """The hash right before the suffixes; empty for none."""
    # Names are bounded by what a file system takes; a search from the end would be no faster.
    found = None
    for match in pattern.finditer(name):
        found = match
    return found[1] if found is not None and found.end() == len(name) else ""
