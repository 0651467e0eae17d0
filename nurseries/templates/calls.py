"""`call_method(method, **arguments)` of templates: the API, asked by mrk itself.

Bound to the internal caller: it may do whatever the API offers to such callers. Handed to
templates as a function; the subsystem that renders them puts a deadline around it.
"""

from typing import Any, Protocol

import msgspec

from config.template_errors import TemplateFailed
from mrk.api.caller import INTERNAL_CALLER, Transport
from mrk.api.large_result import LargeResult, join_here
from mrk.api.outcome import Outcome
from mrk.api.perform import perform
from mrk.api.table import Method
from mrk.errors import ClientError
from nurseries.templates.component_calls import decoded_answer


class Methods(Protocol):
    """Finds a method by its JSON-RPC name (`mrk.api.table.Table`)."""

    def method(self, name: str, transport: Transport) -> Method:
        """Raises `ClientError` 404 for one that is unknown or not offered there."""


class TemplateCalls:
    """Gives templates the methods of one generation."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods

    async def call_method(self, method: str, **arguments: Any) -> Any:
        """The result as a client would see it, decoded; raises `TemplateFailed`."""
        try:
            found = self._methods.method(str(method), Transport.INTERNAL)
        except ClientError:
            raise TemplateFailed(f"call_method: no method {str(method)[:100]}") from None
        try:
            # A client's result has passed through JSON as well: no object of ours gets in.
            return await perform(found, arguments, INTERNAL_CALLER, _through_json, _fail).wait()
        except ClientError as exc:
            raise TemplateFailed(f"call_method {method}: {exc.message}") from None


def _fail(error: ClientError) -> Any:
    raise error


def _through_json(result: Any) -> Outcome[Any]:
    if type(result) is LargeResult:
        return Outcome.later(_joined(result))
    return Outcome(decoded_answer(msgspec.json.encode(result)))


async def _joined(result: LargeResult) -> Any:
    return decoded_answer(await result.between(b"", b"", join_here))
