"""server.notifiers.list and, with -g, debug.notifiers.test."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from config.settings.notifiers import NotifierSettings
from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from nurseries.notifier.sending.messages import Delivery


class ShownNotifier(msgspec.Struct, frozen=True):
    """A notifier as configured. Texts are templates; of `url` only what is no secret."""

    name: str
    url: str
    events: list[str]
    body: str | None
    title: str | None
    body_format: str | None
    attach: str | None


class NotifierList(msgspec.Struct, frozen=True):
    """The answer of server.notifiers.list."""

    notifiers: list[ShownNotifier]


class NotifierTestParams(msgspec.Struct, frozen=True):
    """`name` is the notifier's."""

    name: str


class NotifierTestResult(msgspec.Struct, frozen=True):
    """`status` is always success; whether the message was taken says `delivered`."""

    status: str
    stats: dict[str, Any]
    delivered: bool
    reason: str


class Testing(Protocol):
    """Sends made-up events."""

    async def test(self, name: str) -> tuple[dict[str, Any], Delivery]:
        """The stats that were told, and what became of it; raises `ClientError` 404."""


class NotifierEndpoints:
    """The declarations and handlers."""

    def __init__(
        self, settings: Sequence[NotifierSettings], testing: Testing, *, debug: bool
    ) -> None:
        self._settings = settings
        self._testing = testing
        self._debug = debug

    def endpoints(self) -> list[Endpoint]:
        """The debug one exists with -g only."""
        listed = get(
            "/server/notifiers/list",
            self.list,
            "Notifiers as configured.",
            Access.VIEW,
            result=NotifierList,
        )
        tested = post(
            "/debug/notifiers/test",
            self.test,
            "Have one notifier send made-up job data.",
            Access.OPERATE,
            NotifierTestParams,
            NotifierTestResult,
        )
        return [listed, tested] if self._debug else [listed]

    def list(self, _params: NoParams, _caller: Caller) -> NotifierList:
        """In the order of the configuration."""
        return NotifierList([_shown(one) for one in self._settings])

    async def test(self, params: NotifierTestParams, _caller: Caller) -> NotifierTestResult:
        """Raises `ClientError` 404."""
        stats, outcome = await self._testing.test(params.name)
        return NotifierTestResult("success", stats, outcome.ok, outcome.reason)


def _shown(settings: NotifierSettings) -> ShownNotifier:
    progress = [f"progress:{percent}" for percent in settings.progress]
    return ShownNotifier(
        settings.name,
        settings.shown_url,
        [*settings.events, *progress],
        settings.shown_body,
        settings.shown_title,
        settings.shown_body_format,
        settings.shown_attach,
    )
