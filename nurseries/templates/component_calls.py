"""Calls API methods for components, by JSON-RPC, as a client with a role does.

Owns no task; the component puts a deadline round a call.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import trio

from mrk import foreign_json
from mrk.api.caller import Caller, Transport
from mrk.api.outcome import Outcome
from mrk.api.rpc import Busy, Reply, Who
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.foreign_json import NotJson

# Decoding 100 KB takes a millisecond, a thread a tenth of that.
_THREAD_BYTES = 128 * 1024


class ComponentCalls:
    """Implements `ApiCalls`; `answer` is the one of `mrk.api.rpc.Rpc`."""

    def __init__(
        self, answer: Callable[[bytes, Who, Busy], Outcome[Reply]], role: Role = Role.ADMIN
    ) -> None:
        self._answer = answer
        self._caller = Caller(Transport.INTERNAL, role=role)

    async def call(self, method: str, **params: Any) -> Any:
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        message = msgspec.json.encode(request)
        reply = await self._answer(message, lambda: self._caller, Busy.NO).wait()
        decoded = await _decode(reply or b"{}")
        if "error" in decoded:
            error = decoded["error"]
            raise ClientError(error["message"], error["code"], error.get("data"))
        return decoded.get("result")


async def _decode(reply: bytes) -> Any:
    if len(reply) < _THREAD_BYTES:
        return decoded_answer(reply)
    return await trio.to_thread.run_sync(decoded_answer, reply)


def decoded_answer(text: bytes) -> Any:
    """What a method answered. Raises `ClientError` 500.

    Some pass on what others have written, such as a Spoolman, and its numbers may be no numbers.
    """
    try:
        return foreign_json.decode(text)
    except NotJson as exc:
        raise ClientError(f"The answer cannot be read: {exc}", 500) from exc
