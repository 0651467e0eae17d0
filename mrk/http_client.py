"""What subsystems see of the client for outgoing HTTP.

`nurseries/http_client.py` stands behind it; tests put a fake in its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from mrk.errors import Transient

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class FetchFailed(Transient):
    """No HTTP answer was had: name, network, certificate, protocol, or a URL that is none."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; names of `headers` are in lower case.

    `body` holds at most the bytes that were wanted, and `whole` says whether that was all.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


class HttpGet(Protocol):
    """Fetches; the caller puts a deadline round it."""

    async def get(
        self,
        url: str,
        *,
        most_bytes: int,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
    ) -> Fetched:
        """GET an http or https URL, following a few redirects to such.

        `local` is for devices on the user's own network: no proxy, any certificate. Raises
        `FetchFailed`.
        """
