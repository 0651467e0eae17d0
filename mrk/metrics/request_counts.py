"""How many requests were answered, by the way they came and the status they got.

Counted where an answer is written: 0.05 us each. One instance per generation. Statuses are those of
HTTP (404 for an unknown method); a message that is no call has JSON-RPC's code.
"""

from mrk.api.caller import Transport


class Tally(dict[int, int]):
    """Status -> answers with it: `tally[200] += 1`."""

    __slots__ = ()

    def __missing__(self, _status: int) -> int:
        return 0


class RequestCounts:
    """`http` counts every answer of the TCP door, the others in `rpc` every reply of JSON-RPC.

    A POST to `/server/jsonrpc` counts once as `http`, and each call in it as `http_rpc`.
    Notifications of clients are not answered, and so not counted.
    """

    __slots__ = ("http", "rpc")

    def __init__(self) -> None:
        self.rpc = {transport: Tally() for transport in Transport}
        self.http = self.rpc[Transport.HTTP]
