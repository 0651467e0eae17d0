"""machine.proc_stats."""

from collections.abc import Awaitable, Callable

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get
from nurseries.proc_stats.samples import ProcStatsAnswer


class ProcStatsEndpoints:
    """The declaration and its handler; `read` gives the answer."""

    def __init__(self, read: Callable[[], Awaitable[ProcStatsAnswer]]) -> None:
        self._read = read

    def endpoints(self) -> list[Endpoint]:
        """`machine.proc_stats`."""
        return [
            get(
                "/machine/proc_stats",
                self.proc_stats,
                "Resource usage of this process and of the host.",
                Access.VIEW,
                result=ProcStatsAnswer,
            )
        ]

    async def proc_stats(self, _params: NoParams, _caller: Caller) -> ProcStatsAnswer:
        """The throttled bits and the uptime are read now."""
        return await self._read()
