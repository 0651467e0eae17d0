"""Where a repository's old address leads to, over HTTP."""

from urllib.parse import urljoin

import trio

from mrk.http.client import FetchFailed, HttpRequests
from mrk.updates.git_output import same_url

_ASK_S = 10.0
_MOST_HOPS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


async def leads_to(http: HttpRequests, old: str, new: str) -> bool:
    """Whether `old` redirects to `new`; False when it cannot be asked."""
    if not old.startswith(("http://", "https://")):
        return False
    url = old
    with trio.move_on_after(_ASK_S):
        for _ in range(_MOST_HOPS):
            try:
                answer = await http.request("GET", url, most_bytes=0)
            except FetchFailed:
                return False
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return False
            url = urljoin(url, location)
            if same_url(url, new):
                return True
    return False
