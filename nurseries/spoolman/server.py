"""Spoolman over HTTP: reads a spool, reports use, forwards what clients ask.

Owns no task; each call opens a connection and closes it, because Spoolman closes idle ones after
5 s and a report that meets such an end has to be settled. Calls carry their own deadlines.
"""

import enum
import math

import msgspec
import trio

from mrk import foreign_json
from mrk.errors import MrkError, Transient
from mrk.foreign_json import NotJson
from mrk.http.client import Fetched, FetchFailed, HttpRequests, NotReached
from mrk.spool.proxied import Proxied, error_text
from mrk.spool.spool import SpoolState, decode_spool

READ_S = 10.0
# A server whose database is locked answers 500 after 60 s: to hear that is better than to guess.
USE_S = 70.0
FORWARD_S = 30.0
# A spool has some 1 KB; extra fields may add to it.
MOST_SPOOL_BYTES = 1024 * 1024
# The list of 10,000 spools.
MOST_FORWARDED_BYTES = 16 * 1024 * 1024
_JSON_BODY = {"Content-Type": "application/json"}


class SpoolmanAway(Transient):
    """Spoolman gave no answer that can be used."""


class SpoolMissing(MrkError):
    """Spoolman knows no spool of that id."""


class Used(enum.Enum):
    """What became of a report."""

    COUNTED = "counted"
    REFUSED = "refused"  # not counted
    MISSING = "missing"  # not counted, the spool is gone
    UNSURE = "unsure"


class SpoolmanServer:
    """`url` is the base, without a slash at the end and without `/api`."""

    def __init__(self, url: str, http: HttpRequests) -> None:
        self.url = url
        self._http = http
        self.last_refusal = ""

    @property
    def websocket_url(self) -> str:
        """Events about all spools."""
        return "ws" + self.url.removeprefix("http") + "/api/v1/spool"

    async def check(self) -> None:
        """Raises `SpoolmanAway` unless there is a Spoolman at this address."""
        answer = await self._ask("GET", "/v1/info", READ_S)
        # Outside its API Spoolman answers 200 with a page.
        if answer.status != 200 or not _is_json(answer):
            raise SpoolmanAway(
                f"there is no Spoolman at {self.url} (its /api/v1/info answers {answer.status}"
                f" {answer.headers.get('content-type', 'without a type')}); check the option server"
            )

    async def read_spool(self, spool_id: int) -> SpoolState:
        """Raises `SpoolMissing`, or `SpoolmanAway`."""
        answer = await self._ask("GET", f"/v1/spool/{spool_id}", READ_S)
        if _is_missing(answer):
            raise SpoolMissing
        if answer.status != 200 or not _is_json(answer) or not answer.whole:
            raise SpoolmanAway(f"spool {spool_id} cannot be read: {_said(answer)}")
        try:
            found = decode_spool(answer.body)
        except ValueError as exc:
            raise SpoolmanAway(f"spool {spool_id} cannot be read: {exc}") from exc
        if found.id != spool_id:
            raise SpoolmanAway(f"spool {spool_id} cannot be read: {found.id} was answered")
        return found

    async def use(self, spool_id: int, mm: float) -> Used:
        """Report net use. Never raises for what the server does."""
        assert 0 < mm < math.inf, mm
        body = msgspec.json.encode({"use_length": mm})
        url = f"{self.url}/api/v1/spool/{spool_id}/use"
        try:
            with trio.fail_after(USE_S):
                answer = await self._http.request(
                    "PUT",
                    url,
                    most_bytes=MOST_SPOOL_BYTES,
                    body=body,
                    headers=_JSON_BODY,
                    local=True,
                )
        except NotReached as exc:
            self.last_refusal = str(exc)
            return Used.REFUSED
        except (FetchFailed, trio.TooSlowError) as exc:
            self.last_refusal = str(exc) or f"no answer within {USE_S:g} s"
            return Used.UNSURE
        return self._judge(answer)

    def _judge(self, answer: Fetched) -> Used:
        self.last_refusal = _said(answer)
        if answer.status == 200 and _is_json(answer):
            return Used.COUNTED
        if _is_missing(answer):
            return Used.MISSING
        # A redirect is never followed by a use, and what is refused is not counted. Behind a 5xx
        # there may be a server that still works on it.
        return Used.REFUSED if 300 <= answer.status < 500 else Used.UNSURE

    async def forward(self, request: Proxied) -> Fetched:
        """Send a client's request. Raises `SpoolmanAway`."""
        return await self._ask(
            request.verb, request.target, FORWARD_S, request.body, MOST_FORWARDED_BYTES
        )

    async def _ask(
        self,
        verb: str,
        target: str,
        limit_s: float,
        body: bytes | None = None,
        most_bytes: int = MOST_SPOOL_BYTES,
    ) -> Fetched:
        try:
            with trio.fail_after(limit_s):
                return await self._http.request(
                    verb,
                    f"{self.url}/api{target}",
                    most_bytes=most_bytes,
                    body=body,
                    headers={} if body is None else _JSON_BODY,
                    local=True,
                )
        except trio.TooSlowError:
            raise SpoolmanAway(f"Spoolman did not answer within {limit_s:g} s") from None
        except FetchFailed as exc:
            raise SpoolmanAway(f"Spoolman cannot be reached: {exc}") from exc


def _is_json(answer: Fetched) -> bool:
    return answer.headers.get("content-type", "").partition(";")[0].strip() == "application/json"


def _is_missing(answer: Fetched) -> bool:
    """A missing record has a `message`; a missing route, such as a wrong address, a `detail`."""
    if answer.status != 404 or not _is_json(answer):
        return False
    try:
        return "message" in foreign_json.decode(answer.body, dict)
    except NotJson:
        return False


def _said(answer: Fetched) -> str:
    return f"{answer.status} {error_text(answer.body[:10_000], answer.status)}"
