"""GET /server/zeroconf/ssdp: the document to which SSDP's messages point."""

from collections.abc import Callable

from mrk.api.caller import Caller, Transport
from mrk.api.endpoint import Access, Endpoint, NoParams, get
from mrk.errors import ClientError
from mrk.http.response import Response


class ZeroconfEndpoints:
    """`document` makes it; None while nothing is announced over SSDP."""

    def __init__(self, document: Callable[[], bytes | None]) -> None:
        self._document = document

    def endpoints(self) -> list[Endpoint]:
        """Open to anybody, as a search is: it tells what the search was answered with."""
        described = get(
            "/server/zeroconf/ssdp",
            self.ssdp,
            "The UPnP description of this host, as XML.",
            Access.OPEN,
            transports=frozenset({Transport.HTTP}),
            rpc=None,
        )
        return [described]

    def ssdp(self, _params: NoParams, _caller: Caller) -> Response:
        """404 while SSDP is off."""
        document = self._document()
        if document is None:
            raise ClientError("SSDP is not enabled, or has not begun", 404)
        return Response(200, document, content_type="application/xml; charset=UTF-8")
