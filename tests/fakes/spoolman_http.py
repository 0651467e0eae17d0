"""Spoolman without sockets (`HttpRequests`), with faults; time is Trio's."""

import enum
from collections import deque
from collections.abc import Mapping

import trio

from mrk.http.client import NO_HEADERS, Fetched, FetchFailed, NotReached
from tests.fakes.spoolman_rules import PAGE, SpoolmanRules

URL = "http://spoolman.example:7912"


class Fault(enum.Enum):
    """What happens to one use."""

    NONE = "none"
    LOST_BEFORE = "lost before it was counted"
    LOST_AFTER = "lost after it was counted"
    HUNG_AFTER = "counted, and never answered"
    HUNG_BEFORE = "never answered, never counted"
    COUNTED_LATE = "the answer is lost, and it is counted seconds later"
    BROKEN = "500, not counted"
    GATEWAY = "502 of a proxy, counted"
    PAGE = "200 with HTML, not counted"
    REDIRECT = "307"
    REFUSED = "422"


class SpoolmanHttp:
    """`faults` are those of the next uses; while `away`, nothing can be reached."""

    LATE_S = 30.0

    def __init__(self, nursery: trio.Nursery, rules: SpoolmanRules | None = None) -> None:
        self.rules = rules or SpoolmanRules()
        self.rules.now = lambda: f"t{int(trio.current_time())}"
        self.faults: deque[Fault] = deque()
        self.away = False
        self.hanging = False
        self.gone = False  # for a reporter whose process was killed
        self.asked: list[tuple[str, str]] = []
        self._nursery = nursery

    async def get(
        self,
        url: str,
        *,
        most_bytes: int,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
    ) -> Fetched:
        return await self.request("GET", url, most_bytes=most_bytes, headers=headers)

    async def request(
        self,
        verb: str,
        url: str,
        *,
        most_bytes: int,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
        redirects: bool = False,
    ) -> Fetched:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise NotReached("ConnectError: no route")
        if self.hanging:
            await trio.sleep_forever()
        target = url.removeprefix(URL)
        self.asked.append((verb, target))
        content_type = headers.get("Content-Type", "")
        if verb == "PUT" and target.endswith("/use") and self.faults:
            fetched = await self._faulty(self.faults.popleft(), target, body or b"", content_type)
            if fetched is not None:
                return fetched
        answer = self.rules.answer(verb, target, body or b"", content_type)
        await trio.lowlevel.checkpoint()
        return _fetched(answer.status, answer.content_type, answer.body[:most_bytes])

    async def _faulty(
        self, fault: Fault, target: str, body: bytes, content_type: str
    ) -> Fetched | None:
        def count() -> None:
            self.rules.answer("PUT", target, body, content_type)

        async def count_late() -> None:
            await trio.sleep(self.LATE_S)
            count()

        if fault in (Fault.LOST_AFTER, Fault.HUNG_AFTER, Fault.GATEWAY):
            count()
        match fault:
            case Fault.NONE:
                return None
            case Fault.COUNTED_LATE:
                self._nursery.start_soon(count_late)
            case Fault.HUNG_AFTER | Fault.HUNG_BEFORE:
                await trio.sleep_forever()
            case Fault.BROKEN:
                return _fetched(500, "text/plain; charset=utf-8", b"Internal Server Error")
            case Fault.GATEWAY:
                return _fetched(502, "text/html", b"<html>bad gateway")
            case Fault.PAGE:
                return _fetched(200, PAGE.content_type, PAGE.body)
            case Fault.REDIRECT:
                return _fetched(307, "", b"")
            case Fault.REFUSED:
                return _fetched(422, "application/json", b'{"detail":[]}')
        raise FetchFailed("RemoteProtocolError: the connection ended")


def _fetched(status: int, content_type: str, body: bytes) -> Fetched:
    return Fetched(status, {"content-type": content_type}, body, True)
