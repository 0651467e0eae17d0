"""HTTP to a power device: one exchange at a time, few tries, its answer as JSON.

No cookies. A redirect is followed to the same host only: another one would be given the log-in.
Certificates of https devices are verified unless the owner says otherwise.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import trio

from mrk.http.client import Fetched, FetchFailed, HttpRequests, NotReached
from mrk.power.digest import Digest, NoDigest
from mrk.power.http_exchange import ANSWER_BYTES, Ask, basic, decoded
from mrk.power.states import DriverFailed

Got = TypeVar("Got")
TRIES = 3
PAUSE_S = 0.3
MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_SHOWN_CHARS = 100


class DeviceRefused(DriverFailed):
    """The device answers, with a status from 400 to 499."""


class BasicLogin:
    """Sent with each request, without waiting to be asked; nothing unless both are given."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self._headers = basic(user, password)

    def header(self, verb: str, target: str) -> Mapping[str, str]:
        return self._headers


Login = BasicLogin | Digest


class DeviceHttp:
    """`base` is scheme, host and port, which no answer changes, and a path above all others."""

    def __init__(
        self,
        http: HttpRequests,
        base: str,
        login: Login | None = None,
        *,
        verify_certificate: bool = True,
    ) -> None:
        self._http = http
        self._base = base
        self.login: Login = BasicLogin() if login is None else login
        # Without a check of certificates, or of none, the exchange is a plain one.
        self._local = not verify_certificate or base.startswith("http://")

    async def json(self, ask: Ask) -> Any:
        """The answer's JSON. Raises `DriverFailed`."""
        answer = await self.ask(ask)
        return decoded(answer.body, whole=answer.whole)

    async def ask(self, ask: Ask) -> Fetched:
        """A good answer; one that cannot be reached, or is busy, is tried again.

        Raises `DriverFailed`.
        """
        answer = await again(lambda: self._logged_in(ask), lambda answer: answer.status)
        check_status(answer)
        return answer

    async def _logged_in(self, ask: Ask) -> Fetched:
        answer = await self._once(ask)
        if answer.status != 401 or "www-authenticate" not in answer.headers:
            return answer
        if isinstance(self.login, BasicLogin):
            return answer
        try:
            self.login.challenged(answer.headers["www-authenticate"])
        except NoDigest as exc:
            raise DriverFailed(str(exc)) from exc
        return await self._once(ask)

    async def _once(self, ask: Ask) -> Fetched:
        async def request(url: str) -> Fetched:
            target = "/" + url.split("/", 3)[3]
            return await self._http.request(
                ask.verb,
                url,
                most_bytes=ANSWER_BYTES,
                body=ask.body,
                headers={**ask.headers, **self.login.header(ask.verb, target)},
                local=self._local,
            )

        answer, _url = await redirected(self._base + ask.target, request)
        return answer


async def again(
    once: Callable[[], Awaitable[Got]],
    status_of: Callable[[Got], int],
    tries: int = TRIES,
    pause_s: float = PAUSE_S,
) -> Got:
    """An answer, that of the last try whatever it is. Raises `DriverFailed` where there is none."""
    for left in reversed(range(tries)):
        try:
            answer = await once()
            if not left or not _may_pass(status_of(answer)):
                return answer
        except NotReached as exc:
            if not left:
                raise DriverFailed(f"it cannot be reached: {exc}") from exc
        except FetchFailed as exc:
            if not left:
                raise DriverFailed(str(exc)) from exc
        await trio.sleep(pause_s)
    raise AssertionError("there is at least one try")


def _may_pass(status: int) -> bool:
    """Whether the device may answer otherwise in a moment; a wrong password stays wrong."""
    return status >= 500 or status in (408, 429)


def check_status(answer: Fetched) -> None:
    """Raises `DriverFailed` for 400 and more."""
    if answer.status >= 400:
        said = answer.body[:_SHOWN_CHARS].decode("utf-8", "replace").strip()
        said = said.splitlines()[0] if said else ""
        hint = " (user or password are wrong)" if answer.status in (401, 403) else ""
        kind = DeviceRefused if answer.status < 500 else DriverFailed
        raise kind(f"it answers HTTP {answer.status}{hint} {said}".rstrip())


async def redirected(url: str, request: Callable[[str], Awaitable[Fetched]]) -> tuple[Fetched, str]:
    """The answer behind a few redirects, and where it was. Raises `DriverFailed`."""
    for _ in range(MOST_REDIRECTS + 1):
        answer = await request(url)
        if answer.status not in _REDIRECTS:
            return answer, url
        target = _same_host_target(url, answer.headers.get("location", ""))
        url = "/".join(url.split("/", 3)[:3]) + target
    raise DriverFailed("it redirects again and again")


def _same_host_target(url: str, location: str) -> str:
    """Path and query that a redirect leads to; raises `DriverFailed` for another host."""
    here = urlsplit(url)
    try:
        there = urlsplit(urljoin(url, location))
    except ValueError as exc:
        raise DriverFailed(f"it redirects to {location[:_SHOWN_CHARS]!r}: {exc}") from exc
    if (there.scheme, there.netloc) != (here.scheme, here.netloc) or not location:
        raise DriverFailed(
            f"it redirects to {location[:_SHOWN_CHARS]!r}, which is another host or scheme:"
            " write that one as its address"
        )
    return there.path + (f"?{there.query}" if there.query else "")
