"""Which other origins may use the API (CORS), for HTTP answers and for websocket handshakes.

Pure rules over `cors_domains`; the same object decides about both kinds of request.
"""

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from mrk.http.head import RequestHead
from mrk.http.response import Headers

_PREFLIGHT: Headers = (
    ("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        "Origin, Accept, Content-Type, X-Requested-With, X-CRSF-Token, Authorization, "
        "X-Access-Token, X-Api-Key, Last-Event-ID, Want-Repr-Digest, Repr-Digest, Content-Digest",
    ),
)
# The bound keeps hostile origins from making a pattern with many `*` expensive.
_PRINTABLE = r"[\x21-\x7e]{1,2000}"


class CorsRules:
    """An origin has to match one of `domains` in full; `trusted` says so of IP addresses.

    The second rule, a trusted address as the origin's host, holds only with some pattern.
    """

    def __init__(self, domains: Iterable[re.Pattern[str]], trusted: Callable[[str], bool]) -> None:
        self._domains = tuple(domains)
        self._trusted = trusted

    def allows(self, origin: str) -> bool:
        """Whether pages of `origin` (`http://host:port`) may talk to us."""
        if not self._domains or not re.fullmatch(_PRINTABLE, origin):
            return False
        matched = any(domain.fullmatch(origin) for domain in self._domains)
        return matched or self._is_trusted_address(origin)

    def _is_trusted_address(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
            host = parts.hostname
        except ValueError:
            return False
        # `trusted` says no to whatever is not an IP address.
        return parts.scheme in ("http", "https") and host is not None and self._trusted(host)

    def headers(self, origin: str | None) -> Headers:
        """What every answer to that origin carries, errors included; empty when not allowed."""
        if origin is None or not self.allows(origin):
            return ()
        return (("Access-Control-Allow-Origin", origin), ("Vary", "Origin"))

    def preflight(self, head: RequestHead) -> Headers:
        """The headers of a 204 to OPTIONS; empty when the origin is not allowed."""
        headers = self.headers(head.header("origin"))
        if not headers:
            return ()
        private = head.header("access-control-request-private-network") is not None
        asked: Headers = (("Access-Control-Allow-Private-Network", "true"),) if private else ()
        return (*headers, *_PREFLIGHT, *asked)
