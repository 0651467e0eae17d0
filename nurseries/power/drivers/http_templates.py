"""`type: http`: a switch that the owner's templates speak to.

Templates get an `http_request`, whose URL is set, and send it themselves; see docs/power.md. One
that loops is ended by its bounds (`config/template_budget.py`), one that waits by the device's
limit.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
import trio

from config.settings.power_drivers import HttpTemplateSettings
from config.template_errors import TemplateFailed
from mrk.http.client import Fetched, FetchFailed, HttpRequests
from mrk.power.http_exchange import ANSWER_BYTES, basic, decoded, on_or_off
from mrk.power.states import DriverFailed, PowerState
from nurseries.power.drivers.asked_driver import AskedDriver
from nurseries.power.drivers.device_http import (
    PAUSE_S,
    TRIES,
    again,
    check_status,
    redirected,
)

MOST_TRIES = 10
# Of one try; the device's own limit is of all of them.
REQUEST_S = 20.0
MOST_S = 60.0
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class HeadersOfAnswer(dict[str, str]):
    """By name in any case; made of names in lower case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """The value, or the default."""
        return super().get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())


class TemplateResponse:
    """An answer, as templates see it."""

    def __init__(self, url: str, final_url: str, fetched: Fetched) -> None:
        self.url = url
        self.final_url = final_url
        self.status_code = fetched.status
        self.headers = HeadersOfAnswer(fetched.headers)
        self.content = fetched.body
        self.text = fetched.body.decode("utf-8", "replace")
        self.fetched = fetched

    def json(self) -> Any:
        """Decoded."""
        return decoded(self.fetched.body, whole=self.fetched.whole)

    def has_error(self) -> bool:
        """Whether the status says so."""
        return self.status_code >= 400

    def raise_for_status(self, message: str | None = None) -> None:
        """Fail if it has an error."""
        if self.has_error():
            raise TemplateFailed(message or f"HTTP {self.status_code}")


class HttpRequest:
    """One request of a template, and the answers it got."""

    def __init__(self, http: HttpRequests, settings: HttpTemplateSettings, url: str) -> None:
        self._http = http
        self._settings = settings
        self._first_url = url
        self._last: TemplateResponse | None = None
        self.reset()

    def reset(self) -> None:
        """As it was in the beginning; answers stay."""
        self._verb, self._url, self._body = "GET", self._first_url, b""
        self._body_type = ""
        user, password = self._settings.user.reveal(), self._settings.password.reveal()
        self._login = basic(user, password)
        self._headers: dict[str, str] = {}

    def set_method(self, method: str) -> None:
        """GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS."""
        if str(method).upper() not in _VERBS:
            raise TemplateFailed(f"set_method: {str(method)[:20]!r} is not an HTTP method")
        self._verb = str(method).upper()

    def set_url(self, url: str) -> None:
        """An http or https one."""
        if not str(url).lower().startswith(("http://", "https://")):
            raise TemplateFailed("set_url: the URL does not begin with http:// or https://")
        self._url = str(url)

    def set_body(self, body: Any) -> None:
        """Text as it is; anything else as JSON, which the headers say unless they say other."""
        self._body_type = ""
        if body is None:
            self._body = b""
        elif isinstance(body, str | bytes):
            self._body = body.encode() if isinstance(body, str) else body
        else:
            self._body = msgspec.json.encode(body)
            self._body_type = "application/json"

    def add_header(self, name: str, value: str) -> None:
        """One more, or in place of one."""
        self._headers[str(name)] = str(value)

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """All of them but the log-in, which one of its name replaces."""
        self._headers = {str(name): str(value) for name, value in headers.items()}

    def last_response(self) -> TemplateResponse:
        """The newest answer."""
        if self._last is None:
            raise TemplateFailed("last_response: nothing was sent")
        return self._last

    @property
    def has_answer(self) -> bool:
        """Whether anything was sent."""
        return self._last is not None

    async def send(self, **changes: Any) -> TemplateResponse:
        """Send it, with changes that hold for this time and later ones."""
        setters: dict[str, Callable[[Any], None]] = {
            "method": self.set_method,
            "url": self.set_url,
            "body": self.set_body,
            "headers": self.set_headers,
        }
        for name, setter in setters.items():
            if name in changes:
                setter(changes[name])
        if "basic_auth_user" in changes:
            pair = (changes["basic_auth_user"], changes.get("basic_auth_pass", ""))
            self._login = basic(str(pair[0]), str(pair[1]))
        tries = min(max(1, int(changes.get("attempts", TRIES))), MOST_TRIES)
        limit_s = _seconds(changes, "request_timeout", REQUEST_S)
        pause_s = _seconds(changes, "retry_pause_time", PAUSE_S)
        once = partial(self._once, limit_s)
        self._last = await again(once, lambda answer: answer.status_code, tries, pause_s)
        return self._last

    async def _once(self, limit_s: float) -> TemplateResponse:
        """One try, the connection included. Raises `FetchFailed`."""
        try:
            with trio.fail_after(limit_s):
                answer, final_url = await redirected(self._url, self._request)
        except trio.TooSlowError:
            raise FetchFailed(f"no answer within {limit_s:g} s") from None
        return TemplateResponse(self._url, final_url, answer)

    async def _request(self, url: str) -> Fetched:
        return await self._http.request(
            self._verb,
            url,
            most_bytes=ANSWER_BYTES,
            body=self._body or None,
            headers=self._sent_headers(),
            local=url.startswith("http://") or not self._settings.verify_certificate,
        )

    def _sent_headers(self) -> dict[str, str]:
        implied = dict(self._login)
        if self._body_type:
            implied["Content-Type"] = self._body_type
        elif self._body and self._verb == "POST":
            # As HTTP libraries say it of a text: relays read forms.
            implied["Content-Type"] = "application/x-www-form-urlencoded"
        given = {name.lower() for name in self._headers}
        for name in list(implied):
            if name.lower() in given:
                del implied[name]
        return implied | self._headers


def _seconds(changes: Mapping[str, Any], name: str, default_s: float) -> float:
    return min(max(0.0, float(changes.get(name, default_s))), MOST_S)


class HttpTemplates(AskedDriver):
    """Implements `PowerDriver`."""

    def __init__(self, http: HttpRequests, settings: HttpTemplateSettings) -> None:
        self._http = http
        self._settings = settings
        self._urls = {
            "on": settings.on_url.reveal(),
            "off": settings.off_url.reveal(),
            "status": settings.status_url.reveal(),
        }

    async def status(self) -> PowerState:
        """Ask for it."""
        return await self._ask("status")

    async def switch(self, on: bool) -> PowerState:
        """What the template finds in the answer."""
        return await self._ask("on" if on else "off")

    async def _ask(self, command: str) -> PowerState:
        request = HttpRequest(self._http, self._settings, self._urls[command])
        context = {
            "command": command,
            "http_request": request,
            "async_sleep": trio.sleep,
            "urls": self._urls,
        }
        try:
            if self._settings.request_template is None:
                await request.send()
            else:
                await self._settings.request_template.render(**context)
            if not request.has_answer:
                raise DriverFailed("Failed to receive a response")
            check_status(request.last_response().fetched)
            said = await self._settings.response_template.render(**context)
        except TemplateFailed as exc:
            raise DriverFailed(f"its template fails: {exc}") from exc
        return on_or_off(said, "what response_template gives")
