"""server.logs.rollover: a fresh log file for this server, for Klipper, or for both."""

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, post
from nurseries.log.rollover import APPLICATIONS, LogRollover


class RolloverParams(msgspec.Struct, frozen=True):
    """`application` is moonraker or klipper; both when absent."""

    application: str | None = None


class RolloverAnswer(msgspec.Struct, frozen=True):
    """What was done, and what was not: application -> error text."""

    rolled_over: list[str]
    failed: dict[str, str]


class LogEndpoints:
    """The declaration and its handler."""

    def __init__(self, logs: LogRollover) -> None:
        self._logs = logs

    def endpoints(self) -> list[Endpoint]:
        """`server.logs.rollover`."""
        return [
            post(
                "/server/logs/rollover",
                self.rollover,
                "Begin a fresh log file for this server, for Klipper, or for both.",
                Access.ADMIN,
                RolloverParams,
                RolloverAnswer,
            )
        ]

    async def rollover(self, params: RolloverParams, _caller: Caller) -> RolloverAnswer:
        """Our log first, then Klipper's."""
        wanted = APPLICATIONS if params.application is None else (params.application,)
        outcomes = await self._logs.rollover(wanted)
        return RolloverAnswer(
            [name for name, failure in outcomes.items() if failure is None],
            {name: failure for name, failure in outcomes.items() if failure is not None},
        )
