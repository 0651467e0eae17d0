"""Which requests are for a front end, and who may have its files: everybody, without a log-in.

The door asks for what neither the API nor another streamed path has. What is not open either is a
request that a browser of a trusted client sends to a host name that is not ours. One instance per
generation.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial

from mrk.access.reasons import Reason
from mrk.errors import ClientError
from mrk.frontends.front_end import FrontEnd, FrontEnds, is_reserved
from mrk.http.exchange import Exchange, Transfer
from mrk.http.head import READING, RequestHead
from mrk.http.response import Headers, Response, error_response
from mrk.http.streamed_paths import DoorRules
from transports.frontends.static_files import StaticFiles

_HOST = re.compile(
    r"(\[[0-9A-Fa-f:.%]{2,60}\]|[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,126})\.?(?::[0-9]{1,5})?"
)


class ServedFrontEnds:
    """Implements `FallbackPaths`; `files` are those of each front end."""

    def __init__(
        self, front_ends: Sequence[FrontEnd], files: Mapping[str, StaticFiles], rules: DoorRules
    ) -> None:
        self._front_ends = FrontEnds(front_ends)
        self._files = files
        self._rules = rules

    def has(self, head: RequestHead, path: str) -> bool:
        """Whether a path is one of a front end; `path` is behind the route prefix."""
        return self._find(head, path) is not None

    def begin(self, head: RequestHead, path: str) -> Transfer | None:
        """Who serves the request, None when it is for no front end."""
        front_end = self._find(head, path)
        if front_end is None or head.method not in READING:
            return None
        return partial(self._serve, front_end)

    def _find(self, head: RequestHead, path: str) -> FrontEnd | None:
        if not head.target.startswith("/") or is_reserved(path):
            return None
        return self._front_ends.find(head.path, head.port)

    async def _serve(self, front_end: FrontEnd, exchange: Exchange) -> None:
        head = exchange.head
        cors = self._rules.cors.headers(head.header("origin"))
        try:
            self._check(head)
            moved = self._moved(head, front_end)
            if moved is not None:
                await exchange.answer(moved.with_headers(cors))
                return
            await self._send(exchange, front_end, cors)
        except ClientError as exc:
            await exchange.answer(error_response(exc).with_headers(cors))

    def _check(self, head: RequestHead) -> None:
        decision = self._rules.authorizer.decide(head, changing=False)
        if decision.reason is Reason.FOREIGN_HOST:
            error = decision.refusal()
            self._rules.authorizer.refused(head.address, error)
            raise error

    def _moved(self, head: RequestHead, front_end: FrontEnd) -> Response | None:
        """To HTTPS where that is wanted and served, and from a bare prefix to its folder."""
        port = front_end.secure_port
        if port is not None and not head.secure and self._rules.serves_https(port):
            host = _HOST.fullmatch((head.header("host") or "").strip())
            if host is None:
                raise ClientError("The request names no host that it could be redirected to")
            where = host[1] if port == 443 else f"{host[1]}:{port}"
            return _redirect(f"https://{where}{head.target}")
        path, question, query = head.target.partition("?")
        if front_end.prefix and head.path == front_end.prefix:
            return _redirect(f"{path}/{question}{query}")
        return None

    async def _send(self, exchange: Exchange, front_end: FrontEnd, cors: Headers) -> None:
        head, files = exchange.head, self._files[front_end.name]
        text = head.exact_path[len(front_end.prefix) :]
        kept = files.kept(head, text)
        if kept is not None:
            await self._rules.files.send_open(exchange, kept, cors)
        else:
            await self._rules.files.send(exchange, partial(files.prepare, head, text), cors)


def _redirect(where: str) -> Response:
    # Not for ever: the option may be taken back.
    headers: Headers = (("Location", where), ("Cache-Control", "no-store"))
    return Response(307, content_type="", headers=headers)
