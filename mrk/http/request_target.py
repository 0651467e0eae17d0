"""The target of an outgoing request, in ASCII. Pure."""

from urllib.parse import SplitResult, quote

# What stands in a path and a query as it is; the rest is percent-encoded.
_KEPT = "%/:?[]@!$&'()*+,;=~-._"


def request_target(address: SplitResult) -> str:
    """Path and query of an address as they go over the wire."""
    query = f"?{address.query}" if address.query else ""
    return quote(f"{address.path or '/'}{query}", safe=_KEPT)
