"""What a client's handshake asks for, as it goes over the wire: in ASCII. Pure."""

from urllib.parse import SplitResult, quote

# What stands in a path and a query as it is; the rest is percent-encoded.
_KEPT = "%/:?[]@!$&'()*+,;=~-._"


def host_and_resource(address: SplitResult) -> tuple[str, str]:
    """The `Host` header and the resource of an address; raises `UnicodeError` for no host."""
    netloc = address.netloc
    host = netloc if netloc.isascii() else netloc.encode("idna").decode("ascii")
    query = f"?{address.query}" if address.query else ""
    return host, quote(f"{address.path or '/'}{query}", safe=_KEPT)
