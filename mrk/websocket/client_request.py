"""What a client's handshake asks for, as it goes over the wire: in ASCII. Pure."""

from urllib.parse import SplitResult

from mrk.http.request_target import request_target


def host_and_resource(address: SplitResult) -> tuple[str, str]:
    """The `Host` header and the resource of an address; raises `UnicodeError` for no host."""
    netloc = address.netloc
    host = netloc if netloc.isascii() else netloc.encode("idna").decode("ascii")
    return host, request_target(address)
