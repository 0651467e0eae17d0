"""Whose page sends a request: marks that browsers set and pages cannot forge."""

from collections.abc import Callable
from urllib.parse import urlsplit

from mrk.access.hosts import host_name

_DEFAULT_PORTS = {"http": ":80", "https": ":443", "ws": ":80", "wss": ":443"}


def same_origin(origin: str | None, host: str) -> bool:
    """Whether a page came from this very host and port, or no page sent the request."""
    if origin is None:
        return True
    scheme, netloc = _split(origin)
    port = _DEFAULT_PORTS.get(scheme, "")
    own = host.strip().lower()
    return bool(netloc) and netloc.removesuffix(port) == own.removesuffix(port)


def cross_site(
    origin: str | None, fetch_site: str, host: str, allows_origin: Callable[[str], bool]
) -> bool:
    """Whether another site's page sends a request; other ports of our host are no other site.

    `fetch_site` is `Sec-Fetch-Site`, which browsers send over TLS and to localhost.
    """
    if origin is None:
        return fetch_site == "cross-site"
    netloc = _split(origin)[1]
    same_host = netloc != "" and host_name(netloc) == host_name(host)
    return not same_host and not allows_origin(origin)


def cross_site_get(
    fetch_site: str, referer: str, browser: str, host: str, allows_origin: Callable[[str], bool]
) -> bool:
    """The same for a GET without `Origin`, as images, links and frames send it.

    Then only `Referer` tells whose page it was, and a page can keep it back: a `browser` (the
    `User-Agent`) that does not name ours may be led by anybody's.
    """
    if fetch_site in ("same-origin", "none", "cross-site"):
        return fetch_site == "cross-site"
    if not referer:
        return fetch_site != "" or browser.startswith("Mozilla/")
    scheme, netloc = _split(referer)
    return cross_site(f"{scheme}://{netloc}", "", host, allows_origin)


def _split(origin: str) -> tuple[str, str]:
    """Scheme and host with port; both empty for `null` and for what is no origin."""
    try:
        parts = urlsplit(origin.strip())
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()
