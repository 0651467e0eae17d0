"""Digests of content (RFC 9530): what a client wants, what it sent, and how we tell it.

Pure. SHA-256 alone: it is computed of every upload anyway.
"""

import base64
import binascii
import re

from mrk.errors import ClientError
from mrk.http.head import RequestHead
from mrk.http.response import Headers

ALGORITHM = "sha-256"
# A wish: a dictionary of RFC 8941, algorithm=preference (0: not wanted).
_WISH = r"\s*sha-256=([0-9]|10)\s*(?:;.*)?"
_MEMBER = r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):\s*"
_BYTES = 32


def is_wanted(head: RequestHead) -> bool:
    """Whether the client asks for `Repr-Digest`; what is no such wish is none."""
    wanted = False
    for value in head.header_values("want-repr-digest"):
        for member in value.split(","):
            found = re.fullmatch(_WISH, member)
            if found is not None:  # of several the last counts (RFC 8941, section 4.2.2)
                wanted = found[1] != "0"
    return wanted


def digest_headers(digest: str, cors: Headers) -> Headers:
    """`Repr-Digest` of a SHA-256 in hexadecimal; another site's page may read it, if any."""
    value = f"{ALGORITHM}=:{base64.b64encode(bytes.fromhex(digest)).decode()}:"
    shown: Headers = (("Access-Control-Expose-Headers", "Repr-Digest"),) if cors else ()
    return (("Repr-Digest", value), *shown)


def sent_digest(head: RequestHead, name: str) -> str | None:
    """The SHA-256 in hexadecimal that the client says its content has; None when it says nothing.

    `name` is the header's, in lower case. Raises `ClientError` 400 for what cannot be checked.
    """
    values = head.header_values(name)
    if not values:
        return None
    found: set[str] = set()
    for member in ",".join(values).split(","):
        parsed = re.fullmatch(_MEMBER, member)
        if parsed is None:
            raise _unreadable(name, member)
        if parsed[1] == ALGORITHM:
            found.add(_hexadecimal(name, member, parsed[2]))
    if len(found) != 1:
        reason = "two of them" if found else "none of them"
        raise ClientError(f"{name}: {reason}; expected one {ALGORITHM} digest")
    return found.pop()


def _hexadecimal(name: str, member: str, text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _unreadable(name, member) from None
    if len(digest) != _BYTES:
        raise _unreadable(name, member)
    return digest.hex()


def _unreadable(name: str, member: str) -> ClientError:
    shown = member.strip()[:80]
    return ClientError(f"{name}: {shown!r} is no digest; expected {ALGORITHM}=:<base64>:")
