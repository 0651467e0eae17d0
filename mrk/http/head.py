"""The head of one HTTP request, as every transport that starts with HTTP sees it."""

import functools
from collections.abc import Sequence
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from mrk.http.urlencoded import fields

# Characters of a query; longer ones are read each time.
_REMEMBERED = 512
# Methods that change nothing.
READING = ("GET", "HEAD")


class RequestHead(msgspec.Struct, frozen=True):
    """Method, target and headers; header names are lower-case, values decoded as Latin-1.

    `peer` is the other end of the TCP connection, `address` the client as the trusted-proxy
    rule sees it (equal to `peer` without a proxy), `secure` whether it came by TLS.
    `untrusted_proxy`: `address` passed on what somebody else asks, and is no trusted proxy.
    `port` is ours that the connection came in on, 0 where nobody knows.
    """

    method: str
    target: str
    http_version: str
    headers: Sequence[tuple[str, str]]
    peer: str
    address: str
    secure: bool = False
    untrusted_proxy: bool = False
    port: int = 0

    def header(self, name: str) -> str | None:
        """The first value of a header (lower-case name), None when absent."""
        # A loop: a generator costs 0.3 us more, and every request asks a few times.
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def header_values(self, name: str) -> list[str]:
        """All values of a header in order."""
        return [value for key, value in self.headers if key == name]

    @property
    def path(self) -> str:
        """The decoded path, route prefix included."""
        return unquote(self.target.partition("?")[0])

    @property
    def exact_path(self) -> str:
        """The same for names of files: what is no UTF-8 can be seen, to be refused."""
        raw = unquote_to_bytes(self.target.partition("?")[0].encode("latin-1"))
        return raw.decode("utf-8", "surrogateescape")

    @property
    def query(self) -> Sequence[tuple[str, str]]:
        """The query's pairs in order; a key without value has an empty one.

        Raises `NotFields` for more than 1000.
        """
        raw = self.target.partition("?")[2]
        if not raw:
            return ()
        asks_again = self.method == "GET" and len(raw) <= _REMEMBERED and "token=" not in raw
        return _remembered_pairs(raw) if asks_again else _pairs(raw)


def _pairs(raw: str) -> Sequence[tuple[str, str]]:
    return tuple(fields(raw.encode("latin-1")))


# What pollers ask again and again. Tokens are not kept, nor what is posted, such as a password.
_remembered_pairs = functools.lru_cache(maxsize=32)(_pairs)
