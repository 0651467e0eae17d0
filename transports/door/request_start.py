"""What a request begins with: its head, and how the rest of it is framed.

Made by the connection for each request; who asks the same again and again (a poller on a connection
that stays) has it read once.
"""

import msgspec

from mrk.http.framing import Framing
from mrk.http.head import RequestHead

# What is kept beside an idle connection; a browser's head has some 600 bytes.
_MOST_KEPT_BYTES = 2048


class RequestStart(msgspec.Struct, frozen=True):
    """`raw` are the bytes of the head as they came; `may_have_token` is about access tokens."""

    head: RequestHead
    frame: Framing
    raw: bytes
    may_have_token: bool

    @property
    def may_come_again(self) -> bool:
        """Whether the same bytes are worth being known: nothing but the head, on a connection
        that goes on."""
        plain = not self.frame.has_body and self.frame.keep_alive and not self.frame.upgrade
        return plain and len(self.raw) <= _MOST_KEPT_BYTES
