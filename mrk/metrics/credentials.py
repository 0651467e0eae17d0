"""How a scraper says who it is: Prometheus before 2.55 sends no header but `Authorization`.

Pure.
"""

import msgspec

from mrk.http.head import RequestHead


def bearer_as_key(head: RequestHead) -> RequestHead:
    """The same request with an API key in the place of a bearer that is none of our tokens.

    Tokens end after an hour, keys when they are revoked. A token has two dots, a key has none.
    """
    scheme, _, bearer = (head.header("authorization") or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip() or "." in bearer:
        return head
    others = [(name, value) for name, value in head.headers if name != "authorization"]
    # First, so that it counts before any other key.
    return msgspec.structs.replace(head, headers=[("x-api-key", bearer.strip()), *others])
